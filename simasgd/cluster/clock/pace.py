"""Work at a pace that is known beforehand: a degraded link, a server that pauses.

Work is measured in the seconds it takes at full speed.
"""

from __future__ import annotations

import abc
from bisect import bisect_right
from collections.abc import Sequence
from typing import final


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

    def standstill(self, start: float, end: float) -> float:
        """Return how many of the seconds from `start` to `end` (s) lie in spells of no work at all."""
        spells = self._spells[bisect_right(self._ends, start) :]
        return sum(max(0.0, min(until, end) - max(begin, start)) for begin, until, factor in spells if factor == 0.0)
