"""The likelihood of compute times under slow spells that come and go as a Markov process.

The state may change within a mini-batch, any number of times. The density of a mini-batch's time is an
integral over the part of it that was normal. The law of that part is known: it is the occupation time
of a two-state Markov chain, whose Bessel functions are those of the telegraph process (M. Kac, Rocky
Mountain J. Math. 4, 1974; recalled, unverified). Tests compare it with the simulator's own spells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, log
from typing import NamedTuple, final

import numpy as np
from scipy import special

from simasgd.calibration.laws.families import AbstractFamily
from simasgd.tape.arrays import Floats

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_GRID = np.concatenate([np.geomspace(1e-9, 1e-3, 30), np.linspace(1e-3, 1 - 1e-3, 200)[1:-1], 1 - np.geomspace(1e-3, 1e-9, 30)])
_POINTS = 96  # times at which the integrals are computed; those between are interpolated
_SCALES = 12  # scales of learners at which they are computed, likewise
_WHOLE = 300  # mini-batches of a learner
WORST = 1e30  # in place of infinity, which a search by slopes cannot leave

MatrixEntries = tuple[Floats, Floats, Floats, Floats]
"""The entries nn, ns, sn, ss of 2 × 2 matrices, from state to state (n normal, s slow)."""


class Spells(NamedTuple):
    """Parameters of the process: mean (s) and cv of the law at normal speed, slowdown, mean lengths (s)."""

    mean: float
    cv: float
    slowdown: float
    normal: float
    slow: float


@final
@dataclass(frozen=True)
class Sequences:
    """Compute times of learners in order, over each learner's own mean speed."""

    times: tuple[Floats, ...]
    """Of each learner (s, at speed 1)."""
    gaps: tuple[Floats, ...]
    """From the end of a mini-batch to the start of the next one (s, as they were); one fewer than times."""
    scales: Floats
    """The factor of each learner's measured times over `times`."""

    @classmethod
    def of(cls, times: Sequence[Floats], gaps: Sequence[Floats]) -> Sequences:
        """Return times as they were."""
        return cls(tuple(times), tuple(gaps), np.ones(len(times)))

    @property
    def real_times(self) -> tuple[Floats, ...]:
        """The times as they were (s)."""
        return tuple(one * scale for one, scale in zip(self.times, self.scales, strict=True))

    @property
    def size(self) -> int:
        return sum(len(one) for one in self.times)

    def take(self, most: int) -> Sequences:
        """Return the first mini-batches of some learners, about `most` in all and 300 of each, so that spells stay whole."""
        if self.size <= most:
            return self
        step = max(-(-len(self.times) * _WHOLE // most), 1)
        times, gaps = self.times[::step], self.gaps[::step]
        each = max(most // len(times), 2)
        return Sequences(tuple(one[:each] for one in times), tuple(one[: each - 1] for one in gaps), self.scales[::step])

    def over(self, scales: Floats) -> Sequences:
        """Return times over a factor for each learner."""
        times = tuple(one / scale for one, scale in zip(self.times, scales, strict=True))
        return Sequences(times, self.gaps, self.scales * scales)


@final
class Loss:
    """−log likelihood of the logarithms of mean, cv, slowdown − 1, normal and slow.

    Of a law with a least time the mean follows from the cv, since the likeliest bound is the least
    time itself.
    """

    def __init__(self, family: AbstractFamily, sequences: Sequences) -> None:
        self.family = family
        self._times, self._present = _pad(sequences.times, 0)
        self._gaps, _ = _pad(sequences.gaps, 1)
        self._has_gaps = bool(np.any(self._gaps > 0.0))
        self._scales = sequences.scales[:, None]
        self._nodes, self._node, self._beyond = _place_scales(sequences.scales)
        self.free = [
            place for place in range(5) if not ((place == 0 and family.has_bound) or (place == 1 and not family.has_cv))
        ]
        least, most = float(np.min(self._times[self._present])), float(np.max(self._times[self._present]))
        self._least = np.array([least])
        self._times[~self._present] = least
        self._row = np.arange(len(self._times))[:, None] if len(self._nodes) > 1 else 0
        self._points = np.geomspace(least * (1 - 1e-9), most * (1 + 1e-9), _POINTS) if most > least else np.array([least])

    def decode(self, x: Floats) -> Spells:
        mean, cv, excess, normal, slow = np.exp(np.clip(x, -60, 60)).tolist()
        if self.family.has_bound:
            mean = self.family.mean_given(self._least, cv)
        return Spells(mean, cv, 1 + excess, normal, slow)

    def __call__(self, x: Floats) -> float:
        spells = self.decode(x)
        if not spells.cv <= self.family.largest_cv * (1 + 1e-12):
            return WORST
        with np.errstate(all="ignore"):
            total = _log_product(self.compute_entries(spells), spells)
        return min(-total, WORST) if isfinite(total) else WORST

    def compute_entries(self, spells: Spells) -> MatrixEntries:
        """Compute, for each time, the densities (1/s) from state to state, over that mini-batch and the gap after it."""
        times, family = self._times, self.family
        # Spells last as long for a slow learner, so in its time at speed 1 they are shorter.
        normal, slow = spells.normal / self._scales, spells.slow / self._scales
        # What does not change within the mini-batch has the law's own density; the rest is smooth.
        nn = np.exp(family.log_density(times, spells.mean, spells.cv) - times / normal)
        ss = np.exp(family.log_density(times / spells.slowdown, spells.mean, spells.cv) - times / slow) / spells.slowdown
        crossing = [self._of_learners(entry) for entry in _integrate(family, self._points, spells, self._nodes)]
        if len(self._points) > 1:
            place = (np.log(times) - log(self._points[0])) * ((_POINTS - 1) / log(self._points[-1] / self._points[0]))
            left = np.minimum(place.astype(np.int64), _POINTS - 2)
            part, row = place - left, self._row
            more = [entry[row, left] * (1 - part) + entry[row, left + 1] * part for entry in crossing]
        else:
            more = [np.broadcast_to(entry, times.shape) for entry in crossing]
        entries = (nn + more[0], more[1], more[2], ss + more[3])
        if self._has_gaps:
            entries = _multiply(entries, _idle(self._gaps, spells))
        here = self._present
        one = np.ones(())
        nn, ns, sn, ss = entries
        return np.where(here, nn, one), np.where(here, ns, 0.0), np.where(here, sn, 0.0), np.where(here, ss, one)

    def _of_learners(self, entry: Floats) -> Floats:
        """Return an integral for each learner and point, from that at the nodes of scales; one row if all are alike."""
        if len(self._nodes) == 1:
            return entry
        result: Floats = entry[self._node] * (1 - self._beyond) + entry[self._node + 1] * self._beyond
        return result


def _pad(rows: Sequence[Floats], more: int) -> tuple[Floats, np.ndarray]:
    """Return rows of one length, the missing ones 0, and which are there; `more` further columns."""
    width = max(len(row) for row in rows) + more
    filled, present = np.zeros((len(rows), width)), np.zeros((len(rows), width), dtype=bool)
    for number, row in enumerate(rows):
        filled[number, : len(row)], present[number, : len(row)] = row, True
    return filled, present


def _place_scales(scales: Floats) -> tuple[Floats, np.ndarray, Floats]:
    """Return scales in order at which to compute, the one below each learner's, and its part of the way to the next."""
    nodes = np.unique(scales)
    if len(nodes) > _SCALES:
        nodes = np.geomspace(nodes[0], nodes[-1], _SCALES)
    if len(nodes) == 1:
        return nodes, np.zeros(len(scales), dtype=np.int64), np.zeros((len(scales), 1))
    below = np.clip(np.searchsorted(nodes, scales, side="right") - 1, 0, len(nodes) - 2)
    part = np.log(scales / nodes[below]) / np.log(nodes[below + 1] / nodes[below])
    return nodes, below, part[:, None]


def _integrate(family: AbstractFamily, times: Floats, spells: Spells, scales: Floats) -> MatrixEntries:
    """Compute the densities (1/s) of times with at least one change of state within, for each scale and time."""
    mean, cv, slowdown = spells[:3]
    normal, slow = spells.normal / scales[:, None], spells.slow / scales[:, None]
    quantiles = family.quantiles(_GRID, mean, cv)
    # `u` normal and `v` slow, u + v = the time. The work done is w = u + v / slowdown; the integral over w is one
    # over its probability, smooth whatever the law.
    low, high = np.interp(times / slowdown, quantiles, _GRID), np.interp(times, quantiles, _GRID)
    half = (high - low) / 2
    work = np.interp(low[:, None] + half[:, None] * (1 + _NODES), _GRID, quantiles)
    part = 1 - 1 / slowdown
    u = np.clip((work - times[:, None] / slowdown) / part, 0, times[:, None])
    v = times[:, None] - u
    rates, product = (1 / normal[..., None], 1 / slow[..., None]), (normal * slow)[..., None]
    z = 2 * np.sqrt(u * v / product)
    base = np.exp(z - u * rates[0] - v * rates[1]) * _WEIGHTS
    once = base * special.i0e(z)
    again = base * np.where(z > 1e-8, special.i1e(z) / np.maximum(z, 1e-8), 0.5)  # e⁻ᶻ·I₁(z)/z
    half = half / part
    return (
        half * np.sum(again * u, axis=-1) * (2 / (normal * slow)),
        half * np.sum(once, axis=-1) / (normal * slowdown),
        half * np.sum(once, axis=-1) / slow,
        half * np.sum(again * v, axis=-1) * (2 / (normal * slow * slowdown)),
    )


def _idle(gaps: Floats, spells: Spells) -> MatrixEntries:
    """Compute the probabilities from state to state over the time between two mini-batches."""
    is_slow = spells.slow / (spells.normal + spells.slow)
    left = -np.expm1(-gaps * (1 / spells.normal + 1 / spells.slow))
    return 1 - is_slow * left, is_slow * left, (1 - is_slow) * left, 1 - (1 - is_slow) * left


def _multiply(a: MatrixEntries, b: MatrixEntries) -> MatrixEntries:
    nn, ns, sn, ss = a
    return nn * b[0] + ns * b[2], nn * b[1] + ns * b[3], sn * b[0] + ss * b[2], sn * b[1] + ss * b[3]


def _log_product(entries: MatrixEntries, spells: Spells) -> float:
    """Sum over learners the log probability of all their times; products are taken in pairs, so the depth is log₂."""
    scale = np.zeros(entries[0].shape[0])
    while entries[0].shape[1] > 1:
        if entries[0].shape[1] % 2:
            one, none = np.ones((len(scale), 1)), np.zeros((len(scale), 1))
            unit = (one, none, none, one)
            entries = tuple(np.concatenate([entry, last], axis=1) for entry, last in zip(entries, unit, strict=True))  # type: ignore[assignment]
        left, right = (tuple(entry[:, side::2] for entry in entries) for side in (0, 1))
        entries = _multiply(left, right)  # type: ignore[arg-type]
        largest = np.maximum(np.maximum(entries[0], entries[1]), np.maximum(entries[2], entries[3]))
        if not np.all(largest > 0):
            return -inf
        scale += np.sum(np.log(largest), axis=1)
        entries = tuple(entry / largest for entry in entries)  # type: ignore[assignment]
    is_slow = spells.slow / (spells.normal + spells.slow)
    nn, ns, sn, ss = (entry[:, 0] for entry in entries)
    total = (1 - is_slow) * (nn + ns) + is_slow * (sn + ss)
    return float(np.sum(np.log(total) + scale))
