"""The law of times by maximum likelihood, with a mean for each learner and one cv for all.

Learners differ in speed only: learner l's times are the common law times a mean of its own. Given the
cv, the most likely mean of each learner is known in closed form. So the search is over the cv alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, log, sqrt
from typing import final

import numpy as np
from scipy import optimize

from simasgd.calibration.laws.families import FAMILIES, LEAST_CV, AbstractFamily
from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.tape.arrays import Floats

_CONSTANT = 1e-6  # a cv below this is no variation: a clock's resolution


@final
@dataclass(frozen=True)
class LawFit:
    """A family's most likely law for the times of several learners."""

    family: AbstractFamily
    means: Floats
    """Of each learner (s); all equal where learners do not differ."""
    cv: Estimate
    """Without an error where the family fixes it."""
    log_likelihood: float
    parameters: int
    """How many were fitted."""
    distance: float
    """Kolmogorov–Smirnov distance between the times, each over its learner's mean, and the law."""
    observations: int

    @property
    def information(self) -> float:
        """Bayesian information criterion: less is better."""
        return self.parameters * log(self.observations) - 2 * self.log_likelihood


def compute_variation(times: Sequence[Floats]) -> float:
    """Compute the pooled coefficient of variation of times over their learner's mean."""
    squares = sum(float(np.sum((one / np.mean(one) - 1) ** 2)) for one in times)
    return sqrt(squares / sum(len(one) for one in times))


def is_constant(times: Sequence[Floats]) -> bool:
    """Return whether every learner's times are equal to a clock's resolution."""
    return compute_variation(times) < _CONSTANT


def fit_laws(times: Sequence[Floats]) -> list[LawFit]:
    """Fit every family, with equal learners or with unequal ones, whichever is better; the best comes first.

    A law with a least time is not the best unless its distance, too, is less than that of every law without.

    Args:
        times: of each learner, positive (s).
    """
    apart = [_fit(family, list(times), len(times)) for family in FAMILIES]
    alike = [_fit(family, [np.concatenate(times)], len(times)) for family in FAMILIES] if len(times) > 1 else apart
    best = min((apart, alike), key=lambda fits: min(fit.information for fit in fits if not fit.family.has_bound))
    return _order(best)


def _order(fits: list[LawFit]) -> list[LawFit]:
    """Return the fits by their information criterion; a law with a least time must also be nearer than any without.

    Its likelihood depends on the least times most of all, so it may be large where the law is far off.
    """
    nearest = min(fit.distance for fit in fits if not fit.family.has_bound)
    return sorted(fits, key=lambda fit: (fit.family.has_bound and fit.distance >= nearest, fit.information))


def _fit(family: AbstractFamily, groups: list[Floats], learners: int) -> LawFit:
    def loss(log_cv: float) -> float:
        cv = exp(log_cv)
        return -sum(float(np.sum(family.log_density(group, family.mean_given(group, cv), cv))) for group in groups)

    if family.has_cv:
        start = family.guess_cv(np.concatenate([group / np.mean(group) for group in groups]))
        bounds = (log(max(start / 4, LEAST_CV)), log(min(start * 4, family.largest_cv)))
        options = {"xatol": 1e-6, "maxiter": 60}
        found = float(optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options=options).x)
        cv = Estimate(exp(found), exp(found) * estimate_error(loss, found))
    else:
        cv = Estimate(1.0, 0.0)
    means = np.array([family.mean_given(group, cv.value) for group in groups])
    factors = np.sort(np.concatenate([group / mean for group, mean in zip(groups, means, strict=True)]))
    likelihood = -loss(log(cv.value))
    return LawFit(
        family,
        means if len(means) == learners else np.full(learners, means[0]),
        cv,
        likelihood if isfinite(likelihood) else -inf,
        len(groups) + family.has_cv,
        compute_distance(factors, family.cumulative(factors, 1.0, cv.value)),
        len(factors),
    )


def estimate_error(loss: Callable[[float], float], at: float) -> float:
    """Compute a standard error from the second derivative of −log L at its minimum; infinite where it is not positive."""
    step = 1e-3
    below, here, above = loss(at - step), loss(at), loss(at + step)
    curvature = (below - 2 * here + above) / step**2
    return 1 / sqrt(curvature) if isfinite(curvature) and curvature > 0 else inf


def compute_distance(ordered: Floats, cumulative: Floats) -> float:
    """Compute the Kolmogorov–Smirnov distance of sorted values from a law with these cumulative probabilities."""
    size = len(ordered)
    above = np.arange(1, size + 1) / size - cumulative
    below = cumulative - np.arange(size) / size
    return float(max(above.max(), below.max()))


def write_distance(distance: float) -> str:
    """Write a Kolmogorov–Smirnov distance, a difference of two shares, to a thousandth."""
    return f"{distance:.3f}" if distance >= 0.0005 else "below 0.001"


def estimate_mean_errors(fit: LawFit, sizes: Sequence[int]) -> Floats:
    """Compute the standard error of each learner's mean (s), from the numbers of their times (`sizes`)."""
    counts, cv = np.array(sizes, dtype=float), fit.cv
    if not fit.family.has_bound:
        errors: Floats = fit.means * (cv.value / np.sqrt(counts))
        return errors
    # The least of n times estimates a bound with an error of about mean·cv/n; the mean also follows from the cv.
    least, step = np.ones(1), min(cv.error, cv.value / 2, (fit.family.largest_cv - cv.value) / 2)
    shared = abs(fit.family.mean_given(least, cv.value + step) - fit.family.mean_given(least, cv.value - step)) / 2
    shared /= fit.family.mean_given(least, cv.value)
    result: Floats = fit.means * np.sqrt((cv.value / counts) ** 2 + shared**2)
    return result
