"""Slow spells as a hidden Markov process in continuous time, fitted to compute times by maximum likelihood.

A learner is normal or slow. Both spells last exponentially long (means N and S), and work takes
`slowdown` times as long while the learner is slow, as `cluster.stragglers` has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log
from typing import final

import numpy as np
from scipy import optimize

from simasgd.calibration.laws.families import AbstractFamily
from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.calibration.spells.errors import estimate_errors
from simasgd.calibration.spells.likelihood import WORST, Loss, Sequences, Spells
from simasgd.tape.arrays import Floats


@final
@dataclass(frozen=True)
class BestProcess:
    """The most likely process for a family of laws, without standard errors."""

    family: AbstractFamily
    spells: Spells
    log_likelihood: float
    observations: int

    @property
    def information(self) -> float:
        """Bayesian information criterion: less is better."""
        return (4 + self.family.has_cv) * log(self.observations) - 2 * self.log_likelihood


@final
@dataclass(frozen=True)
class MarkovFit:
    """The most likely process, and standard errors of its numbers."""

    found: BestProcess
    mean: Estimate
    """Of a mini-batch's time outside slow spells (s)."""
    cv: Estimate
    slowdown: Estimate
    normal: Estimate
    """Mean length of a normal spell (s)."""
    slow: Estimate
    """Mean length of a slow spell (s)."""


def search_spells(family: AbstractFamily, sequences: Sequences, start: Spells) -> BestProcess | None:
    """Find the most likely process near a guess; None where the guess explains the times not at all."""
    loss, at = Loss(family, sequences), _encode(start)
    if loss(at) >= WORST:
        return None
    at, least = _search(loss, at, sequences)
    return BestProcess(family, loss.decode(at), -least, sequences.size)


def describe_process(found: BestProcess, sequences: Sequences) -> MarkovFit:
    """Return a process, found for these times, with standard errors."""
    spells = found.spells
    errors = estimate_errors(Loss(found.family, sequences), _encode(spells))
    scale = np.array([spells.mean, spells.cv, spells.slowdown - 1, spells.normal, spells.slow])
    mean, cv, slowdown = map(Estimate, spells[:3], (errors * scale)[:3].tolist())
    # The curvature of the likelihood tells how many lengths a mean rests on: its relative error is 1/√n.
    normal, slow = (
        Estimate.of_lengths(value, 1.0 / error**2 if 0.0 < error < inf else 0.0)
        for value, error in zip(spells[3:], errors[3:].tolist(), strict=True)
    )
    return MarkovFit(found, mean, cv, slowdown, normal, slow)


def refine_scales(process: BestProcess, sequences: Sequences) -> Floats:
    """Compute by how much each learner's times are longer than the process says: one Newton step of the likelihood."""
    at = _encode(process.spells)
    found, step = np.ones(len(sequences.times)), 0.25 * process.spells.cv / 10
    for number, (times, gaps, scale) in enumerate(zip(sequences.times, sequences.gaps, sequences.scales, strict=True)):
        losses = []
        for change in (-step, 0.0, step):
            # A density of times over a scale is that of times, over the scale again.
            few = Sequences((times[:4000] / exp(change),), (gaps[:3999],), np.array([scale * exp(change)]))
            losses.append(Loss(process.family, few)(at) + len(few.times[0]) * change)
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
