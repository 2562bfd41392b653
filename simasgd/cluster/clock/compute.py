"""How long a mini-batch or an update takes: a mean time from the scenario, times a random factor of mean 1."""

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
    member_factors,
)
from simasgd.scenario.cluster.cluster import Cluster, Compute, Efficiency, Speeds
from simasgd.scenario.cluster.times import AbstractTimes


def law(spec: AbstractTimes) -> AbstractDistribution:
    """Return the law of the random factor of a section's times; its mean is 1."""
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
    """Return the mean time (s) of a mini-batch of µ samples.

    That is per_batch + µ·per_sample ÷ efficiency(µ), or per_batch + the mean of measured times
    without a per_sample.
    """
    if spec.per_sample is None:
        return spec.per_batch + spec.mean_measured
    samples = mini_batch * spec.per_sample
    return spec.per_batch + (samples if spec.efficiency is None else samples / _efficiency(spec.efficiency, mini_batch))


def _efficiency(spec: Efficiency, mini_batch: int) -> float:
    """Return (µ/full_at)^exponent, and 1 from full_at on."""
    if mini_batch >= spec.full_at:
        return 1.0
    return float(exact.exp(spec.exponent * exact.log(np.array([mini_batch / spec.full_at])))[0])


def times(mean: float, law: AbstractDistribution, seed: int, learner: int) -> Iterator[float]:
    """Return the endless stream of a learner's compute times (s).

    The k-th time is a function of the seed, the learner and k only, so two protocols at one seed
    meet the same stragglers.
    """
    return (mean * factor for factor in law.factors(exact.stream(seed, exact.Purpose.COMPUTE, learner)))


def update_times(mean: float, law: AbstractDistribution, seed: int) -> Iterator[float]:
    """Return the endless stream of the server's update times (s).

    The k-th time is a function of the seed and k only.
    """
    return (mean * factor for factor in law.factors(exact.stream(seed, exact.Purpose.UPDATE, 0)))


def speeds(spec: Cluster, seed: int) -> list[float]:
    """Return the speed of every learner, by which its compute times are divided.

    A speed drawn from a law is a function of the seed and the learner's number only, for any λ.
    """
    if spec.speeds is None:
        return [1.0] * spec.learners
    if not isinstance(spec.speeds, Speeds):
        return list(spec.speeds)
    return member_factors(spec.speeds.distribution, spec.speeds.cv, seed, exact.Purpose.SPEED, spec.learners)
