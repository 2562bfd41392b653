"""The clock of a run: seconds since its begin, the same in all processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple, final

_PINGS = 20


@final
class RunClock:
    """Seconds since the begin of the run. `begin` is what `read`, the machine's monotonic clock, showed then (s)."""

    __slots__ = ("_begin", "_read")

    def __init__(self, begin: float, read: Callable[[], float] = time.monotonic) -> None:
        self._begin, self._read = begin, read

    @property
    def now(self) -> float:
        """The present (s)."""
        return self._read() - self._begin


def reading() -> float:
    """Return the reading of this machine's monotonic clock (s)."""
    return time.monotonic()


class Offset(NamedTuple):
    """The server's clock less this machine's (s), and the largest error of that difference (s)."""

    seconds: float
    bound: float


EXACT = Offset(0.0, 0.0)
"""The offset of processes that share a clock."""


def measure_offset(ask: Callable[[], float], read: Callable[[], float] = time.monotonic) -> Offset:
    """Measure the offset by 20 round trips: `ask` returns the server's reading, and `read` this machine's (s).

    The fastest one counts. The server read its clock at some moment of it, so the middle is wrong by at most one half of it
    (Cristian 1989, Distributed Computing 3).
    """
    found = []
    for _ in range(_PINGS):
        sent = read()
        there = ask()
        back = read()
        middle = (sent + back) / 2
        found.append(Offset(there - middle, (back - sent) / 2))
    return min(found, key=lambda offset: offset.bound)


def bounded(seconds: float) -> float:
    """Return a time to wait (s) that threads can wait for, as near to `seconds` as possible."""
    return max(0.0, min(seconds, threading.TIMEOUT_MAX))
