"""Variants that learn, compared over their seeds: numbers only, pure functions of the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import final

import pandas as pd

from simasgd.report.facts.formats import Spread
from simasgd.report.facts.metric import ERROR, LOSS, Metric
from simasgd.report.facts.tolerances import compute_amount_tolerance, compute_score_tolerance, is_same_work
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.results.outcome import Outcome
from simasgd.results.run import Run
from simasgd.results.study import Study

SCORE, SECONDS, BYTES, TIME_TO_TARGET, EPOCHS_TO_TARGET, BYTES_TO_TARGET = (
    "score", "simulated_seconds", "bytes", "seconds_to_target", "epochs_to_target", "bytes_to_target",
)  # fmt: skip
CRITERIA = (SCORE, SECONDS, TIME_TO_TARGET, BYTES, EPOCHS_TO_TARGET)
_OF_THE_WHOLE_RUN = (SECONDS, BYTES)
_ROUND_NUMBERS = ("1", "1.2", "1.5", "2", "2.5", "3", "4", "5", "6", "8")

Tolerance = Callable[[Spread, Spread], float]
"""Up to which difference of their means two spreads over seeds count as alike."""


@final
@dataclass(frozen=True)
class Reach:
    """The first evaluation at or below the target: at how many simulated seconds and epochs, and after how many
    bytes."""

    seconds: float
    epoch: float
    bytes: float


@final
@dataclass(frozen=True)
class Seed:
    """The numbers of one seed. `score` is the final test error, or loss (None: diverged, or infinite); `seconds` is None where
    the run has no time, and `reached` where the target never was."""

    seed: int
    score: float | None
    seconds: float | None
    bytes: float
    reached: Reach | None


@final
@dataclass(frozen=True, kw_only=True)
class Contender:
    """A variant that is to learn, with the numbers of its seeds. One with a `failure`, its gravest outcome, does not compete;
    `level` is the best score that all its seeds get to (None: some get to none)."""

    series: int
    """Its number among the study's variants."""
    name: str
    outcomes: tuple[Seed, ...]
    level: float | None = None
    failure: str = ""
    samples: float = 1.0

    @property
    def reached(self) -> int:
        """How many seeds reached the target."""
        return sum(outcome.reached is not None for outcome in self.outcomes)

    def values(self, key: str) -> dict[int, float]:
        """By seed, where there is one."""
        found = {outcome.seed: _get_value(outcome, key) for outcome in self.outcomes}
        return {seed: value for seed, value in found.items() if value is not None}

    def spread(self, key: str) -> Spread | None:
        return Spread.of(list(self.values(key).values()))


@final
@dataclass(frozen=True, kw_only=True)
class Criterion:
    """Who is best by one quantity: the least of the competitors' `means` over the seeds, and who counts as alike. `seeds_won`
    says at how many of the `seeds` each had the least value of that seed; equal ones won it both. Where nobody is best `reason`
    says why."""

    key: str
    best: str | None = None
    tied: tuple[str, ...] = ()
    means: Mapping[str, float] = field(default_factory=dict)
    seeds_won: Mapping[str, int] = field(default_factory=dict)
    seeds: int = 0
    reason: str = ""

    @property
    def is_even(self) -> bool:
        """Whether all of several competitors tie."""
        return bool(self.tied) and len(self.tied) + 1 == len(self.means)


@final
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Variants that are judged by the same metric. `target` is a value of it (None: nobody learns), `given` whether somebody
    asked for it, and `dominated_by` names for each who has a point who is at least as good and as soon, and better in one."""

    metric: Metric
    contenders: tuple[Contender, ...]
    target: float | None
    given: bool
    criteria: tuple[Criterion, ...]
    dominated_by: Mapping[str, tuple[str, ...]]

    @property
    def front(self) -> tuple[Contender, ...]:
        """The Pareto front of score and simulated time, soonest first."""
        on_it = [one for one in self.contenders if not one.failure and self.dominated_by.get(one.name) == ()]
        return tuple(sorted(on_it, key=lambda one: find_point(one) or (0.0, 0.0)))


def compare_variants(study: Study, variants: Sequence[VariantFacts]) -> list[Comparison]:
    """One for each metric by which at least two variants are judged."""
    found = []
    target = study.target
    for metric in (ERROR, LOSS):
        chosen = [
            (series, one, runs)
            for series, (one, runs) in enumerate(zip(variants, study.runs.values(), strict=True))
            if one.classes is not None and one.metric is metric
        ]
        if len(chosen) > 1:
            found.append(_compare(metric, chosen, target))
        target = None if chosen else target  # what was asked for is a test error where anything has one
    return found


def choose_target(levels: Iterable[float]) -> float | None:
    """The second-best level, or the only one, rounded up to a friendly number; None of nothing."""
    in_order = sorted(levels)
    return round_up(in_order[:2][-1]) if in_order else None


def round_up(value: float) -> float:
    """The next greater number of few digits; itself if it is not positive."""
    if value <= 0.0:
        return value
    exponent = int(f"{value:e}".partition("e")[2])
    steps = (float(f"{step}e{power}") for power in (exponent, exponent + 1) for step in _ROUND_NUMBERS)
    return next(step for step in steps if step >= value)


def find_reach(evaluations: pd.DataFrame, metric: Metric, target: float) -> Reach | None:
    """The first evaluation at or below the target. What lies between two evaluations is not known, and not guessed."""
    there = evaluations[evaluations[metric.key] <= target]
    if there.empty:
        return None
    first = there.iloc[0]
    return Reach(float(first["simulated_seconds"]), float(first["epoch"]), float(first["bytes"]))


def find_level(tables: Sequence[pd.DataFrame], metric: Metric) -> float | None:
    """The best value that all seeds get to; None where one has none."""
    least = [float(table[metric.key].min()) for table in tables]
    return max(least) if least and all(value == value for value in least) else None


def rank(key: str, values: Mapping[str, Mapping[int, float]], alike: Tolerance) -> Criterion:
    """Who is best, of competitors with their values by seed (at least one each)."""
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
    """At how many seeds each has the least value of that seed (equal ones all have), and how many seeds at least two of them
    share."""
    every = [seed for by_seed in values.values() for seed in by_seed]
    shared = [seed for seed in dict.fromkeys(every) if every.count(seed) > 1]
    least = {seed: min(by_seed[seed] for by_seed in values.values() if seed in by_seed) for seed in shared}
    won = {name: sum(by_seed.get(seed) == least[seed] for seed in shared) for name, by_seed in values.items()}
    return won, len(shared)


def find_dominators(points: Mapping[str, tuple[float, float]], competitors: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """For each point the competitors whose two coordinates are no greater, and one of them less."""
    able = [name for name in competitors if name in points]
    return {name: tuple(other for other in able if _dominates(points[other], at)) for name, at in points.items()}


def find_point(one: Contender) -> tuple[float, float] | None:
    """Its mean simulated seconds and score; None where some seed lacks one."""
    score, seconds = one.spread(SCORE), one.spread(SECONDS)
    whole = all(len(one.values(key)) == len(one.outcomes) for key in (SCORE, SECONDS))
    if score is None or seconds is None or not whole or one.failure in (Outcome.HUNG, Outcome.DIVERGED):
        return None
    return seconds.mean, score.mean


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]


def _get_value(outcome: Seed, key: str) -> float | None:
    reached = outcome.reached
    match key:
        case "score":
            return outcome.score
        case "simulated_seconds":
            return outcome.seconds
        case "bytes":
            return outcome.bytes
        case "seconds_to_target":
            return None if reached is None else reached.seconds
        case "epochs_to_target":
            return None if reached is None else reached.epoch
        case "bytes_to_target":
            return None if reached is None else reached.bytes
        case _:
            raise AssertionError(key)


def _compare(metric: Metric, chosen: Sequence[tuple[int, VariantFacts, Sequence[Run]]], given: float | None) -> Comparison:
    levels = [
        found
        for _, one, runs in chosen
        if not one.failure and (found := find_level([_get_evaluations(run) for run in runs], metric)) is not None
    ]
    target = choose_target(levels) if given is None else given
    contenders = [_build_contender(series, one, runs, metric, target) for series, one, runs in chosen]
    points = {one.name: at for one in contenders if (at := find_point(one)) is not None}
    return Comparison(
        metric=metric,
        contenders=tuple(contenders),
        target=target,
        given=given is not None,
        criteria=tuple(judge(key, contenders, metric) for key in CRITERIA),
        dominated_by=find_dominators(points, [one.name for one in contenders if not one.failure]),
    )


def judge(key: str, contenders: Sequence[Contender], metric: Metric) -> Criterion:
    """Who is best by a criterion, or why nobody is. Those compete that did not fail and have a value at every seed."""
    able = [one for one in contenders if not one.failure]
    whole = [one for one in able if len(one.values(key)) == len(one.outcomes)]
    if not able:
        return Criterion(key=key, reason="no variant learns")
    if not whole:
        lacking = "no variant reaches the target at every seed" if key not in (SCORE, SECONDS, BYTES) else "it is not known"
        return Criterion(key=key, reason=lacking)
    samples = [one.samples for one in whole]
    if key in _OF_THE_WHOLE_RUN and not is_same_work(min(samples), max(samples)):
        return Criterion(key=key, reason="the runs apply different numbers of samples")
    alike: Tolerance = partial(compute_score_tolerance, metric=metric) if key == SCORE else compute_amount_tolerance
    return rank(key, {one.name: one.values(key) for one in whole}, alike)


def _build_contender(series: int, one: VariantFacts, runs: Sequence[Run], metric: Metric, target: float | None) -> Contender:
    return Contender(
        series=series,
        name=one.name,
        outcomes=tuple(_read_seed(run, metric, target) for run in runs),
        level=find_level([_get_evaluations(run) for run in runs], metric),
        failure=one.failure,
        samples=one.samples,
    )


def _read_seed(run: Run, metric: Metric, target: float | None) -> Seed:
    return Seed(
        seed=run.seed,
        score=run.test_error if metric is ERROR else run.test_loss,
        seconds=run.simulated_seconds if run.has_time else None,
        bytes=run.summary.bytes.sent,
        reached=None if target is None else find_reach(_get_evaluations(run), metric, target),
    )


def _get_evaluations(run: Run) -> pd.DataFrame:
    assert run.evaluations is not None
    return run.evaluations
