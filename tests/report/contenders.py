"""Contenders and comparisons made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simasgd.report.comparison.comparison import CRITERIA, MetricComparison
from simasgd.report.comparison.contenders import Contender, Reach, SeedResult, find_point
from simasgd.report.comparison.ranking import find_dominators, judge, tie_in_both
from simasgd.report.facts.metric import ERROR, Metric


def contender(
    name: str, scores: Sequence[float | None], seconds: Sequence[float], to_target: Sequence[float | None] = (), **more: Any
) -> Contender:
    """Return a contender with seeds 0, 1, …; an epoch takes 2 s and 10 bytes."""
    reached = [None if at is None else Reach(at, at / 2, 5 * at) for at in to_target] or [None] * len(scores)
    outcomes = tuple(
        SeedResult(seed, score, time, 5 * time, when)
        for seed, (score, time, when) in enumerate(zip(scores, seconds, reached, strict=True))
    )
    return Contender(**{"series": 0, "name": name, "outcomes": outcomes, "ended": more.get("failure", "")} | more)


def compared(
    *contenders: Contender, metric: Metric = ERROR, target: float | None = 0.05, given: bool = True
) -> MetricComparison:
    by_name = {one.name: one for one in contenders}
    points = {one.name: at for one in contenders if (at := find_point(one)) is not None}
    return MetricComparison(
        metric=metric,
        contenders=contenders,
        target=target,
        given=given,
        criteria=tuple(judge(key, contenders, metric) for key in CRITERIA),
        dominated_by=find_dominators(
            points,
            [one.name for one in contenders if not one.failure],
            lambda one, other: tie_in_both(by_name[one], by_name[other], metric),
        ),
    )
