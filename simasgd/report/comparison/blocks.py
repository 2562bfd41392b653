"""The sections that compare variants: the time to a target, and the winner by each criterion."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.comparison.comparison import Comparison
from simasgd.report.comparison.contenders import (
    BYTES,
    BYTES_TO_TARGET,
    EPOCHS_TO_TARGET,
    SCORE,
    SECONDS,
    TIME_TO_TARGET,
    Contender,
)
from simasgd.report.comparison.figures import draw_pareto, draw_reaches, find_competitors
from simasgd.report.comparison.ranking import Criterion
from simasgd.report.comparison.standings import choose_format, describe_standings, describe_target, name_quantity
from simasgd.report.drawing import svg
from simasgd.report.drawing.page_parts import Block, LegendEntry, Panel, Table, draw_glyph, draw_line_mark
from simasgd.report.facts.formats import NBSP, format_number, list_some
from simasgd.report.facts.metric import ERROR
from simasgd.report.sweep.figures import MARKERS

_PANELS = (
    (TIME_TO_TARGET, "seconds", "simulated time"),
    (EPOCHS_TO_TARGET, "epoch", "epochs"),
    (BYTES_TO_TARGET, "bytes", "bytes sent"),
)


def build_comparison_blocks(comparisons: Sequence[Comparison]) -> list[Block]:
    """Build two sections for each comparison."""
    return [block for comparison in comparisons for block in (_build_target_block(comparison), _build_wins_block(comparison))]


def _build_target_block(comparison: Comparison) -> Block:
    metric, target = comparison.metric, comparison.target
    shown = [row for row in _PANELS if _is_drawn(comparison, row[0])]
    return Block(
        id=_make_id("target", comparison),
        nav="Target",
        title=f"Time to reach {metric.describe(target)}" if target is not None else "Time to reach a target",
        reading=describe_target(comparison),
        panels=[_build_target_panel(comparison, *row) for row in shown],
        table=_tabulate_targets(comparison) if shown else None,
        columns=3,
    )


def _is_drawn(comparison: Comparison, key: str) -> bool:
    """Return whether a variant reached the target, and all that did have a value."""
    reaching = [contender for contender in comparison.contenders if contender.reached]
    return bool(reaching) and all(len(contender.values(key)) == contender.reached for contender in reaching)


def _build_target_panel(comparison: Comparison, key: str, axis: str, what: str) -> Panel:
    assert comparison.target is not None
    goal, form = comparison.metric.describe(comparison.target), choose_format(key, comparison.metric)
    what = comparison.time if axis == "seconds" else what
    values = "; ".join(f"{contender.name}: {_format_spread(contender, key, comparison)}" for contender in comparison.contenders)
    label = f"Dots for each seed's {what} to {goal}. {values}."
    figure = draw_reaches(comparison.contenders, key, axis, form, comparison.time)
    return Panel(f"{what.capitalize()} to {goal}", svg.render_inline(figure, _make_id(f"target-{axis}", comparison), label))


def _tabulate_targets(comparison: Comparison) -> Table:
    titles = ("variant", "seeds that reach it", comparison.time, *(what for _, _, what in _PANELS[1:]))
    rows = []
    for contender in comparison.contenders:
        seeds = f"{contender.reached} of {len(contender.outcomes)}"
        rows.append([contender.name, seeds, *(_format_spread(contender, key, comparison) for key, _, _ in _PANELS)])
    return Table.of(titles, rows)


def _format_spread(contender: Contender, key: str, comparison: Comparison) -> str:
    """Return the mean over the seeds, and the range in parentheses."""
    spread, form = contender.spread(key), choose_format(key, comparison.metric)
    if spread is None:
        return "–"
    between = spread.range(form)
    return f"{form(spread.mean)} ({between})" if between else form(spread.mean)


def _build_wins_block(comparison: Comparison) -> Block:
    metric = comparison.metric
    table = Panel("The best by each criterion", table=_tabulate_wins(comparison), note=_RULES_OF_WINNING)
    return Block(
        id=_make_id("wins", comparison),
        nav="Winners",
        title="Winners by each criterion",
        reading=describe_standings(comparison),
        panels=[*_build_pareto_panel(comparison), table],
        legend=_build_legend(comparison),
        table=_tabulate_points(comparison),
        summary=f"Final {metric.name}, {comparison.time} and bytes of each variant",
    )


_RULES_OF_WINNING = (
    "The lowest mean over the seeds wins. Variants tie if their difference is too small to count. "
    "The last column says at how many seeds a variant has the lowest value."
)


_HOW_TO_READ = (
    "Lower is better, and further left is faster. Filled markers are on the front; bars show the range over the seeds."
)


def _build_pareto_panel(comparison: Comparison) -> list[Panel]:
    drawn = find_competitors(comparison)
    if not drawn:
        return []
    metric = comparison.metric
    results = [
        [contender.name, *(_format_spread(contender, key, comparison) for key in (SCORE, SECONDS))] for contender in drawn
    ]
    points = "; ".join(f"{name}: {score} in {seconds}" for name, score, seconds in results)
    on_it = ", ".join(contender.name for contender in comparison.front)
    label = f"Final {metric.name} against {comparison.time}. {points}. On the Pareto front: {on_it}."
    absent = [contender.name for contender in comparison.contenders if contender not in drawn]
    missing = f" {list_some(absent, 8)} {'are' if len(absent) > 1 else 'is'} not drawn." if absent else ""
    note = f"{_HOW_TO_READ}{missing}"
    figure = svg.render_inline(draw_pareto(comparison), _make_id("pareto", comparison), label)
    return [Panel(f"Final {metric.name} against {comparison.time}", figure, note=note)]


def _build_legend(comparison: Comparison) -> list[LegendEntry]:
    entries = [
        LegendEntry(draw_glyph(f"series-{contender.series % 8}", MARKERS[contender.series % len(MARKERS)][1]), contender.name)
        for contender in find_competitors(comparison)
    ]
    return [*entries, *([LegendEntry(draw_line_mark("muted", 1), "Pareto front")] if len(comparison.front) > 1 else [])]


def _tabulate_wins(comparison: Comparison) -> Table:
    rows = [row for criterion in comparison.criteria for row in _list_wins(criterion, comparison)]
    return Table.of(("by", "best", "mean", "seeds"), rows, words=2)


def _list_wins(criterion: Criterion, comparison: Comparison) -> list[list[str]]:
    """Return a row for the best variant and each that ties with it, or a single row if all tie."""
    what = name_quantity(criterion.key, comparison)
    form = (
        format_number if criterion.key == EPOCHS_TO_TARGET else choose_format(criterion.key, comparison.metric)
    )  # the row names the unit
    if criterion.best is None:
        return [[what, f"none: {criterion.reason}", "–", "–"]]
    if criterion.is_even:
        between = dict.fromkeys(form(end(criterion.means.values())) for end in (min, max))
        return [
            [what, "both tie" if len(criterion.means) == 2 else f"all {len(criterion.means)} tie", " – ".join(between), "–"]
        ]
    names = [criterion.best, *criterion.tied]
    titles = [f"{what} (tie)" if criterion.tied else what, *("" for _ in criterion.tied)]
    seeds = criterion.seeds
    won = [f"{criterion.seeds_won[name]}{NBSP}of{NBSP}{seeds}" if seeds else "no rival" for name in names]
    return [[title, name, form(criterion.means[name]), wins] for title, name, wins in zip(titles, names, won, strict=True)]


def _tabulate_points(comparison: Comparison) -> Table:
    titles = ("variant", f"final {comparison.metric.name}", comparison.time, "bytes sent", "Pareto front")
    rows = []
    for contender in comparison.contenders:
        values = [_format_spread(contender, key, comparison) for key in (SCORE, SECONDS, BYTES)]
        rows.append([contender.name, *values, _describe_place(contender, comparison)])
    return Table.of(titles, rows)


def _describe_place(contender: Contender, comparison: Comparison) -> str:
    if contender.failure:
        return contender.failure
    if contender in comparison.front:
        return "on the front"
    better = comparison.dominated_by.get(contender.name, ())
    return f"dominated by {list_some(better, 8)}" if better else "–"


def _make_id(name: str, comparison: Comparison) -> str:
    return name if comparison.metric is ERROR else f"{name}-loss"
