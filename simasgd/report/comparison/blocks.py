"""The section that compares variants: the time to a target, the Pareto front, and the best by each criterion."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from simasgd.report.comparison.comparison import MetricComparison
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
from simasgd.report.comparison.standings import choose_format, describe_front, describe_target, describe_ties, name_quantity
from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import measure_rows
from simasgd.report.drawing.page_parts import Block, Panel, Table
from simasgd.report.facts.formats import NBSP, format_number, list_some
from simasgd.report.facts.metric import ERROR

_AMOUNTS = {EPOCHS_TO_TARGET: "epochs", BYTES_TO_TARGET: "bytes sent"}
"""The costs of a variant up to the target, besides the time."""
_HOW_TO_READ = (
    "Lower is better, and further left is faster. Filled markers are on the front; bars show the range over the seeds."
)


def build_comparison_blocks(comparisons: Sequence[MetricComparison]) -> list[Block]:
    """Build a section for each comparison."""
    return [_build_block(comparison) for comparison in comparisons]


def _build_block(comparison: MetricComparison) -> Block:
    metric, target = comparison.metric, comparison.target
    reached = _has_times(comparison)
    tables = [
        *([("Time, epochs and bytes to the target", _tabulate_targets(comparison))] if reached else []),
        ("The best variant by each criterion", _tabulate_wins(comparison)),
        (f"Final {metric.name}, {comparison.time} and bytes of each variant", _tabulate_points(comparison)),
    ]
    return Block(
        id=_make_id("target", comparison),
        nav="Target",
        title=f"Time to reach {metric.describe(target)}" if target is not None else "Time to reach a target",
        reading=f"{describe_target(comparison)} {describe_front(comparison)}",
        panels=[*([_build_target_panel(comparison)] if reached else []), *_build_pareto_panel(comparison)],
        more=tables,
    )


def _has_times(comparison: MetricComparison) -> bool:
    """Return whether a variant reached the target, and all that did have a time."""
    reaching = [contender for contender in comparison.contenders if contender.reached]
    return bool(reaching) and all(len(contender.values(TIME_TO_TARGET)) == contender.reached for contender in reaching)


def _build_target_panel(comparison: MetricComparison) -> Panel:
    assert comparison.target is not None
    goal = comparison.metric.describe(comparison.target)
    times = [(contender.name, _format_spread(contender, TIME_TO_TARGET, comparison)) for contender in comparison.contenders]
    values = "; ".join(f"{name}: {time}" for name, time in times)
    label = f"Markers for each seed's {comparison.time} to {goal}. {values}."
    draw = partial(draw_reaches, contenders=comparison.contenders, time=comparison.time)
    height = measure_rows(len(comparison.contenders))
    figure = svg.draw_inline(draw, height, _make_id("target-seconds", comparison), label)
    return Panel(f"{comparison.time.capitalize()} to {goal}", figure)


def _tabulate_targets(comparison: MetricComparison) -> Table:
    titles = ("variant", "seeds that reach it", comparison.time, *_AMOUNTS.values())
    rows = []
    for contender in comparison.contenders:
        seeds = f"{contender.reached} of {len(contender.outcomes)}"
        amounts = [_format_spread(contender, key, comparison) for key in (TIME_TO_TARGET, *_AMOUNTS)]
        rows.append([contender.name, seeds, *amounts])
    return Table.of(titles, rows)


def _format_spread(contender: Contender, key: str, comparison: MetricComparison) -> str:
    """Return the mean over the seeds, and the range in parentheses."""
    spread = contender.spread(key)
    return "–" if spread is None else spread.say(choose_format(key, comparison.metric))


def _build_pareto_panel(comparison: MetricComparison) -> list[Panel]:
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
    tied = " A filled marker right of or above the dashed line ties with one on it." if describe_ties(comparison) else ""
    note = f"{_HOW_TO_READ}{tied}{missing}"
    draw = partial(draw_pareto, comparison=comparison)
    figure = svg.draw_inline(draw, max(3.1, measure_rows(len(drawn)) - 0.3), _make_id("pareto", comparison), label)
    return [Panel(f"Final {metric.name} against {comparison.time}", figure, note=note)]


def _tabulate_wins(comparison: MetricComparison) -> Table:
    rows = [row for criterion in comparison.criteria for row in _list_wins(criterion, comparison)]
    return Table.of(("by", "best", "mean", "seeds won"), rows, words=2)


def _list_wins(criterion: Criterion, comparison: MetricComparison) -> list[list[str]]:
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


def _tabulate_points(comparison: MetricComparison) -> Table:
    titles = ("variant", f"final {comparison.metric.name}", comparison.time, "bytes sent", "Pareto front")
    rows = []
    for contender in comparison.contenders:
        values = [_format_spread(contender, key, comparison) for key in (SCORE, SECONDS, BYTES)]
        rows.append([contender.name, *values, _describe_place(contender, comparison)])
    return Table.of(titles, rows)


def _describe_place(contender: Contender, comparison: MetricComparison) -> str:
    if contender.failure:
        return contender.ended
    if contender in comparison.front:
        return "on the front"
    better = comparison.dominated_by.get(contender.name, ())
    return f"dominated by {list_some(better, 8)}" if better else "–"


def _make_id(name: str, comparison: MetricComparison) -> str:
    return name if comparison.metric is ERROR else f"{name}-loss"
