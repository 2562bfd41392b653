"""The compute times of a log: mini-batch, speeds, law and slow spells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import final

import numpy as np

from simasgd.calibration.laws.correlation import PERHAPS, SURE, compute_autocorrelation, is_correlated
from simasgd.calibration.laws.law_fit import (
    LawFit,
    compute_variation,
    estimate_mean_errors,
    fit_laws,
    is_constant,
    write_distance,
)
from simasgd.calibration.laws.sample_time import SampleTime
from simasgd.calibration.laws.series import Series, read_series
from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.calibration.speeds import SpeedFit, fit_speeds
from simasgd.calibration.spells.groups import correlate_learners
from simasgd.calibration.spells.kinds import KindFit
from simasgd.calibration.spells.slowness import SlowFit, find_slowness
from simasgd.operations.log import OperationLog
from simasgd.tape.arrays import Floats

LAGS = 30
POOR = 0.05  # Kolmogorov–Smirnov distance from which a law is said not to fit
_BY_CHANCE = 1.36  # times 1/√n: a distance that the right law exceeds in 1 of 20 logs (Kolmogorov)
_CORRELATED = 500_000  # mini-batches whose autocorrelation is computed
_MOST = 200_000  # mini-batches from which the law is fitted; of more, an even share of every learner's


@final
@dataclass(frozen=True)
class ComputeFit:
    """The law of a log's compute times, the learners' speeds and the slow spells."""

    mean: Estimate
    """Mean time of a mini-batch of the usual size at speed 1, outside slow spells (s)."""
    overall: float
    """Mean time of all mini-batches that were fitted, those in slow spells among them (s)."""
    sample_time: SampleTime
    """The mean time as a function of the mini-batch, outside slow spells."""
    law: str
    cv: Estimate
    distance: float
    """Kolmogorov–Smirnov distance of the law, with its slow spells, from all times."""
    laws: tuple[LawFit, ...]
    """All families, the best first; of the times outside slow spells. Empty if times are constant."""
    speeds: SpeedFit | None
    kinds: tuple[KindFit, ...]
    """The kinds of slow spells; empty if there are none."""
    autocorrelation: Floats
    """Autocorrelation of the logarithm of the times, at lags 1 to LAGS."""
    factors: Floats
    """A sample of the times outside slow spells, over their learner's mean, in order of size."""
    learners: tuple[str, ...]
    mini_batches: int
    warm_up: Estimate | None
    remarks: tuple[str, ...]
    """Sentences on properties of the log that the fit misses."""


def fit_compute(log: OperationLog) -> ComputeFit:
    """Fit the compute times of a log. Raises UsageError where there are too few."""
    series = read_series(log)
    few = series.take(_CORRELATED)
    correlation = compute_autocorrelation(few.times, LAGS)
    if is_constant(series.times):
        return _constant(series, correlation)
    slow = find_slowness(series) if is_correlated(few.times, PERHAPS) else None
    return _with_spells(series, slow, correlation) if slow is not None else _without(series, correlation)


def _constant(series: Series, correlation: Floats) -> ComputeFit:
    means = np.array([float(np.mean(one)) for one in series.times])
    base = 1 / float(np.mean(1 / means))
    differ = len(means) > 1 and float(np.ptp(means)) > 1e-6 * base
    speeds = fit_speeds(means, np.zeros(len(means))) if differ else None
    nothing, mean = Estimate(0.0, 0.0), Estimate(base, 0.0)
    return ComputeFit(
        mean, series.mean, _put_at_speed_1(series, mean), "constant", nothing, 0.0, (), speeds, (), correlation,
        np.ones(1), series.learners, series.size, series.warm_up, series.remarks,
    )  # fmt: skip


def _without(series: Series, correlation: Floats) -> ComputeFit:
    used = _thin(series.times)
    laws = fit_laws(used)
    best, remarks = laws[0], list(series.remarks)
    differ = len(set(best.means.tolist())) > 1
    sizes = [len(one) for one in series.times]
    errors = estimate_mean_errors(best, sizes)
    speeds = fit_speeds(best.means, errors) if differ else None
    base = 1 / float(np.mean(1 / best.means))
    relative = best.means / base
    straight = [one / scale for one, scale in zip(series.times, relative, strict=True)]
    mean = Estimate(base, base * max(best.cv.value, compute_variation(straight)) / sqrt(series.size))
    if best.family.has_bound and not differ:
        mean = Estimate(base, float(estimate_mean_errors(best, [series.size])[0]))
    if is_correlated(series.take(_CORRELATED).times, SURE):
        remarks.append(
            f"Successive mini-batches are correlated ({correlation[0]:.2f} at lag 1), and slow spells do not explain it. "
            "The times of the profile are independent of each other."
        )
    _say_poor(best.distance, best.family.name, series.size, remarks)
    _say_common(series, (), remarks)
    return ComputeFit(
        mean, series.mean, _put_at_speed_1(series, mean), best.family.name, best.cv, best.distance, tuple(laws), speeds, (),
        correlation, _sample_factors(used, best.means), series.learners, series.size, series.warm_up, tuple(remarks),
    )  # fmt: skip


def _with_spells(series: Series, slow: SlowFit, correlation: Floats) -> ComputeFit:
    base = 1 / float(np.mean(1 / slow.means))
    counts = np.array([max(len(one), 1) for one in slow.normal_times])
    errors = slow.means * slow.cv.value / np.sqrt(counts)
    speeds = fit_speeds(slow.means, errors) if slow.apart else None
    mean = Estimate(base, base * slow.mean_error)
    remarks = list(series.remarks)
    if any(kind.spells < 5 for kind in slow.kinds):
        remarks.append("Some kinds of slow spells were seen fewer than five times: their lengths are little more than a guess.")
    if slow.fitted < series.size:
        remarks.append(
            f"Slow spells were sought in {slow.sought:,} of {series.size:,} mini-batches, the first of each learner, and "
            f"fitted to {slow.fitted:,} of these."
        )
    _say_poor(slow.distance, f"{slow.law} with slow spells", series.size, remarks)
    _say_common(series, slow.kinds, remarks)
    remarks.append("Within a spell, successive mini-batches of the profile are independent of each other.")
    return ComputeFit(
        mean, series.mean, _put_at_speed_1(series, mean), slow.law, slow.cv, slow.distance, slow.laws, speeds, slow.kinds,
        correlation, _sample_factors(slow.normal_times, slow.means), series.learners, series.size, series.warm_up,
        tuple(remarks),
    )  # fmt: skip


def _put_at_speed_1(series: Series, mean: Estimate) -> SampleTime:
    """Return the formula for a learner of speed 1 outside slow spells, whose mean time at the usual size is `mean`."""
    line = series.sample_time
    share = mean.value / series.mean
    per_batch, per_sample = line.per_batch.times(share), line.per_sample.times(share)
    if len(line.sizes) < 2:  # one number, whose error is that of the mean
        per_batch, per_sample = (
            Estimate(one.value, mean.error * one.value / mean.value if one.value else one.error)
            for one in (per_batch, per_sample)
        )
    return replace(
        line,
        per_batch=per_batch,
        per_sample=per_sample,
        means=tuple(one * share for one in line.means),
        fitted=tuple(one * share for one in line.fitted),
    )


def _say_poor(distance: float, name: str, size: int, remarks: list[str]) -> None:
    if distance > max(POOR, _BY_CHANCE / sqrt(size)):
        remarks.append(
            f"No law fits well: the nearest, {name}, is {write_distance(distance)} away (Kolmogorov–Smirnov distance). "
            "Use the log itself instead (distribution: trace or empirical)."
        )


def _say_common(series: Series, kinds: Sequence[KindFit], remarks: list[str]) -> None:
    """Remark where learners' times go up and down together, and no common spells explain it."""
    if any(kind.together for kind in kinds):
        return
    few = series.take(100_000)
    common = correlate_learners(few.times, few.starts)
    if common > 0.1:
        remarks.append(
            f"The learners' times are correlated ({common:.2f} on average): something slows them together. In the profile they "
            "are independent, so a barrier costs more than it did."
        )


def _thin(times: Sequence[Floats]) -> list[Floats]:
    """Return at most _MOST times, evenly spread over each learner's."""
    step = -(-sum(len(one) for one in times) // _MOST)
    return [one[::step] if len(one) > step else one for one in times]


def _sample_factors(times: Sequence[Floats], means: Floats) -> Floats:
    """Return 2,000 times over their learner's mean, evenly spread in order of size."""
    ordered = np.sort(np.concatenate([one / mean for one, mean in zip(times, means, strict=False)]))
    return ordered if len(ordered) <= 2_000 else ordered[np.linspace(0, len(ordered) - 1, 2_000).astype(np.int64)]
