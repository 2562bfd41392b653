"""How the time of a mini-batch depends on its size: a line, or a line with an efficiency on small mini-batches."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from typing import final

import numpy as np
from scipy import optimize

from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.tape.arrays import Floats

_OFF = 0.05  # relative distance of a size's mean from the line, from which an efficiency is tried
_EXPONENTS = np.linspace(0.02, 0.98, 49)


@final
@dataclass(frozen=True)
class SampleTime:
    """The mean time of a mini-batch of µ samples: per_batch + µ·per_sample ÷ efficiency(µ)."""

    per_batch: Estimate
    per_sample: Estimate
    sizes: tuple[float, ...]
    """Sizes that were measured; empty where the log does not say."""
    means: tuple[float, ...]
    """Mean time of each size (s)."""
    fitted: tuple[float, ...]
    """Of each size by the formula (s)."""
    full_at: int | None = None
    """Smallest mini-batch with full efficiency; None: a straight line."""
    exponent: Estimate | None = None

    @property
    def residual(self) -> float:
        """The largest relative distance of a size's mean from the formula."""
        return max((abs(found / mean - 1) for found, mean in zip(self.fitted, self.means, strict=True)), default=0.0)


def fit_sample_time(sizes: Floats | None, seconds: Floats) -> tuple[SampleTime, Floats, list[str]]:
    """Fit the formula; return it, the times as for the most frequent size, and remarks.

    Args:
        sizes: samples of each mini-batch, NaN where unknown; None if the log does not say.
        seconds: time of each mini-batch (s).
    """
    overall = Estimate.mean_of(seconds)
    if sizes is None or np.isnan(sizes).any() or not np.all(sizes > 0):
        remark = "The log does not say the mini-batch of every computation. So the mean time is taken for every size."
        return SampleTime(overall, Estimate(0.0, inf), (), (), ()), seconds, [remark]
    values, which, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    if len(values) == 1:
        remark = (
            f"Only mini-batches of {values[0]:g} were measured. So the part of the time that does not depend on the size is "
            "unknown, and taken as 0."
        )
        line = SampleTime(
            Estimate(0.0, inf), overall.times(1 / float(values[0])), (float(values[0]),), (overall.value,), (overall.value,)
        )
        return line, seconds, [remark]
    means = np.bincount(which, weights=seconds) / counts
    squares = np.bincount(which, weights=(seconds - means[which]) ** 2)
    variances = np.where(counts > 1, squares / np.maximum(counts - 1, 1), means**2) / counts
    weights = 1 / np.sqrt(np.maximum(variances, (1e-9 * means) ** 2))
    fitted = _fit(values, means, weights)
    adjusted = seconds * (means[int(np.argmax(counts))] / means)[which]
    remarks = []
    if fitted.residual > _OFF:
        remarks.append(f"The mean time of a mini-batch is off its formula by up to {fitted.residual:.0%}.")
    return fitted, adjusted, remarks


def _fit(sizes: Floats, means: Floats, weights: Floats) -> SampleTime:
    line, _ = _solve(sizes, sizes, means, weights)
    if len(sizes) < 3 or line.residual <= _OFF:
        return line
    best = (inf, 0.0, 0.0)
    for full_at in sizes[1:]:
        for exponent in _EXPONENTS:
            _, misfit = _solve(sizes, _stretch(sizes, full_at, exponent), means, weights)
            best = min(best, (misfit, float(full_at), float(exponent)))
    _, full_at, exponent = best

    def misfit_at(exponent: float) -> float:
        return _solve(sizes, _stretch(sizes, full_at, exponent), means, weights)[1]

    exponent = float(optimize.minimize_scalar(misfit_at, bounds=(max(exponent - 0.02, 1e-3), min(exponent + 0.02, 0.999))).x)
    step = 1e-3
    curvature = (misfit_at(exponent - step) - 2 * misfit_at(exponent) + misfit_at(exponent + step)) / step**2
    curved, _ = _solve(sizes, _stretch(sizes, full_at, exponent), means, weights)
    if curved.residual >= line.residual:
        return line
    error = sqrt(2 / curvature) if curvature > 0 else inf
    return SampleTime(
        curved.per_batch, curved.per_sample, curved.sizes, curved.means, curved.fitted, int(full_at), Estimate(exponent, error)
    )


def _stretch(sizes: Floats, full_at: float, exponent: float) -> Floats:
    """Compute µ ÷ efficiency(µ)."""
    result: Floats = sizes / np.minimum(sizes / full_at, 1.0) ** exponent
    return result


def _solve(sizes: Floats, stretched: Floats, means: Floats, weights: Floats) -> tuple[SampleTime, float]:
    """Fit means = a + b·stretched by weighted least squares with a, b ≥ 0; also return the sum of squares."""
    design = np.stack([np.ones(len(sizes)), stretched], axis=1) * weights[:, None]
    solved, norm = optimize.nnls(design, means * weights)
    errors = np.sqrt(np.diag(np.linalg.pinv(design.T @ design)))
    fitted = solved[0] + solved[1] * stretched
    result = SampleTime(
        Estimate(float(solved[0]), float(errors[0])),
        Estimate(float(solved[1]), float(errors[1])),
        tuple(sizes.tolist()),
        tuple(means.tolist()),
        tuple(fitted.tolist()),
    )
    return result, float(norm**2)
