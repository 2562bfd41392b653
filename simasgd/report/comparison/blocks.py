"""The sections of a run report that compare variants: who gets to a target when, and who wins where."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.comparison.comparison import (
    BYTES,
    BYTES_TO_TARGET,
    EPOCHS_TO_TARGET,
    SCORE,
    SECONDS,
    TIME_TO_TARGET,
    Comparison,
    Contender,
    Criterion,
)
from simasgd.report.comparison.figures import competitors, pareto, reaches
from simasgd.report.comparison.standings import form, quantity, standings, target_reading
from simasgd.report.drawing import svg
from simasgd.report.drawing.parts import Block, Entry, Panel, Table, glyph, line_mark
from simasgd.report.facts.metric import ERROR, Metric
from simasgd.report.facts.words import NBSP, few, number
from simasgd.report.sweep.figures import MARKERS

_PANELS = (
    (TIME_TO_TARGET, "seconds", "simulated time"),
    (EPOCHS_TO_TARGET, "epoch", "epochs"),
    (BYTES_TO_TARGET, "bytes", "bytes sent"),
)


def comparison_blocks(found: Sequence[Comparison]) -> list[Block]:
    """Two for each metric by which several variants are judged."""
    return [block for one in found for block in (_target_block(one), _wins_block(one))]


def _target_block(comparison: Comparison) -> Block:
    metric, target = comparison.metric, comparison.target
    shown = [row for row in _PANELS if _is_drawn(comparison, row[0])]
    return Block(
        id=_id("target", comparison),
        nav="Target",
        title=f"How long to {metric.said(target)}" if target is not None else "How long to a target",
        reading=target_reading(comparison),
        panels=[_target_panel(comparison, *row) for row in shown],
        table=_target_table(comparison) if shown else None,
        columns=3,
    )


def _is_drawn(comparison: Comparison, key: str) -> bool:
    """Whether somebody got there, and all who did have a value."""
    there = [one for one in comparison.contenders if one.reached]
    return bool(there) and all(len(one.values(key)) == one.reached for one in there)


def _target_panel(comparison: Comparison, key: str, axis: str, what: str) -> Panel:
    assert comparison.target is not None
    goal, shown = comparison.metric.said(comparison.target), form(key, comparison.metric)
    said = "; ".join(f"{one.name}: {_spread(one, key, comparison)}" for one in comparison.contenders)
    label = f"Dots for each seed's {what} to {goal}. {said}."
    drawn = svg.inline(reaches(comparison.contenders, key, axis, shown), _id(f"target-{axis}", comparison), label)
    return Panel(f"{what.capitalize()} to {goal}", drawn)


def _target_table(comparison: Comparison) -> Table:
    titles = ("variant", "seeds that reach it", *(what for _, _, what in _PANELS))
    rows = [
        [one.name, f"{one.reached} of {len(one.outcomes)}", *(_spread(one, key, comparison) for key, _, _ in _PANELS)]
        for one in comparison.contenders
    ]
    return Table.of(titles, rows)


def _spread(one: Contender, key: str, comparison: Comparison) -> str:
    """The mean over the seeds and the range."""
    found, shown = one.spread(key), form(key, comparison.metric)
    if found is None:
        return "–"
    between = found.range(shown)
    return f"{shown(found.mean)} ({between})" if between else shown(found.mean)


def _wins_block(comparison: Comparison) -> Block:
    metric = comparison.metric
    table = Panel("Who is best by what", table=_wins_table(comparison), note=_RULES_OF_WINNING)
    return Block(
        id=_id("wins", comparison),
        nav="Who wins",
        title="Who wins where",
        reading=standings(comparison),
        panels=[*_pareto_panel(comparison), table],
        legend=_legend(comparison),
        table=_points_table(comparison),
        summary=f"Final {metric.name}, simulated time and bytes of each variant",
    )


_RULES_OF_WINNING = (
    "The least mean over the seeds wins; it ties with those that are no further from it than counts as a difference. The last "
    "column is at how many seeds each had the least value of that seed."
)


def _pareto_panel(comparison: Comparison) -> list[Panel]:
    drawn = competitors(comparison)
    if not drawn:
        return []
    metric = comparison.metric
    points = "; ".join(f"{one.name}: {_spread(one, SCORE, comparison)} in {_spread(one, SECONDS, comparison)}" for one in drawn)
    on_it = ", ".join(one.name for one in comparison.front)
    label = f"Final {metric.name} against simulated time. {points}. On the Pareto front: {on_it}."
    absent = [one.name for one in comparison.contenders if one not in drawn]
    missing = f" {few(absent, 8)} {'are' if len(absent) > 1 else 'is'} not drawn." if absent else ""
    note = f"Below is better, and left is sooner. Who is on the front is filled; bars are the range over the seeds.{missing}"
    figure = svg.inline(pareto(comparison), _id("pareto", comparison), label)
    return [Panel(f"Final {metric.name} against simulated time", figure, note=note)]


def _legend(comparison: Comparison) -> list[Entry]:
    entries = [
        Entry(glyph(f"series-{one.series % 8}", MARKERS[one.series % len(MARKERS)][1]), one.name)
        for one in competitors(comparison)
    ]
    return [*entries, *([Entry(line_mark("muted", 1), "Pareto front")] if len(comparison.front) > 1 else [])]


def _wins_table(comparison: Comparison) -> Table:
    rows = [row for found in comparison.criteria for row in _wins(found, comparison.metric)]
    return Table.of(("by", "best", "mean", "seeds"), rows, words=2)


def _wins(found: Criterion, metric: Metric) -> list[list[str]]:
    """A row for the best, and one for each that ties with it; a single one where all do."""
    what = quantity(found.key, metric)
    shown = number if found.key == EPOCHS_TO_TARGET else form(found.key, metric)  # the row says what it is
    if found.best is None:
        return [[what, f"nobody: {found.reason}", "–", "–"]]
    if found.is_even:
        between = dict.fromkeys(shown(end(found.means.values())) for end in (min, max))
        return [[what, f"all {len(found.means)} tie", " – ".join(between), "–"]]
    names = [found.best, *found.tied]
    titles = [f"{what} (tie)" if found.tied else what, *("" for _ in found.tied)]
    won = [f"{found.seeds_won[name]}{NBSP}of{NBSP}{found.seeds}" if found.seeds else "no rival" for name in names]
    return [[title, name, shown(found.means[name]), seeds] for title, name, seeds in zip(titles, names, won, strict=True)]


def _points_table(comparison: Comparison) -> Table:
    titles = ("variant", f"final {comparison.metric.name}", "simulated time", "bytes sent", "Pareto front")
    rows = [
        [one.name, *(_spread(one, key, comparison) for key in (SCORE, SECONDS, BYTES)), _place(one, comparison)]
        for one in comparison.contenders
    ]
    return Table.of(titles, rows)


def _place(one: Contender, comparison: Comparison) -> str:
    if one.failure:
        return one.failure
    if one in comparison.front:
        return "on it"
    better = comparison.dominated_by.get(one.name, ())
    return f"dominated by {few(better, 8)}" if better else "–"


def _id(name: str, comparison: Comparison) -> str:
    return name if comparison.metric is ERROR else f"{name}-loss"
