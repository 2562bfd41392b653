"""Work at a varying pace: a degraded link, a server that pauses, a learner's slow spells.

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
from simasgd.scenario.cluster.faults import Stragglers

_AT_ONCE = 128  # spells in one answer: a learner may be interrupted, or the run over, long before
_COUNTED = 2**14  # spells that work goes through one by one; the sum of more is within 1 % of its mean
_FORGOTTEN = 2**10  # spells without a query; after them e⁻¹⁰²⁴ of the known state is left
_RESOLUTION = 2.0**-40  # of a time (s): shorter spells are below the resolution of the clock


class AbstractPace(abc.ABC):
    """The pace of some work as a function of time."""

    __slots__ = ()

    @abc.abstractmethod
    def end(self, start: float, work: float) -> float:
        """Return when (s) `work` seconds of full-speed work that begin at `start` (s) are done.

        That is exactly start + work if no slow time lies in between.
        """


@final
class ScheduledPace(AbstractPace):
    """A pace that is known beforehand: `factor` of full speed in each spell (start, end, factor), else full speed.

    The spells do not overlap, and each ends just before its `end`. A factor of 0 means a
    standstill: work that begins in such a spell, even work of 0 s, is not done before the spell is
    over. Queries may come in any order.
    """

    __slots__ = ("_ends", "_spells")

    def __init__(self, slow_spells: Sequence[tuple[float, float, float]]) -> None:
        self._spells = sorted(slow_spells)
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
class SlowSpells:
    """Alternating normal and slow spells of exponential length; work takes `slowdown` times as long in a slow one.

    The first state is drawn with its long-run probability, so the pace is stationary. In the long
    run unbroken work takes (N + S)/(N + S/slowdown) times as long, with N and S the mean lengths
    (s). Queries come with non-decreasing `start`. Only the spells between the last start and the
    furthest answer are kept.

    Very many spells are never handled one by one. An answer covers a bounded number of them. After
    a long time without a query the state is drawn anew. Work over very many spells, or over spells
    too short for the clock, goes at the mean pace.
    """

    __slots__ = ("_ahead", "_bits", "_cycle", "_exponentials", "_mean_normal", "_mean_slow", "_mean_slowdown", "_slowdown")

    def __init__(self, bits: np.random.Philox, slowdown: float, mean_normal: float, mean_slow: float) -> None:
        self._slowdown = slowdown
        self._mean_normal = mean_normal
        self._mean_slow = mean_slow
        self._cycle = mean_normal + mean_slow
        self._mean_slowdown = self._cycle / (mean_normal + mean_slow / slowdown)
        self._bits = bits
        self._ahead: deque[tuple[float, bool]] = deque()  # ends of spells, and whether they are slow
        slow = self._is_slow()
        self._exponentials = Exponential().factors(bits)
        self._append(0.0, slow)

    def advance(self, start: float, work: float) -> tuple[float, float]:
        """Advance `work` seconds of full-speed work, which continue at `start` (s).

        Return a time (s) and the work left then. If work is left, ask again at that time. Without a
        slow spell in between, the time is exactly start + work.
        """
        ahead, cycle = self._ahead, self._cycle
        if work > _COUNTED * cycle or cycle < start * _RESOLUTION:
            return start + work * self._mean_slowdown, 0.0
        if start - ahead[-1][0] > _FORGOTTEN * cycle:
            ahead.clear()
            self._append(start, self._is_slow())
        while ahead[0][0] <= start:
            self._follow()
            ahead.popleft()
        now, left = start, work
        for i in range(_AT_ONCE):
            if i == len(ahead):
                self._append(now, not ahead[-1][1])
            until, slow = ahead[i]
            stretched = left * self._slowdown if slow else left
            if stretched <= until - now:
                return now + stretched, 0.0
            left -= (until - now) / self._slowdown if slow else until - now
            now = until
        return now, left

    def _is_slow(self) -> bool:
        """Draw the state after a long time."""
        return float(exact.uniforms(self._bits, 1)[0]) * self._cycle < self._mean_slow

    def _follow(self) -> None:
        """Draw a spell after the first."""
        if len(self._ahead) == 1:
            until, slow = self._ahead[0]
            self._append(until, not slow)

    def _append(self, start: float, slow: bool) -> None:
        length = next(self._exponentials) * (self._mean_slow if slow else self._mean_normal)
        self._ahead.append((start + length, slow))


def slow_spells(spec: Stragglers, seed: int, learner: int) -> SlowSpells:
    """Return the slow spells of a learner.

    They are a function of the seed and the learner's number only, so two protocols at one seed meet
    the same spells.
    """
    bits = exact.stream(seed, exact.Purpose.SPELL, learner)
    return SlowSpells(bits, spec.slowdown, spec.mean_normal, spec.mean_slow)
