"""The best variant by each criterion, and the variants that dominate others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import final

from simasgd.report.comparison.contenders import BYTES, SCORE, SECONDS, Contender
from simasgd.report.facts.metric import Metric
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import compute_amount_tolerance, compute_score_tolerance, is_same_work

_OF_THE_WHOLE_RUN = (SECONDS, BYTES)

Tolerance = Callable[[Spread, Spread], float]
"""Returns the largest difference of means at which two spreads over seeds count as alike."""


@final
@dataclass(frozen=True, kw_only=True)
class Criterion:
    """The variant with the lowest mean of one quantity over the seeds, and those that tie with it.

    `means` holds the competitors' means. `seeds_won` says at how many of the `seeds` each had the
    lowest value of that seed; all variants with that value win it. `reason` says why no variant is
    best.
    """

    key: str
    best: str | None = None
    tied: tuple[str, ...] = ()
    means: Mapping[str, float] = field(default_factory=dict)
    seeds_won: Mapping[str, int] = field(default_factory=dict)
    seeds: int = 0
    reason: str = ""

    @property
    def is_even(self) -> bool:
        """Whether there are several competitors and all of them tie."""
        return bool(self.tied) and len(self.tied) + 1 == len(self.means)


def judge(key: str, contenders: Sequence[Contender], metric: Metric) -> Criterion:
    """Return the best variant by a criterion, or the reason why there is none.

    Variants compete that did not fail and have a value at every seed.
    """
    able = [contender for contender in contenders if not contender.failure]
    whole = [contender for contender in able if len(contender.values(key)) == len(contender.outcomes)]
    if not able:
        return Criterion(key=key, reason="no variant learns")
    if not whole:
        of_whole_run = key in (SCORE, SECONDS, BYTES)
        reason = "the values are not known" if of_whole_run else "no variant reaches the target at every seed"
        return Criterion(key=key, reason=reason)
    samples = [contender.samples for contender in whole]
    if key in _OF_THE_WHOLE_RUN and not is_same_work(min(samples), max(samples)):
        return Criterion(key=key, reason="the runs apply different numbers of samples")
    tests = min((one.test_samples for one in whole if one.test_samples is not None), default=None)
    of_scores = partial(compute_score_tolerance, metric=metric, test_samples=tests)
    alike: Tolerance = of_scores if key == SCORE else compute_amount_tolerance
    return rank(key, {contender.name: contender.values(key) for contender in whole}, alike)


def rank(key: str, values: Mapping[str, Mapping[int, float]], alike: Tolerance) -> Criterion:
    """Rank competitors by their values at each seed, of which each has at least one."""
    spreads = {name: found for name, by_seed in values.items() if (found := Spread.of(list(by_seed.values()))) is not None}
    best = min(spreads, key=lambda name: spreads[name].mean)
    tied = [
        name
        for name, found in spreads.items()
        if name != best and found.mean - spreads[best].mean <= alike(found, spreads[best])
    ]
    won, seeds = count_seeds_won(values)
    means = {name: found.mean for name, found in spreads.items()}
    return Criterion(key=key, best=best, tied=tuple(tied), means=means, seeds_won=won, seeds=seeds)


def count_seeds_won(values: Mapping[str, Mapping[int, float]]) -> tuple[dict[str, int], int]:
    """Count the seeds at which each competitor has the lowest value, and the shared seeds.

    All competitors with the lowest value of a seed win it.
    """
    every = [seed for by_seed in values.values() for seed in by_seed]
    shared = [seed for seed in dict.fromkeys(every) if every.count(seed) > 1]
    least = {seed: min(by_seed[seed] for by_seed in values.values() if seed in by_seed) for seed in shared}
    won = {name: sum(by_seed.get(seed) == least[seed] for seed in shared) for name, by_seed in values.items()}
    return won, len(shared)


def find_dominators(
    points: Mapping[str, tuple[float, float]], competitors: Iterable[str], tie: Callable[[str, str], bool]
) -> dict[str, tuple[str, ...]]:
    """Return for each point the competitors with no greater coordinate and a smaller one, and which do not tie with it."""
    able = [name for name in competitors if name in points]
    return {
        name: tuple(other for other in able if _dominates(points[other], at) and not tie(name, other))
        for name, at in points.items()
    }


def tie_in_both(one: Contender, other: Contender, metric: Metric) -> bool:
    """Return whether two variants are not clearly different in score, and tie in time."""
    pairs = [(one.spread(key), other.spread(key)) for key in (SCORE, SECONDS)]
    tests = min((size for size in (one.test_samples, other.test_samples) if size is not None), default=None)
    alike: tuple[Tolerance, Tolerance] = (
        partial(compute_score_tolerance, metric=metric, test_samples=tests),
        compute_amount_tolerance,
    )
    return all(
        first is not None and second is not None and abs(first.mean - second.mean) <= tolerance(first, second)
        for (first, second), tolerance in zip(pairs, alike, strict=True)
    )


def _dominates(point: tuple[float, float], other: tuple[float, float]) -> bool:
    return point != other and point[0] <= other[0] and point[1] <= other[1]
