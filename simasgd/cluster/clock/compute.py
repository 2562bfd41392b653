"""How long a mini-batch or an update takes: a mean time from the scenario, times a random factor of mean 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from sys import float_info

import numpy as np

from simasgd import exact
from simasgd.cluster.clock import traces
from simasgd.cluster.clock.sizes import MiniBatch, size_of_each
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
from simasgd.scenario.cluster.measured import series_of
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
        "empirical": lambda: Empirical(_pooled(spec)),
    }
    return laws[spec.distribution]()


def _pooled(spec: AbstractTimes) -> Sequence[float]:
    """Return the times of all series together."""
    assert spec.measured is not None
    series = series_of(spec.measured)
    return series[0] if len(series) == 1 else tuple(chain.from_iterable(series))


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


def mean_times(spec: Cluster, mini_batch: MiniBatch) -> list[float]:
    """Return the mean time (s) of a mini-batch of each learner, at speed 1."""
    sizes = size_of_each(mini_batch, spec.learners)
    if isinstance(spec.compute, tuple):
        own = zip(spec.compute, sizes, strict=True)
        return [_mean_of(law, _series_means(law), size, learner) for learner, (law, size) in enumerate(own)]
    series_means, common = _series_means(spec.compute), spec.compute
    if not series_means:
        of_size = {size: mean_time(common, size) for size in set(sizes)}
        return [of_size[size] for size in sizes]
    scales = {size: _scale(common, size) for size in set(sizes)}
    return [scales[size] * series_means[learner % len(series_means)] for learner, size in enumerate(sizes)]


def _series_means(spec: Compute) -> list[float]:
    """Return the mean of each series of a trace, as measured (s); none for another law."""
    return traces.means(spec) if spec.distribution == "trace" else []


def _mean_of(spec: Compute, series_means: Sequence[float], mini_batch: int, learner: int) -> float:
    if not series_means:
        return mean_time(spec, mini_batch)
    return _scale(spec, mini_batch) * series_means[learner % len(series_means)]


def compute_times(spec: Cluster, seed: int, mini_batch: MiniBatch) -> list[Iterator[float]]:
    """Return the stream of every learner's compute times (s) at full speed.

    Streams are endless, unless a trace stops at its end: then they raise EndOfTrace.
    """
    each, sizes = speeds(spec, seed), size_of_each(mini_batch, spec.learners)
    if isinstance(spec.compute, tuple):
        own = zip(spec.compute, sizes, each, strict=True)
        return [_own_times(law, size, seed, learner, speed) for learner, (law, size, speed) in enumerate(own)]
    if spec.compute.distribution == "trace":
        scales = {size: _scale(spec.compute, size) for size in set(sizes)}
        return traces.replay(spec.compute, [scales[size] for size in sizes], seed, each)
    means, common = mean_times(spec, mini_batch), law(spec.compute)
    own_means = list(map(_own_mean, means, each))
    return common.times_of_all(own_means, [_bits(seed, learner) for learner in range(spec.learners)])


def _own_times(spec: Compute, mini_batch: int, seed: int, learner: int, speed: float) -> Iterator[float]:
    if spec.distribution == "trace":
        return traces.replay_alone(spec, _scale(spec, mini_batch), seed, learner, speed)
    return times(_own_mean(mean_time(spec, mini_batch), speed), law(spec), seed, learner)


def _own_mean(mean: float, speed: float) -> float:
    return min(mean / speed, float_info.max)  # no mean is infinite, even for a very slow learner: a factor may be 0


def _scale(spec: Compute, mini_batch: int) -> float:
    """Return the number by which the times of a trace are multiplied."""
    if spec.per_sample is None and spec.per_batch == 0.0:
        return 1.0  # exactly
    return mean_time(spec, mini_batch) / spec.mean_measured


def times(mean: float, law: AbstractDistribution, seed: int, learner: int) -> Iterator[float]:
    """Return the endless stream of a learner's compute times (s).

    The k-th time is a function of the seed, the learner and k only, so two protocols at one seed
    meet the same stragglers.
    """
    return law.times(mean, _bits(seed, learner))


def _bits(seed: int, learner: int) -> np.random.Philox:
    return exact.stream(seed, exact.Purpose.COMPUTE, learner)


def update_times(mean: float, law: AbstractDistribution, seed: int) -> Iterator[float]:
    """Return the endless stream of the server's update times (s).

    The k-th time is a function of the seed and k only.
    """
    return law.times(mean, exact.stream(seed, exact.Purpose.UPDATE, 0))


def speeds(spec: Cluster, seed: int) -> list[float]:
    """Return the speed of every learner, by which its compute times are divided.

    A speed drawn from a law is a function of the seed and the learner's number only, for any λ.
    """
    if spec.speeds is None:
        return [1.0] * spec.learners
    if not isinstance(spec.speeds, Speeds):
        return list(spec.speeds)
    return list(member_factors(spec.speeds.distribution, spec.speeds.cv, seed, exact.Purpose.SPEED, spec.learners))
