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
from simasgd.report.comparison.figures import draw_pareto, draw_reaches, find_competitors
from simasgd.report.comparison.standings import choose_format, describe_standings, describe_target, name_quantity
from simasgd.report.drawing import svg
from simasgd.report.drawing.page_parts import Block, LegendEntry, Panel, Table, draw_glyph, draw_line_mark
from simasgd.report.facts.formats import NBSP, format_number, list_some
from simasgd.report.facts.metric import ERROR, Metric
from simasgd.report.sweep.figures import MARKERS

_PANELS = (
    (TIME_TO_TARGET, "seconds", "simulated time"),
    (EPOCHS_TO_TARGET, "epoch", "epochs"),
    (BYTES_TO_TARGET, "bytes", "bytes sent"),
)


def build_comparison_blocks(found: Sequence[Comparison]) -> list[Block]:
    """Two for each metric by which several variants are judged."""
    return [block for one in found for block in (_build_target_block(one), _build_wins_block(one))]


def _build_target_block(comparison: Comparison) -> Block:
    metric, target = comparison.metric, comparison.target
    shown = [row for row in _PANELS if _is_drawn(comparison, row[0])]
    return Block(
        id=_make_id("target", comparison),
        nav="Target",
        title=f"How long to {metric.describe(target)}" if target is not None else "How long to a target",
        reading=describe_target(comparison),
        panels=[_build_target_panel(comparison, *row) for row in shown],
        table=_tabulate_targets(comparison) if shown else None,
        columns=3,
    )


def _is_drawn(comparison: Comparison, key: str) -> bool:
    """Whether somebody got there, and all who did have a value."""
    there = [one for one in comparison.contenders if one.reached]
    return bool(there) and all(len(one.values(key)) == one.reached for one in there)


def _build_target_panel(comparison: Comparison, key: str, axis: str, what: str) -> Panel:
    assert comparison.target is not None
    goal, shown = comparison.metric.describe(comparison.target), choose_format(key, comparison.metric)
    said = "; ".join(f"{one.name}: {_format_spread(one, key, comparison)}" for one in comparison.contenders)
    label = f"Dots for each seed's {what} to {goal}. {said}."
    drawn = svg.render_inline(
        draw_reaches(comparison.contenders, key, axis, shown), _make_id(f"target-{axis}", comparison), label
    )
    return Panel(f"{what.capitalize()} to {goal}", drawn)


def _tabulate_targets(comparison: Comparison) -> Table:
    titles = ("variant", "seeds that reach it", *(what for _, _, what in _PANELS))
    rows = [
        [one.name, f"{one.reached} of {len(one.outcomes)}", *(_format_spread(one, key, comparison) for key, _, _ in _PANELS)]
        for one in comparison.contenders
    ]
    return Table.of(titles, rows)


def _format_spread(one: Contender, key: str, comparison: Comparison) -> str:
    """The mean over the seeds and the range."""
    found, shown = one.spread(key), choose_format(key, comparison.metric)
    if found is None:
        return "–"
    between = found.range(shown)
    return f"{shown(found.mean)} ({between})" if between else shown(found.mean)


def _build_wins_block(comparison: Comparison) -> Block:
    metric = comparison.metric
    table = Panel("Who is best by what", table=_tabulate_wins(comparison), note=_RULES_OF_WINNING)
    return Block(
        id=_make_id("wins", comparison),
        nav="Who wins",
        title="Who wins where",
        reading=describe_standings(comparison),
        panels=[*_build_pareto_panel(comparison), table],
        legend=_build_legend(comparison),
        table=_tabulate_points(comparison),
        summary=f"Final {metric.name}, simulated time and bytes of each variant",
    )


_RULES_OF_WINNING = (
    "The least mean over the seeds wins; it ties with those that are no further from it than counts as a difference. The last "
    "column is at how many seeds each had the least value of that seed."
)


def _build_pareto_panel(comparison: Comparison) -> list[Panel]:
    drawn = find_competitors(comparison)
    if not drawn:
        return []
    metric = comparison.metric
    points = "; ".join(
        f"{one.name}: {_format_spread(one, SCORE, comparison)} in {_format_spread(one, SECONDS, comparison)}" for one in drawn
    )
    on_it = ", ".join(one.name for one in comparison.front)
    label = f"Final {metric.name} against simulated time. {points}. On the Pareto front: {on_it}."
    absent = [one.name for one in comparison.contenders if one not in drawn]
    missing = f" {list_some(absent, 8)} {'are' if len(absent) > 1 else 'is'} not drawn." if absent else ""
    note = f"Below is better, and left is sooner. Who is on the front is filled; bars are the range over the seeds.{missing}"
    figure = svg.render_inline(draw_pareto(comparison), _make_id("pareto", comparison), label)
    return [Panel(f"Final {metric.name} against simulated time", figure, note=note)]


def _build_legend(comparison: Comparison) -> list[LegendEntry]:
    entries = [
        LegendEntry(draw_glyph(f"series-{one.series % 8}", MARKERS[one.series % len(MARKERS)][1]), one.name)
        for one in find_competitors(comparison)
    ]
    return [*entries, *([LegendEntry(draw_line_mark("muted", 1), "Pareto front")] if len(comparison.front) > 1 else [])]


def _tabulate_wins(comparison: Comparison) -> Table:
    rows = [row for found in comparison.criteria for row in _list_wins(found, comparison.metric)]
    return Table.of(("by", "best", "mean", "seeds"), rows, words=2)


def _list_wins(found: Criterion, metric: Metric) -> list[list[str]]:
    """A row for the best, and one for each that ties with it; a single one where all do."""
    what = name_quantity(found.key, metric)
    shown = format_number if found.key == EPOCHS_TO_TARGET else choose_format(found.key, metric)  # the row says what it is
    if found.best is None:
        return [[what, f"nobody: {found.reason}", "–", "–"]]
    if found.is_even:
        between = dict.fromkeys(shown(end(found.means.values())) for end in (min, max))
        return [[what, f"all {len(found.means)} tie", " – ".join(between), "–"]]
    names = [found.best, *found.tied]
    titles = [f"{what} (tie)" if found.tied else what, *("" for _ in found.tied)]
    won = [f"{found.seeds_won[name]}{NBSP}of{NBSP}{found.seeds}" if found.seeds else "no rival" for name in names]
    return [[title, name, shown(found.means[name]), seeds] for title, name, seeds in zip(titles, names, won, strict=True)]


def _tabulate_points(comparison: Comparison) -> Table:
    titles = ("variant", f"final {comparison.metric.name}", "simulated time", "bytes sent", "Pareto front")
    rows = [
        [one.name, *(_format_spread(one, key, comparison) for key in (SCORE, SECONDS, BYTES)), _describe_place(one, comparison)]
        for one in comparison.contenders
    ]
    return Table.of(titles, rows)


def _describe_place(one: Contender, comparison: Comparison) -> str:
    if one.failure:
        return one.failure
    if one in comparison.front:
        return "on it"
    better = comparison.dominated_by.get(one.name, ())
    return f"dominated by {list_some(better, 8)}" if better else "–"


def _make_id(name: str, comparison: Comparison) -> str:
    return name if comparison.metric is ERROR else f"{name}-loss"
