"""Work that proceeds at a varying pace: a link that is degraded for a while, a server that pauses, a learner's slow spells.

Work is measured in the seconds it takes at full speed.
"""

from __future__ import annotations

import abc
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from typing import final

import numpy as np

from simasgd import exact
from simasgd.laws import Exponential
from simasgd.scenario.faults import Stragglers


class AbstractPace(abc.ABC):
    """How fast something works, and when."""

    __slots__ = ()

    @abc.abstractmethod
    def end(self, start: float, work: float) -> float:
        """When (s) `work` seconds of full-speed work that are begun at `start` (s) are done; exactly start + work where nothing
        is slow in between."""


@final
class Scheduled(AbstractPace):
    """A pace that is known beforehand: `factor` of full speed in each of the spells (start, end, factor), full speed outside.

    The spells do not overlap, and each ends just before its `end`. A factor of 0 means standing still: what is asked for then,
    were it no work at all, is not done before the spell is over. Questions may come in any order.
    """

    __slots__ = ("_ends", "_spells")

    def __init__(self, spells: Sequence[tuple[float, float, float]]) -> None:
        self._spells = sorted(spells)
        self._ends = [end for _, end, _ in self._spells]

    def end(self, start: float, work: float) -> float:
        now, left = start, work
        for i in range(bisect_right(self._ends, start), len(self._spells)):
            begin, end, factor = self._spells[i]
            if now < begin:
                if left <= begin - now:
                    break
                left -= begin - now
                now = begin
            if factor > 0.0:
                if left <= (end - now) * factor:
                    return now + left / factor
                left -= (end - now) * factor
            now = end
        return now + left


@final
class Spells(AbstractPace):
    """Normal and slow spells that take turns, each exponentially long: work takes `slowdown` times as long in a slow one.

    It begins in a state drawn with its long-run probability, so the pace is stationary: in the long run unbroken work takes
    (N + S)/(N + S/slowdown) times as long, with N and S the mean lengths (s). Questions come with non-decreasing `start`; only
    the spells between the last start and the furthest end are kept.
    """

    __slots__ = ("_ahead", "_exponentials", "_mean_normal", "_mean_slow", "_slowdown")

    def __init__(self, bits: np.random.Philox, slowdown: float, mean_normal: float, mean_slow: float) -> None:
        self._slowdown = slowdown
        self._mean_normal = mean_normal
        self._mean_slow = mean_slow
        slow = float(exact.uniforms(bits, 1)[0]) * (mean_normal + mean_slow) < mean_slow
        self._exponentials = Exponential().factors(bits)
        self._ahead: deque[tuple[float, bool]] = deque()  # ends of spells, and whether they are slow
        self._append(0.0, slow)

    def end(self, start: float, work: float) -> float:
        ahead = self._ahead
        while ahead[0][0] <= start:
            self._follow()
            ahead.popleft()
        now, left, i = start, work, 0
        while True:
            until, slow = ahead[i]
            stretched = left * self._slowdown if slow else left
            if stretched <= until - now:
                return now + stretched
            left -= (until - now) / self._slowdown if slow else until - now
            now = until
            i += 1
            if i == len(ahead):
                self._append(until, not slow)

    def _follow(self) -> None:
        """Have a spell after the first."""
        if len(self._ahead) == 1:
            until, slow = self._ahead[0]
            self._append(until, not slow)

    def _append(self, start: float, slow: bool) -> None:
        length = next(self._exponentials) * (self._mean_slow if slow else self._mean_normal)
        self._ahead.append((start + length, slow))


def spells(spec: Stragglers, seed: int, learner: int) -> Spells:
    """The pace of a learner, a function of the seed and its number only, so that two protocols at one seed meet the same."""
    bits = exact.stream(seed, exact.Purpose.SPELL, learner)
    return Spells(bits, spec.slowdown, spec.mean_normal, spec.mean_slow)
