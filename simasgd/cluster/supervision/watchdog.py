"""Ends a role that computes for ever without using its server or learner.

Such a loop never returns to the simulation, so a thread watches it. The thread raises an exception in
the thread that simulates, between two bytecodes. Nothing but Python code runs there, so nothing is
corrupted.
"""

from __future__ import annotations

import ctypes
import threading
import time
import weakref
from types import TracebackType
from typing import final

_LOOKS_EVERY = 0.5  # seconds


class RoleTimeout(BaseException):
    """A role has computed for too long. Not an Exception, so a role's own `except Exception` does not catch it."""


@final
class Watchdog:
    """Raises RoleTimeout inside a `with` block that takes more than `seconds` of CPU time.

    The time is that of the process, so a machine that sleeps ends no role. Blocks may be nested; only the innermost one
    is timed.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._begun: list[float] = []  # of the blocks that are open, the innermost last: a role's step may resume another role
        self._has_fired = False
        self._thread = 0

    def __enter__(self) -> None:
        if not self._thread:
            self._thread = threading.get_ident()
            threading.Thread(target=_watch, args=(weakref.ref(self),), name="watchdog", daemon=True).start()
        self._begun.append(time.process_time())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            begun = self._begun.pop()
            if self._begun:
                self._begun[-1] += time.process_time() - begun  # an inner block takes none of the outer one's time
            fired, self._has_fired = self._has_fired, False
            if fired:  # whether it has been raised or is still to come: it must not come after the block
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), None)
        if fired and kind is not RoleTimeout:
            raise RoleTimeout

    def look(self) -> None:
        """Raise RoleTimeout in the watched thread if its block takes too long."""
        with self._lock:
            if self._has_fired or not self._begun:
                return
            if time.process_time() - self._begun[-1] > self._seconds:
                self._has_fired = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(RoleTimeout))


def _watch(watchdog: weakref.ref[Watchdog]) -> None:
    """Look at the watchdog until it is gone: the run is over then."""
    while (alive := watchdog()) is not None:
        alive.look()
        del alive
        time.sleep(_LOOKS_EVERY)
