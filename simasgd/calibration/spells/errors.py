"""Standard errors of a hidden Markov process: standard deviations given the times, about the most likely values.

The likelihood of few spells is skew. Its curvature alone makes low values look too certain: of an
exponential law with spells, the slowdown was then off by over two standard errors in one try of
ten. So the standard error is the root mean square distance from the most likely value, over all
values in proportion to the likelihood. Every parameter has the prior 1 ÷ parameter.
"""

from __future__ import annotations

from math import inf, isfinite, log

import numpy as np

from simasgd.calibration.spells.likelihood import Loss
from simasgd.tape.arrays import Floats

_DRAWS = 400
_DEGREES = 6  # of freedom of the t law from which values are drawn; its tails are longer than the likelihood's
_LEAST = 50.0  # draws that the weighted ones must be worth
_MEAN, _CV, _SLOWDOWN = range(3)


def estimate_errors(loss: Loss, x: Floats) -> Floats:
    """Compute relative standard errors of the most likely parameters; infinite where the times do not tell them.

    Args:
        x: logarithms of mean, cv, slowdown − 1, normal and slow, where −log L is least.

    Returns:
        Of mean, cv and slowdown − 1 the root mean square distance; of the two lengths that of their
        logarithms by the curvature, which tells how many spells they rest on. 0 where a parameter
        is not free.
    """
    has_bound = loss.family.has_bound
    free = [place for place in loss.free if not (place == _SLOWDOWN and has_bound)]
    hessian = _differentiate(loss, x, free)
    errors = np.zeros(len(x))
    variances = np.diag(np.linalg.pinv(hessian)) if np.all(np.abs(hessian) < 1e25) else np.full(len(free), -1.0)
    errors[free] = np.where(variances > 0, np.sqrt(np.abs(variances)), inf)
    if not has_bound:
        skew = _average(loss, x, free, hessian)
        return errors if skew is None else np.where(np.arange(len(x)) <= _SLOWDOWN, skew, errors)
    if isfinite(errors[_CV]):
        change = np.array([0.0, min(errors[_CV], 0.1), 0.0, 0.0, 0.0])
        errors[_MEAN] = abs(log(loss.decode(x + change).mean / loss.decode(x - change).mean)) / 2
    errors[_SLOWDOWN] = max(_reach(loss, x, side) for side in (-1.0, 1.0)) / 2
    return errors


def _reach(loss: Loss, x: Floats, side: float) -> float:
    """Find how far the slowdown of a law with a least time may be: where −log L is 3 more, as for 1 bound in 20."""

    def is_likely(distance: float) -> bool:
        return loss(x + np.array([0.0, 0.0, side * distance, 0.0, 0.0])) < least + 3

    least = loss(x)
    steps = np.geomspace(1e-5, 1.0, 41).tolist()
    inside = max((place for place, distance in enumerate(steps) if is_likely(distance)), default=-1)
    low, high = (steps[inside] if inside >= 0 else 0.0), steps[min(inside + 1, len(steps) - 1)]
    for _ in range(6):
        middle = (low + high) / 2
        low, high = (middle, high) if is_likely(middle) else (low, middle)
    return float(high)


def _differentiate(loss: Loss, x: Floats, free: list[int]) -> Floats:
    """Compute the matrix of second derivatives by differences."""
    size, step = len(free), 5e-3
    hessian = np.empty((size, size))
    unit = np.eye(len(x))[free] * step
    for i in range(size):
        for j in range(i + 1):
            values = [loss(x + a * unit[i] + b * unit[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            hessian[i, j] = hessian[j, i] = (values[0] - values[1] - values[2] + values[3]) / (4 * step * step)
    return hessian


def _average(loss: Loss, x: Floats, free: list[int], hessian: Floats) -> Floats | None:
    """Compute root mean square relative distances by importance sampling; None where the curvature is no guide."""
    if not np.all(np.isfinite(hessian)):
        return None
    curvatures, axes = np.linalg.eigh(hessian)
    if not np.all(curvatures > 1e-6 * curvatures[-1]):
        return None
    rng = np.random.default_rng(0)
    stretch = np.sqrt(_DEGREES / rng.chisquare(_DEGREES, (_DRAWS, 1)))
    drawn = rng.standard_normal((_DRAWS, len(free))) * stretch
    values = np.tile(x, (_DRAWS, 1))
    values[:, free] += drawn / np.sqrt(curvatures) @ axes.T
    density = (_DEGREES + len(free)) / 2 * np.log1p(np.sum(drawn**2, axis=1) / _DEGREES)
    logs = density - np.array([loss(one) for one in values])
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    if 1 / float(np.sum(weights**2)) < _LEAST:
        return None
    result: Floats = np.sqrt(weights @ np.expm1(values - x) ** 2)
    return result
