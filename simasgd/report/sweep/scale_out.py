"""The trade-off of staleness σ, mini-batch µ and learners λ: error against time, as Rudra's authors draw it.

A line joins the settings with one mini-batch in the order of their numbers of learners, as in the
figures of (σ, µ, λ) trade-off curves of arXiv:1509.04210.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import needs_log_scale, use_number_axis, use_percent_axis
from simasgd.report.drawing.labels import Mark, label_points
from simasgd.report.drawing.page_parts import Block, LegendEntry, Panel, Table, draw_line_mark
from simasgd.report.facts.formats import choose_time_unit, format_number
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.sweep_facts import (
    ERROR,
    SECONDS,
    STALENESS,
    Row,
    SweepFacts,
    format_quantity,
    list_rows,
    select,
    varies,
)
from simasgd.report.sweep.figures import find_score_limits, name_scale, set_time_axis
from simasgd.report.sweep.labels import FONT
from simasgd.report.sweep.layout import MOST_PANELS, split_rest
from simasgd.report.sweep.naming import AXIS_TITLES, TITLES, say_panel, title_panel
from simasgd.report.sweep.verdict import SweepVerdict

_LEARNERS, _MINI_BATCH = "cluster.learners", "workload.mini_batch"
_MOST_BATCHES = 8
_MOST_LABELS = 24
_STALE = 0.05
"""The mean staleness from which a label has it."""


class Setting(NamedTuple):
    """A setting with its number of learners and its mini-batch."""

    learners: float
    mini_batch: float
    row: Row


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
            figure = _draw(found, batches, measure)
            label = f"{TITLES[measure]} against simulated time, a line for each mini-batch. {_say(found, measure)}"
            name = f"scale-out-{len(panels)}"
            panels.append(Panel(title_panel(place, facts) or "All settings", svg.render_inline(figure, name, label)))
    held = f" All with {say_panel(fixed, facts)}, as in the best setting." if fixed else ""
    return Block(
        id="scale-out",
        nav="Scale-out",
        title="The trade-off of staleness σ, mini-batch µ and learners λ",
        reading="A line joins the settings with one mini-batch, from few learners λ to many; σ is the mean staleness. Down "
        f"is better, and left is sooner.{held}",
        legend=[
            LegendEntry(draw_line_mark(f"series-{i}", marker=svg.choose_series_marker(i)[1]), f"µ = {format_number(batch)}")
            for i, batch in enumerate(batches)
        ],
        panels=panels,
        table=_tabulate(parts, measure, facts),
        summary="Staleness, mini-batch and learners of each setting",
    )


def _list_settings(facts: SweepFacts, dials: Sequence[Dial], measure: str, values: dict[str, str]) -> list[Setting]:
    """Return the sound settings with these values, by mini-batch and learners."""
    rows = list_rows(select(facts.sound, values).dropna(subset=[measure, SECONDS]))
    found = [Setting(_read(row, _LEARNERS, dials), _read(row, _MINI_BATCH, dials), row) for row in rows]
    return sorted(found, key=lambda one: (one.mini_batch, one.learners))


def _read(row: Row, key: str, dials: Sequence[Dial]) -> float:
    """Return the number of a key in a setting; the key may be one of several that vary together."""
    dial = next(dial for dial in dials if key in dial.axis.keys)
    return float(dial.axis.parts_of(row[dial.key])[dial.axis.keys.index(key)])


def _draw(found: Sequence[Setting], batches: Sequence[float], measure: str) -> Figure:
    size, unit = choose_time_unit(max(one.row[SECONDS] for one in found))
    scores = [float(one.row[measure]) for one in found]
    with svg.open_figure(height=3.1) as figure:
        axes = figure.subplots()
        for i, batch in enumerate(batches):
            line = [one for one in found if one.mini_batch == batch]
            at = [one.row[SECONDS] / size for one in line]
            colour, (marker, _) = svg.choose_series_colour(i), svg.choose_series_marker(i)
            axes.plot(at, [one.row[measure] for one in line], color=colour, linewidth=1.2, alpha=0.7)
            axes.plot(at, [one.row[measure] for one in line], marker, color=colour, markersize=6.5)
        far_apart = min(scores) > 0 and needs_log_scale(pd.Series(scores))
        (use_percent_axis if measure == ERROR else use_number_axis)(axes, logarithmic=far_apart)
        axes.set_ylim(*find_score_limits(scores, far_apart=far_apart))
        is_logarithmic = set_time_axis(axes, [one.row[SECONDS] / size for one in found])
        axes.set_xlabel(f"simulated time ({unit}{', log scale' if is_logarithmic else ''})", fontsize=FONT)
        axes.set_ylabel(name_scale(AXIS_TITLES[measure]) if far_apart else AXIS_TITLES[measure], fontsize=FONT)
        axes.tick_params(labelsize=FONT)
        marks = [Mark(one.row[SECONDS] / size, one.row[measure], _label(one), 0) for one in found]
        if len(marks) <= _MOST_LABELS:
            label_points(axes, marks, size=FONT - 1)
        return figure


def _label(one: Setting) -> str:
    """Return the learners, and the mean staleness if gradients are stale."""
    staleness = float(one.row[STALENESS])
    stale = f", σ {format_number(staleness)}" if staleness >= _STALE else ""
    return f"λ {format_number(one.learners)}{stale}"


def _say(found: Sequence[Setting], measure: str) -> str:
    return "; ".join(
        f"µ {format_number(one.mini_batch)}, λ {format_number(one.learners)}: "
        f"{format_quantity(measure, one.row[measure])} after {format_quantity(SECONDS, one.row[SECONDS])}"
        for one in found
    )


def _tabulate(parts: Sequence[tuple[dict[str, str], Sequence[Setting]]], measure: str, facts: SweepFacts) -> Table:
    titles = ("figure", "learners λ", "mini-batch µ", "µ × λ", "mean staleness σ", TITLES[measure].lower(), "simulated time")
    rows = [
        [
            title_panel(place, facts) or "All settings",
            format_number(one.learners),
            format_number(one.mini_batch),
            format_number(one.learners * one.mini_batch),
            *(format_quantity(quantity, one.row[quantity]) for quantity in (STALENESS, measure, SECONDS)),
        ]
        for place, found in parts
        for one in found
    ]
    return Table.of(titles, rows)
