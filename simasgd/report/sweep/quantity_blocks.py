"""The sections of the sweep report that draw a quantity along the axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from simasgd.report.drawing import svg
from simasgd.report.drawing.page_parts import Block, Panel
from simasgd.report.facts.formats import capitalise, join_words
from simasgd.report.sweep.drawing.figures import choose_scale, draw_lines, draw_scatter, draw_speedups, is_moved_aside
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.lost import say_lost
from simasgd.report.sweep.facts.sweep_facts import (
    NAMES,
    SHARE,
    THROUGHPUT,
    TO_TARGET,
    SweepFacts,
    format_quantity,
    is_usable,
    say_setting,
    select,
)
from simasgd.report.sweep.layout import Layout, lay_out
from simasgd.report.sweep.naming import AXIS_TITLES, TITLES, say_panel, title_panel
from simasgd.report.sweep.verdict import SweepVerdict

_IDEAL = 98.0
"""An efficiency (%) above this is ideal."""


def build_quantity(quantity: str, verdict: SweepVerdict) -> Block | None:
    """Build the section of a score or of the time to the target; None if it varies along no axis."""
    facts = verdict.facts
    assert verdict.anchor is not None
    layout = lay_out(quantity, facts, verdict.anchor)
    if layout is None:
        return None
    target = facts.sweep.target
    of_target = f" of {format_quantity(target.quantity, target.value)}" if quantity == TO_TARGET and target is not None else ""
    panels = _draw_panels(layout, facts)
    is_folded = quantity == TO_TARGET and not facts.has_given_target
    return Block(
        id=quantity.replace("_", "-"),
        nav=TITLES[quantity],
        title=f"{TITLES[quantity]}{of_target} over {_name_axes(layout)}",
        reading=f"{_explain_marks(facts, [layout])} {_explain(layout, facts)}".strip(),
        panels=[] if is_folded else panels,
        folded=panels if is_folded else [],
        folded_summary="Figures for this target, which the program chose" if is_folded else "",
    )


def build_clock(quantities: Sequence[str], verdict: SweepVerdict) -> Block | None:
    """Build one section for all that the clock decides: time, throughput, speed-up and staleness."""
    facts = verdict.facts
    assert verdict.anchor is not None
    panels: list[Panel] = []
    titles = []
    layouts: list[Layout] = []
    for quantity in quantities:
        layout = lay_out(quantity, facts, verdict.anchor)
        if layout is not None:
            drawn = _draw_panels(layout, facts)
            panels += [
                replace(panel, title=_name_panel(TITLES[quantity], panel), note=_explain(layout, facts)) for panel in drawn
            ]
            layouts.append(layout)
            titles.append(NAMES[quantity])
    speedups = _draw_speedups(verdict)
    if not panels and not speedups:
        return None
    named = capitalise(join_words([*titles, *([_name_speedup(facts)] if speedups else [])]))
    return Block(id="clock", nav="Time", title=named, reading=_explain_marks(facts, layouts), panels=[*panels, *speedups])


def _name_speedup(facts: SweepFacts) -> str:
    """Return the name of the speed-up with its base, the fewest learners."""
    learners = next(dial for dial in facts.varying if dial.key == "cluster.learners")
    numbers = learners.axis.numbers or ()
    return f"speed-up over {learners.say(learners.values[numbers.index(min(numbers))])}"


def _name_panel(title: str, panel: Panel) -> str:
    return title if panel.title == title else f"{title}: {panel.title[:1].lower()}{panel.title[1:]}"


def _draw_panels(layout: Layout, facts: SweepFacts) -> list[Panel]:
    quantity = layout.quantity
    panels: list[Panel] = []
    for rows, where, figure, against in draw_panels(layout, facts):
        label = _describe_figure(rows, layout, where)
        name = f"{quantity}-{len(panels)}"
        title = ", ".join(filter(None, (where, f"against {against}" if against else "")))
        panels.append(Panel(title or TITLES[quantity], svg.render_inline(figure, name, label)))
    return panels


def draw_panels(layout: Layout, facts: SweepFacts) -> Iterator[tuple[pd.DataFrame, str, Figure, str]]:
    """Yield the settings of each panel, where it is in the other axes, its figure, and against what, if that is one key."""
    quantity, limits = layout.quantity, _find_limits(facts, layout)
    title = AXIS_TITLES[quantity].format(choose_scale(quantity, limits[1])[1])
    for values in layout.list_panels():
        rows = layout.find_rows(facts, values)
        if not is_usable(rows, quantity).any():
            continue
        where, across = title_panel(values, facts), layout.across
        scattered = across.scatter()
        for name, unit, places in scattered:
            along = rows[across.key].map(places)
            yield rows, where, draw_scatter(rows, along, layout.lines, quantity, limits, (name, title), unit), name
        if not scattered:
            yield rows, where, draw_lines(rows, across, layout.lines, quantity, limits, title), ""


def _find_limits(facts: SweepFacts, layout: Layout) -> tuple[float, float]:
    rows = select(facts.usable(layout.quantity), layout.fixed)
    return float(rows[f"{layout.quantity}_low"].min()), float(rows[f"{layout.quantity}_high"].max())


def _name_axes(layout: Layout) -> str:
    dials = [layout.across, *([layout.lines] if layout.lines is not None else []), *layout.panels]
    return join_words([dial.name for dial in dials])


def _explain_marks(facts: SweepFacts, layouts: Sequence[Layout]) -> str:
    """Say what points, bands and crosses are."""
    parts = []
    if facts.repetitions > 1:
        parts.append("Points are means over the seeds; bands and bars are the range over the seeds, and over nothing else.")
    rows = [(layout, layout.find_rows(facts, panel)) for layout in layouts for panel in layout.list_panels()]
    if any((~found["sound"] & ~is_usable(found, layout.quantity)).any() for layout, found in rows):
        lost = say_lost(facts.settings)
        parts.append(f"The band at the top has the settings that {lost}; their heights there mean nothing.")
    shares = [share for layout, found in rows for share in found[is_usable(found, layout.quantity)][SHARE]]
    if any(share < 1.0 for share in shares):
        parts.append(_explain_fill(facts, layouts, shares))
    return " ".join(parts)


def _explain_fill(facts: SweepFacts, layouts: Sequence[Layout], shares: Sequence[float]) -> str:
    """Say what hollow markers are, and half-filled ones where settings that share a marker ended differently."""
    lost = say_lost(facts.settings)
    if not any(0.0 < share < 1.0 for share in shares):
        return f"A hollow marker is a setting that {lost}."
    names = {join_words([dial.name for dial in layout.still]) for layout in layouts if layout.still}
    where = f"value of the {names.pop()}" if len(names) == 1 else "value of the axes along which a figure is the same"
    did = lost.removeprefix("did not ").replace("finish", "finished").replace("learn", "learned").replace(" or ", " and ")
    return f"Filled markers {did} at every {where}, half-filled ones at some, hollow ones at none."


def _explain(layout: Layout, facts: SweepFacts) -> str:
    """Say what lines and panels are, and which axes stay where they are."""
    quantity = NAMES[layout.quantity]
    parts = []
    if layout.lines is not None:
        panels = f", one figure for each {join_words([dial.each for dial in layout.panels])}" if layout.panels else ""
        parts.append(f"One colour for each {layout.lines.each}{panels}.")
        if is_moved_aside(layout.across):
            parts.append("Marks of one value stand side by side.")
    if layout.still:
        parts.append(f"The same at every {_join(layout.still)}.")
    if layout.held:
        held = say_setting(layout.fixed, layout.held)
        parts.append(f"All with {held}, as in the best setting; the tables have the rest.")
    if layout.quantity == TO_TARGET:
        missed = "it did not reach it" if facts.repetitions == 1 else "not every seed reached it"
        parts.append(f"A setting without a marker has no {quantity}: {missed}.")
    return " ".join(parts)


def _join(dials: Sequence[Dial]) -> str:
    return join_words([dial.name for dial in dials])


def _describe_figure(rows: pd.DataFrame, layout: Layout, where: str) -> str:
    """Describe a figure for readers who do not see it: the ends of each line."""
    quantity = layout.quantity
    known = rows[is_usable(rows, quantity)]
    if layout.lines is None:
        parts = [_describe_ends(known, layout)]
    else:
        lines = layout.lines
        found = [(value, known[known[lines.key] == value]) for value in lines.values]
        parts = [f"{lines.say(value)}: {_describe_ends(rows, layout)}" for value, rows in found if len(rows)]
    at = f" at {where}" if where else ""
    return f"{capitalise(NAMES[quantity])} along {layout.across.name}{at}. {'; '.join(parts)}."


def _describe_ends(rows: pd.DataFrame, layout: Layout) -> str:
    ends = [rows.iloc[0], rows.iloc[-1]] if len(rows) > 1 else [rows.iloc[0]]
    across, quantity = layout.across, layout.quantity
    return ", ".join(f"{format_quantity(quantity, row[quantity])} at {across.say(row[across.key])}" for row in ends)


def _draw_speedups(verdict: SweepVerdict) -> list[Panel]:
    """Draw the speed-up over the fewest learners, if the number of learners is an axis."""
    facts = verdict.facts
    learners = next((dial for dial in facts.varying if dial.key == "cluster.learners" and dial.axis.numbers is not None), None)
    if learners is None or verdict.anchor is None:
        return []
    layout = lay_out(THROUGHPUT, facts, verdict.anchor, learners)
    if layout is None:
        return []
    numbers = learners.axis.numbers or ()
    base = learners.values[numbers.index(min(numbers))]
    drawn = [(values, _divide(layout.find_rows(facts, values), learners, base, layout)) for values in layout.list_panels()]
    greatest = max((float(rows[f"{THROUGHPUT}_high"].max()) for _, rows in drawn if len(rows)), default=0.0)
    panels: list[Panel] = []
    for values, rows in drawn:
        if rows[THROUGHPUT].notna().any():
            where = say_panel(values, facts)
            figure = draw_speedups(rows, learners, layout.lines, THROUGHPUT, greatest)
            label = f"Speed-up over {learners.say(base)}. {_describe_figure(rows, layout, where)}"
            note = f"Samples per simulated second over those of {learners.say(base)}. {_explain(layout, facts)}"
            title = f"Speed-up over {learners.say(base)}{f': {where}' if where else ''}"
            panels.append(Panel(title, svg.render_inline(figure, f"speedup-{len(panels)}", label), note=note))
    return [*panels, *_draw_efficiencies(drawn, learners, layout, facts)]


def _draw_efficiencies(
    drawn: Sequence[tuple[dict[str, str], pd.DataFrame]], learners: Dial, layout: Layout, facts: SweepFacts
) -> list[Panel]:
    """Draw the speed-up as a share of the ideal one; nothing if it is ideal everywhere."""
    least = min(learners.axis.numbers or (1.0,))
    ideal = {value: number / least for value, number in zip(learners.values, learners.axis.numbers or (), strict=True)}
    columns = [f"{THROUGHPUT}{end}" for end in ("", "_low", "_high")]
    shares = [
        (values, rows.assign(**{column: 100.0 * rows[column] / rows[learners.key].map(ideal) for column in columns}))
        for values, rows in drawn
        if rows[THROUGHPUT].notna().any()
    ]
    if all(float(rows[THROUGHPUT].min()) > _IDEAL for _, rows in shares):
        return []
    greatest = max(100.0, *(float(rows[f"{THROUGHPUT}_high"].max()) for _, rows in shares))
    panels: list[Panel] = []
    for values, rows in shares:
        where = say_panel(values, facts)
        figure = draw_lines(rows, learners, layout.lines, THROUGHPUT, (0.0, greatest), "efficiency (%)")
        label = f"Efficiency in per cent. {_describe_figure(rows, layout, where)}"
        title = f"Efficiency{f': {where}' if where else ''}"
        note = f"The speed-up as a share of the ideal one. {_explain(layout, facts)}"
        panels.append(Panel(title, svg.render_inline(figure, f"efficiency-{len(panels)}", label), note=note))
    return panels


def _divide(rows: pd.DataFrame, learners: Dial, base: str, layout: Layout) -> pd.DataFrame:
    """Divide the throughput of each line by its mean at the fewest learners; lines without that number are left out."""
    found = []
    for _, line in rows.groupby(layout.lines.key, sort=False) if layout.lines is not None else [((), rows)]:
        at_base = line[line[learners.key] == base][THROUGHPUT].dropna()
        if len(at_base):
            columns = [f"{THROUGHPUT}{end}" for end in ("", "_low", "_high")]
            found.append(line.assign(**{column: line[column] / float(at_base.iloc[0]) for column in columns}))
    return pd.concat(found) if found else rows.iloc[:0]
