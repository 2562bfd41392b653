"""How long a mini-batch or an update takes: a mean from the scenario, times a random factor of mean 1 and given coefficient
of variation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from simasgd import exact
from simasgd.laws import (
    AbstractDistribution,
    Constant,
    Empirical,
    Exponential,
    Gamma,
    LogNormal,
    Pareto,
    ShiftedExponential,
)
from simasgd.scenario.cluster.cluster import Cluster, Compute, Efficiency, Speeds
from simasgd.scenario.cluster.times import AbstractTimes


def law(spec: AbstractTimes) -> AbstractDistribution:
    """The law of the random factor in the times of a section; it has mean 1."""
    if spec.variation == 0.0:
        return Constant()
    laws: dict[str, Callable[[], AbstractDistribution]] = {
        "exponential": Exponential,
        "gamma": lambda: Gamma(spec.variation),
        "lognormal": lambda: LogNormal(spec.variation),
        "shifted-exponential": lambda: ShiftedExponential(spec.variation),
        "pareto": lambda: Pareto(spec.variation),
        "empirical": lambda: Empirical(spec.measured or ()),
    }
    return laws[spec.distribution]()


def mean_time(spec: Compute, mini_batch: int) -> float:
    """Mean time (s) of a mini-batch of µ samples: per_batch + µ·per_sample ÷ efficiency(µ), or per_batch + the mean of the
    measured times where these are taken as they are."""
    if spec.per_sample is None:
        return spec.per_batch + spec.mean_measured
    samples = mini_batch * spec.per_sample
    return spec.per_batch + (samples if spec.efficiency is None else samples / _efficiency(spec.efficiency, mini_batch))


def _efficiency(spec: Efficiency, mini_batch: int) -> float:
    """(µ/full_at)^exponent, and 1 from full_at on."""
    if mini_batch >= spec.full_at:
        return 1.0
    return float(exact.exp(spec.exponent * exact.log(np.array([mini_batch / spec.full_at])))[0])


def times(mean: float, law: AbstractDistribution, seed: int, learner: int) -> Iterator[float]:
    """The endless stream of a learner's compute times (s): the k-th is a function of the seed, the learner and k only, so
    two protocols at one seed meet the same stragglers."""
    return (mean * factor for factor in law.factors(exact.stream(seed, exact.Purpose.COMPUTE, learner)))


def update_times(mean: float, law: AbstractDistribution, seed: int) -> Iterator[float]:
    """The endless stream of the server's update times (s): the k-th is a function of the seed and k only."""
    return (mean * factor for factor in law.factors(exact.stream(seed, exact.Purpose.UPDATE, 0)))


def speeds(spec: Cluster, seed: int) -> list[float]:
    """The speed of every learner, by which its compute times are divided. Where a law gives it, a learner's is a function of
    the seed and its number only, whatever λ."""
    if spec.speeds is None:
        return [1.0] * spec.learners
    if not isinstance(spec.speeds, Speeds):
        return list(spec.speeds)
    factors = {"gamma": Gamma, "lognormal": LogNormal}[spec.speeds.distribution](spec.speeds.cv)
    return [next(factors.factors(exact.stream(seed, exact.Purpose.SPEED, learner))) for learner in range(spec.learners)]
