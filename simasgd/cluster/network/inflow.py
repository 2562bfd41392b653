"""Messages that have a place in a link's queue and have not arrived there, because slower links delay them."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import final

_SLOWER = 1.0 + 1e-9  # a smaller factor is a rounding error, and the message as fast as the link


@final
class Inflow:
    """The messages that arrive at a link more slowly than it could carry them, each at a constant pace.

    They are kept as two sums, of pace and of pace × end, so a query costs the same for any number
    of messages. Queries come in order of time.
    """

    __slots__ = ("_ends", "_pace", "_pace_times_end")

    def __init__(self) -> None:
        self._ends: list[tuple[float, float]] = []  # a heap: when the last byte arrives (s), and the pace
        self._pace = 0.0  # seconds of the link's work that arrive in a second
        self._pace_times_end = 0.0

    def add(self, now: float, end: float, work: float) -> None:
        """Let a message that occupies the link for `work` (s) arrive from now until `end` (s)."""
        length = end - now
        if length > work * _SLOWER and work > 0.0:
            pace = work / length
            heappush(self._ends, (end, pace))
            self._pace += pace
            self._pace_times_end += pace * end

    def to_come(self, now: float) -> float:
        """Return the work (s) that has not arrived by now."""
        ends = self._ends
        while ends and ends[0][0] <= now:
            end, pace = heappop(ends)
            self._pace -= pace
            self._pace_times_end -= pace * end
        if not ends:
            self._pace = self._pace_times_end = 0.0
            return 0.0
        return max(0.0, self._pace_times_end - self._pace * now)
