"""Slow spells as a hidden Markov process in continuous time, fitted to compute times by maximum likelihood.

A learner is normal or slow. Both spells last exponentially long (means N and S), and work takes
`slowdown` times as long while the learner is slow, as `cluster.stragglers` has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isfinite, log
from typing import final

import numpy as np
from scipy import optimize

from simasgd.calibration.laws.estimates import Estimate
from simasgd.calibration.laws.families import AbstractFamily
from simasgd.calibration.spells.likelihood import WORST, Loss, Sequences, Spells
from simasgd.tape.arrays import Floats


@final
@dataclass(frozen=True)
class MarkovFit:
    """The most likely process, and standard errors of its numbers."""

    family: AbstractFamily
    mean: Estimate
    """Of a mini-batch's time outside slow spells (s)."""
    cv: Estimate
    slowdown: Estimate
    normal: Estimate
    """Mean length of a normal spell (s)."""
    slow: Estimate
    """Mean length of a slow spell (s)."""
    log_likelihood: float
    observations: int

    @property
    def information(self) -> float:
        """Bayesian information criterion: less is better."""
        return (4 + self.family.has_cv) * log(self.observations) - 2 * self.log_likelihood


def fit_spells(family: AbstractFamily, sequences: Sequences, start: Spells, few: int, most: int) -> MarkovFit | None:
    """Find the most likely process from a guess: first on `few` mini-batches, then on `most`; None where none is found."""
    at = _encode(start)
    for size in (few, most):
        chosen = sequences.take(size)
        loss = Loss(family, chosen)
        if loss(at) >= WORST:
            return None
        at, least = _search(loss, at, chosen)
        if chosen.size == sequences.size:
            break
    errors = _estimate_errors(loss, at)
    found = loss.decode(at)
    scale = np.array([found.mean, found.cv, found.slowdown - 1, found.normal, found.slow])
    mean, cv, slowdown = map(Estimate, found[:3], (errors * scale)[:3].tolist())
    # The curvature of the likelihood tells how many lengths a mean rests on: its relative error is 1/√n.
    normal, slow = (
        Estimate.of_lengths(value, 1.0 / error**2 if 0.0 < error < inf else 0.0)
        for value, error in zip(found[3:], errors[3:].tolist(), strict=True)
    )
    return MarkovFit(family, mean, cv, slowdown, normal, slow, -least, chosen.size)


def refine_scales(fit: MarkovFit, sequences: Sequences) -> Floats:
    """Compute by how much each learner's times are longer than the fit says: one Newton step of the likelihood."""
    at = _encode(Spells(fit.mean.value, fit.cv.value, fit.slowdown.value, fit.normal.value, fit.slow.value))
    found, step = np.ones(len(sequences.times)), 0.25 * fit.cv.value / 10
    for number, (times, gaps) in enumerate(zip(sequences.times, sequences.gaps, strict=True)):
        losses = []
        for change in (-step, 0.0, step):
            # A density of times over a scale is that of times, over the scale again.
            few = Sequences((times[:4000] / exp(change),), (gaps[:3999],))
            losses.append(Loss(fit.family, few)(at) + len(few.times[0]) * change)
        curvature = losses[0] - 2 * losses[1] + losses[2]
        if curvature > 0:
            found[number] = exp(float(np.clip((losses[0] - losses[2]) / (2 * curvature), -8, 8)) * step)
    return found


def _encode(spells: Spells) -> Floats:
    return np.log([spells.mean, spells.cv, max(spells.slowdown - 1, 1e-3), spells.normal, spells.slow])


def _search(loss: Loss, start: Floats, sequences: Sequences) -> tuple[Floats, float]:
    """Return the place of the least loss near a start, and that loss."""
    least = log(min(float(np.min(one)) for one in sequences.times))
    longest = log(sum(float(np.sum(one)) for one in sequences.times)) + 2
    length = (least - 2, longest)
    cvs = (log(1e-4), log(loss.family.largest_cv * (0.9999 if loss.family.has_bound else 1.0)))
    bounds = [(start[0] - 2, start[0] + 2), cvs, (log(1e-3), log(1e4)), length, length]
    at = np.clip(start, [low for low, _ in bounds], [high for _, high in bounds])
    if not loss.family.has_bound:
        return _descend(loss, at, loss.free, bounds, sequences.size)
    # The likelihood has a step where the least slow time enters the law, so no slope leads to the slowdown.
    for width in (0.3, 0.05, 0.005):
        at, _ = _descend(loss, at, [place for place in loss.free if place != 2], bounds, sequences.size)
        at = min(_vary_slowdown(at, width, 31), key=loss)
    return at, loss(at)


def _descend(loss: Loss, start: Floats, free: list[int], bounds: list[tuple[float, float]], size: int) -> tuple[Floats, float]:
    """Search by slopes over some of the parameters."""

    def vary(y: Floats) -> Floats:
        x = start.copy()
        x[free] = y
        return x

    options = {"maxfun": 400, "ftol": 1e-9, "eps": 1e-5}
    within = [bounds[place] for place in free]
    found = optimize.minimize(lambda y: loss(vary(y)) / size, start[free], method="L-BFGS-B", bounds=within, options=options)
    return vary(found.x), float(found.fun) * size


def _vary_slowdown(x: Floats, width: float, number: int) -> list[Floats]:
    """Return the parameters with slowdowns around theirs, up to a relative distance."""
    return [np.array([*x[:2], x[2] + change, *x[3:]]) for change in np.linspace(-width, width, number)]


def _estimate_errors(loss: Loss, x: Floats) -> Floats:
    """Compute standard errors from the matrix of second derivatives; infinite where it is not positive."""
    free = [place for place in loss.free if not (place == 2 and loss.family.has_bound)]
    size, step = len(free), 5e-3
    hessian = np.empty((size, size))
    unit = np.eye(len(x))[free] * step
    for i in range(size):
        for j in range(i + 1):
            values = [loss(x + a * unit[i] + b * unit[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            hessian[i, j] = hessian[j, i] = (values[0] - values[1] - values[2] + values[3]) / (4 * step * step)
    errors = np.zeros(len(x))
    variances = np.diag(np.linalg.pinv(hessian)) if np.all(np.abs(hessian) < 1e25) else np.full(size, -1.0)
    errors[free] = np.where(variances > 0, np.sqrt(np.abs(variances)), inf)
    if loss.family.has_bound and isfinite(errors[1]):
        change = np.array([0.0, min(errors[1], 0.1), 0.0, 0.0, 0.0])
        errors[0] = abs(log(loss.decode(x + change).mean / loss.decode(x - change).mean)) / 2
    if loss.family.has_bound:
        # Half of the interval in which −log L is within 3 of its minimum: a bound is that far off in one try of 20.
        likely = [
            abs(one[2] - x[2]) for width in (0.1, 0.01) for one in _vary_slowdown(x, width, 41) if loss(one) < loss(x) + 3
        ]
        errors[2] = max(*likely, 5e-4) / 2
    return errors
