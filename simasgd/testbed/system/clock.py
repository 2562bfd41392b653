"""The clock of a run: seconds since its begin, the same in all processes."""

from __future__ import annotations

import threading
import time
from typing import final


@final
class Clock:
    """Seconds since the begin of the run, on the machine's monotonic clock.

    `begin` is the reading of the server's clock at time 0 (s), and `offset` is added to this machine's readings to get
    the server's.
    """

    __slots__ = ("_zero",)

    def __init__(self, begin: float, offset: float = 0.0) -> None:
        self._zero = begin - offset

    @property
    def now(self) -> float:
        """The present (s)."""
        return time.monotonic() - self._zero


def reading() -> float:
    """Return the reading of this machine's monotonic clock (s)."""
    return time.monotonic()


def bounded(seconds: float) -> float:
    """Return a time to wait (s) that threads can wait for, as near to `seconds` as possible."""
    return max(0.0, min(seconds, threading.TIMEOUT_MAX))
