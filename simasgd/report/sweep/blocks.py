"""The sections of the sweep report."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from simasgd.report.drawing import svg
from simasgd.report.drawing.page_parts import Block, Cell, Column, LegendEntry, Panel, Table, draw_glyph, draw_line_mark
from simasgd.report.facts.formats import capitalise, format_number, join_words, list_some
from simasgd.report.sweep.figures import MARKERS, choose_scale, draw_heat_map, draw_lines
from simasgd.report.sweep.sweep_facts import (
    ERROR,
    LOSS,
    NAMES,
    SECONDS,
    Line,
    SweepFacts,
    format_quantity,
    place_values,
    shorten_key,
    varies,
)
from simasgd.results.outcome import Outcome

if TYPE_CHECKING:
    from simasgd.sweeps.axes import Axis
    from simasgd.sweeps.sweep import SweepTable

_MAX_NAMED = 6


def build_sweep_blocks(facts: SweepFacts) -> list[Block]:
    """Build a section for each axis with several values, and heat maps over the first two."""
    axes = [axis for axis in facts.axes if len(axis.values) > 1]
    if facts.done.empty:
        return []
    found = [_build_axis_block(axis, i, facts) for i, axis in enumerate(axes)]
    return [*found, *_build_heat_block(axes[0], axes[1], facts)] if len(axes) > 1 else found


def _format_unit(quantity: str, greatest: float) -> str:
    return f" ({choose_scale(quantity, greatest)[1]})" if quantity == SECONDS else ""


def _build_axis_block(axis: Axis, i: int, facts: SweepFacts) -> Block:
    """Build the section of an axis, with a figure of each quantity that varies along it."""
    found = facts.lines(axis)
    by_variant = len(facts.variants) > 1 or all(line.other == 0 for line in found)
    panels = []
    for quantity in facts.quantities:
        drawn = [line for line in found if line.rows[quantity].notna().any()]
        if not any(varies(line.rows[quantity]) for line in drawn):
            continue
        label = f"{capitalise(NAMES[quantity])} along {axis.key}. {_describe_ends(drawn, axis, quantity)}"
        figure = svg.render_inline(draw_lines(drawn, axis, quantity, by_variant), f"axis-{i}-{quantity}", label)
        unit = _format_unit(quantity, max(line.rows[quantity].max() for line in drawn))
        panels.append(Panel(f"{capitalise(NAMES[quantity])}{unit} against {shorten_key(axis)}", figure))
    legend = (
        [LegendEntry(_draw_mark(line, by_variant, axis), line.label) for line in found] if len(found) > 1 and panels else []
    )
    return Block(
        id=f"axis-{i}",
        nav=shorten_key(axis),
        title=f"Effect of {shorten_key(axis)}",
        reading=" ".join(
            filter(
                None,
                (_describe_axis(axis, facts), _explain_lines(axis, facts) if panels else "", _describe_failures(axis, facts)),
            )
        ),
        panels=panels,
        legend=legend,
        table=_tabulate_axis(found, axis, facts),
    )


def _draw_mark(line: Line, by_variant: bool, axis: Axis) -> Any:
    colour = f"series-{(line.variant if by_variant else line.other) % 8}"
    marker = MARKERS[line.other % len(MARKERS)][1]
    return draw_line_mark(colour, line.variant + line.other, marker) if axis.numbers is not None else draw_glyph(colour, marker)


def _describe_ends(found: Sequence[Line], axis: Axis, quantity: str) -> str:
    parts = []
    for line in found:
        rows = line.rows.dropna(subset=[quantity])
        first, last = rows.iloc[0], rows.iloc[-1]
        values = ", ".join(f"{format_quantity(quantity, row[quantity])} at {row[axis.key]}" for row in (first, last))
        parts.append(f"{line.label}: {values}" if line.label else values)
    return "; ".join(parts) + "."


def _describe_axis(axis: Axis, facts: SweepFacts) -> str:
    """Return where on the axis each quantity is lowest and highest, averaged over the rest.

    Only settings count that finished and learned.
    """
    table = facts.settings([axis.key], facts.sound)
    parts = []
    for quantity in facts.quantities:
        known = table if table.empty else table.dropna(subset=[quantity])
        if known.empty:
            continue
        lowest, highest = known.loc[known[quantity].idxmin()], known.loc[known[quantity].idxmax()]
        low, high = (format_quantity(quantity, row[quantity]) for row in (lowest, highest))
        subject = f"{NAMES[quantity]} is"
        if len(known) == 1 < len(axis.values):
            parts.append(f"{subject} {low} at {lowest[axis.key]}, the only value with a result")
        elif low == high:
            parts.append(f"{subject} {low} everywhere")
        else:
            parts.append(f"{subject} lowest at {lowest[axis.key]} ({low}) and highest at {highest[axis.key]} ({high})")
    return f"On average, the {'. The '.join(parts)}." if parts else ""


def _describe_failures(axis: Axis, facts: SweepFacts) -> str:
    """Return at which values of the axis points did not finish or did not learn."""
    points = facts.sweep.points
    failures = []
    for outcome in Outcome:
        rows = points[points["outcome"] == outcome]
        if outcome is not Outcome.FINISHED and not rows.empty:
            at = [
                f"{value} ({int((rows[axis.key] == value).sum())})" for value in axis.values if (rows[axis.key] == value).any()
            ]
            failures.append(f"{outcome}: at {list_some(at, _MAX_NAMED)}")
    return f"Points that cannot be best, by {shorten_key(axis)}: {'; '.join(failures)}." if failures else ""


def _explain_lines(axis: Axis, facts: SweepFacts) -> str:
    others = [shorten_key(other) for other in facts.others(axis)]
    spread = "the seeds" if facts.done["seed"].nunique() > 1 else ""
    mark = "line" if axis.numbers is not None else "set of points"
    line, band = ("Lines", "bands") if axis.numbers is not None else ("Points", "bars")
    measure = NAMES[(facts.measures or [ERROR])[0]]
    diverged = f" Diverged points have no {measure}." if facts.done["diverged"].any() else ""
    diverged += " Points that hung have no time." if (facts.done["outcome"] == Outcome.HUNG).any() else ""
    if facts.averaged(axis) and others:
        return f"{line} show means over {join_words([*others, *([spread] if spread else [])])}, {band} the range.{diverged}"
    drawn = f"Each value of {join_words(others)} has its own {mark}. " if others else ""
    means = f"{line} show means, {band} the range over {spread}." if spread else ""
    return f"{drawn}{means}{diverged}".strip()


def _tabulate_axis(found: Sequence[Line], axis: Axis, facts: SweepFacts) -> Table:
    quantities = [*dict.fromkeys([*facts.listed, *facts.quantities])]
    titles = ["line", axis.key, "outcome", *(f"{NAMES[q]}{what}" for q in quantities for what in ("", ", lowest", ", highest"))]
    rows = [
        [
            line.label or "all",
            str(row[axis.key]),
            row["outcome"],
            *(_format_value(q, row[q + end]) for q in quantities for end in ("", "_low", "_high")),
        ]
        for line in found
        for _, row in line.rows.iterrows()
    ]
    return Table.of(titles, rows, words=3)


def _format_value(quantity: str, value: float) -> str:
    return "–" if math.isnan(value) else format_quantity(quantity, value)


def _build_heat_block(across: Axis, down: Axis, facts: SweepFacts) -> list[Block]:
    """Build the section with a heat map of each quantity that varies."""
    table = facts.settings([across.key, down.key, "variant"])
    panels = [
        _build_heat_panel(table[table["variant"] == variant], across, down, quantity, _find_limits(table, quantity), variant)
        for variant in facts.variants
        for quantity in facts.quantities
        if varies(table[quantity])
    ]
    if not panels:
        return []
    more = [shorten_key(axis) for axis in facts.axes if axis.key not in (across.key, down.key) and len(axis.values) > 1]
    seeds = ["the seeds"] if facts.done["seed"].nunique() > 1 else []
    means = f"Cells show means over {join_words([*more, *seeds])}. " if more or seeds else ""
    failures = "" if (facts.done["outcome"] == Outcome.FINISHED).all() else " The table of all points lists the failures."
    return [
        Block(
            id="map",
            nav="Map",
            title=f"{capitalise(shorten_key(across))} and {shorten_key(down)} together",
            reading=f"{means}Dark cells are low, bright cells are high, and hatched cells have no number.{failures}",
            panels=panels,
        )
    ]


def _find_limits(table: pd.DataFrame, quantity: str) -> tuple[float, float]:
    values = table[quantity]
    if quantity == LOSS and values.min() == 0 < values.max():  # other colours are logarithmic
        values = values[values > 0]
    return float(values.min()), float(values.max())


def _build_heat_panel(
    table: pd.DataFrame, across: Axis, down: Axis, quantity: str, limits: tuple[float, float], variant: str
) -> Panel:
    unit = _format_unit(quantity, limits[1])
    cells = "; ".join(
        f"{row[across.key]}, {row[down.key]}: {_format_value(quantity, row[quantity])}" for _, row in table.iterrows()
    )
    under = f" under {variant}" if variant else ""
    label = f"Heat map of {NAMES[quantity]} over {across.key} and {down.key}{under}. {cells}."
    title = f"{capitalise(NAMES[quantity])}{unit}"
    figure = draw_heat_map(table, across, down, quantity, limits)
    return Panel(title, svg.render_inline(figure, f"map-{quantity}-{variant or 'all'}", label), variant)


def tabulate_points(facts: SweepFacts) -> Table:
    """Tabulate every point; readers can sort the table on the page."""
    sweep = facts.sweep
    several = bool((sweep.points["variant"] != "").any())
    titles = [*(shorten_key(axis) for axis in sweep.axes), *(["variant"] if several else []), "seed"]
    columns = [Column(title, numeric=title == "seed") for title in titles]
    quantities = [*facts.listed, SECONDS]
    columns += [Column(t, numeric=True) for t in (*(NAMES[q] for q in quantities), "gradients/s", "mean staleness")]
    columns += [Column("outcome"), Column("folder")]
    return Table(columns, [_list_point(row, sweep, several, quantities) for _, row in sweep.points.iterrows()])


def _list_point(row: pd.Series, sweep: SweepTable, several: bool, quantities: Sequence[str]) -> list[Cell]:
    at = [Cell(str(row[a.key]), repr(place_values(a)[row[a.key]]) if a.numbers is not None else None) for a in sweep.axes]
    because = row["error"] if row["outcome"] == Outcome.FAILED else row["reason"]
    outcome = f"{row['outcome']}: {because}" if because else row["outcome"]
    return [
        *at,
        *([Cell(row["variant"])] if several else []),
        Cell(str(row["seed"]), str(row["seed"])),
        *(_make_cell(row[quantity], partial(format_quantity, quantity)) for quantity in quantities),
        _make_cell(row["gradients_per_simulated_second"], format_number),
        _make_cell(row["mean_staleness"], format_number),
        Cell(outcome),
        Cell(row["folder"]),
    ]


def _make_cell(value: Any, shown: Callable[[float], str]) -> Cell:
    known = value is not None and not math.isnan(value)
    return Cell(shown(value), repr(float(value))) if known else Cell("–", "")
