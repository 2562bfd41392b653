"""The trade-off of staleness σ, mini-batch µ and learners λ: error against time, as Rudra's authors draw it.

Lines join the settings with one mini-batch, and those with one number of learners, as in the figures of (σ, µ, λ)
trade-off curves of arXiv:1509.04210.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simasgd.report.drawing import svg
from simasgd.report.drawing.labels import LabelAnchor, label_points
from simasgd.report.drawing.page_parts import Block, LegendEntry, Panel, Table, draw_line_mark
from simasgd.report.drawing.value_axes import needs_log_scale, use_number_axis, use_percent_axis
from simasgd.report.facts.formats import choose_time_unit, format_number
from simasgd.report.sweep.drawing.figures import find_score_limits, name_scale, set_time_axis
from simasgd.report.sweep.drawing.labels import FONT
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.scale import SizedSetting, state_scale_out
from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    SECONDS,
    STALENESS,
    SettingRow,
    SweepFacts,
    format_quantity,
    list_rows,
    select,
    varies,
)
from simasgd.report.sweep.layout import MOST_PANELS, split_rest
from simasgd.report.sweep.naming import AXIS_TITLES, TITLES, say_panel, title_panel
from simasgd.report.sweep.verdict import SweepVerdict

_LEARNERS, _MINI_BATCH = "cluster.learners", "workload.mini_batch"
_MOST_BATCHES = 8


def build_scale_out(verdict: SweepVerdict) -> Block | None:
    """Build the section; None unless both the learners and the mini-batch vary, and error and time with them."""
    facts, measure, anchor = verdict.facts, verdict.facts.measure, verdict.anchor
    dials = [dial for dial in facts.varying if {_LEARNERS, _MINI_BATCH}.intersection(dial.axis.keys)]
    keys = {key for dial in dials for key in dial.axis.keys}
    if measure is None or anchor is None or not {_LEARNERS, _MINI_BATCH} <= keys or not varies(facts.sound[SECONDS]):
        return None
    places, fixed = split_rest([dial for dial in facts.varying if dial not in dials], anchor)
    parts = [(place, _list_settings(facts, dials, measure, {**fixed, **place})) for place in places]
    batches = sorted({one.mini_batch for _, found in parts for one in found})
    if not 1 < len(batches) <= _MOST_BATCHES or len({one.learners for _, found in parts for one in found}) < 2:
        return None
    panels: list[Panel] = []
    for place, found in parts[:MOST_PANELS]:
        if found:
            figure = _draw(found, [one for _, each in parts for one in each], batches, measure)
            label = f"{TITLES[measure]} against simulated time, a line for each mini-batch. {_say(found, measure)}"
            drawn = svg.render_inline(figure, f"scale-out-{len(panels)}", label)
            note = state_scale_out(found, measure, facts.test_samples)
            panels.append(Panel(title_panel(place, facts) or "All settings", drawn, subtitle=_say_staleness(found), note=note))
    held = f" All with {say_panel(fixed, facts)}, as in the best setting." if fixed else ""
    return Block(
        id="scale-out",
        nav="Scale-out",
        title="The trade-off of staleness σ, mini-batch µ and learners λ",
        reading="A line in colour joins the settings with one mini-batch, a dashed one those with one number of learners λ. "
        f"Bars are the range over seeds. Down is better, and left is sooner.{held}",
        legend=[
            LegendEntry(draw_line_mark(f"series-{i}", marker=svg.choose_series_marker(i)[1]), f"µ = {format_number(batch)}")
            for i, batch in enumerate(batches)
        ],
        panels=panels,
        table=_tabulate(parts, measure, facts),
        summary="Staleness, mini-batch and learners of each setting",
    )


def _list_settings(facts: SweepFacts, dials: Sequence[Dial], measure: str, values: dict[str, str]) -> list[SizedSetting]:
    """Return the sound settings with these values, by mini-batch and learners."""
    rows = list_rows(select(facts.sound, values).dropna(subset=[measure, SECONDS]))
    found = [SizedSetting(_read(row, _LEARNERS, dials), _read(row, _MINI_BATCH, dials), row) for row in rows]
    return sorted(found, key=lambda one: (one.mini_batch, one.learners))


def _read(row: SettingRow, key: str, dials: Sequence[Dial]) -> float:
    """Return the number of a key in a setting; the key may be one of several that vary together."""
    dial = next(dial for dial in dials if key in dial.axis.keys)
    return float(dial.axis.parts_of(row[dial.key])[dial.axis.keys.index(key)])


def _draw(found: Sequence[SizedSetting], every: Sequence[SizedSetting], batches: Sequence[float], measure: str) -> Figure:
    """Draw the settings of a panel; the axes are those of `every` panel."""
    size, unit = choose_time_unit(max(one.row[SECONDS] for one in every))
    ends = [float(one.row[f"{measure}_{end}"]) for one in every for end in ("low", "high")]
    scores = [float(one.row[measure]) for one in every]
    with svg.open_figure(height=3.1) as figure:
        axes = figure.subplots()
        named = _draw_contours(axes, found, size, measure)
        for i, batch in enumerate(batches):
            line = [one for one in found if one.mini_batch == batch]
            at = [one.row[SECONDS] / size for one in line]
            colour, (marker, _) = svg.choose_series_colour(i), svg.choose_series_marker(i)
            low, high = ([one.row[f"{measure}_{end}"] for one in line] for end in ("low", "high"))
            axes.vlines(at, low, high, color=colour, linewidth=1.0, alpha=0.5)
            axes.plot(at, [one.row[measure] for one in line], color=colour, linewidth=1.2, alpha=0.7)
            axes.plot(at, [one.row[measure] for one in line], marker, color=colour, markersize=6.5)
        far_apart = min(ends) > 0 and needs_log_scale(pd.Series(scores))
        (use_percent_axis if measure == ERROR else use_number_axis)(axes, logarithmic=far_apart)
        axes.set_ylim(*find_score_limits(ends, far_apart=far_apart))
        is_logarithmic = set_time_axis(axes, [one.row[SECONDS] / size for one in every])
        axes.set_xlabel(f"simulated time ({unit}{', log scale' if is_logarithmic else ''})", fontsize=FONT)
        axes.set_ylabel(name_scale(AXIS_TITLES[measure]) if far_apart else AXIS_TITLES[measure], fontsize=FONT)
        axes.tick_params(labelsize=FONT)
        others = [_mark(one, size, measure) for one in found if one.mini_batch != named[one.learners].mini_batch]
        label_points(axes, [_mark(one, size, measure) for one in named.values()], others, size=FONT - 1)
        return figure


def _draw_contours(axes: Axes, found: Sequence[SizedSetting], size: float, measure: str) -> dict[float, SizedSetting]:
    """Draw a grey line through the settings of each number of learners, and return the one that is to have its label."""
    named = {}
    for learners in sorted({one.learners for one in found}):
        line = sorted((one for one in found if one.learners == learners), key=lambda one: one.mini_batch)
        at = [one.row[SECONDS] / size for one in line]
        axes.plot(at, [one.row[measure] for one in line], color=svg.MUTED, linewidth=0.9, linestyle=svg.DASHES[1])
        named[learners] = line[-1]
    return named


def _mark(one: SizedSetting, size: float, measure: str) -> LabelAnchor:
    return LabelAnchor(one.row[SECONDS] / size, one.row[measure], f"λ {format_number(one.learners)}", 0)


def _say_staleness(found: Sequence[SizedSetting]) -> str:
    """Return the range of the mean staleness in a panel."""
    ages = sorted(float(one.row[STALENESS]) for one in found)
    low, high = format_number(ages[0]), format_number(ages[-1])
    return f"mean staleness σ {low}" if low == high else f"mean staleness σ {low} – {high}"


def _say(found: Sequence[SizedSetting], measure: str) -> str:
    return "; ".join(
        f"µ {format_number(one.mini_batch)}, λ {format_number(one.learners)}: "
        f"{format_quantity(measure, one.row[measure])} after {format_quantity(SECONDS, one.row[SECONDS])}"
        for one in found
    )


def _tabulate(parts: Sequence[tuple[dict[str, str], Sequence[SizedSetting]]], measure: str, facts: SweepFacts) -> Table:
    titles = ("figure", "learners λ", "mini-batch µ", "µ × λ", "mean staleness σ", TITLES[measure].lower(), "simulated time")
    rows = [
        [
            title_panel(place, facts) or "All settings",
            format_number(one.learners),
            format_number(one.mini_batch),
            format_number(one.product),
            *(format_quantity(quantity, one.row[quantity]) for quantity in (STALENESS, measure, SECONDS)),
        ]
        for place, found in parts
        for one in found
    ]
    return Table.of(titles, rows)
