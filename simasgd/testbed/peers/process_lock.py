"""The lock of a process, on which its threads wait for each other and for messages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import final

from simasgd.testbed.system.clock import RunClock
from simasgd.testbed.system.messages import RoleStopped


@final
class ProcessLock:
    """One lock for everything that the threads of a process share. `stop` ends all waiting.

    `blocked` counts the roles that wait here. `sent` and `received` count messages, and `traffic` has the time (s) and the
    bytes of everything sent.
    """

    def __init__(self, clock: RunClock) -> None:
        self.clock = clock
        self.changed = threading.Condition()
        self.stopped = threading.Event()
        self.blocked = 0
        self.sent = 0
        self.received = 0
        self._traffic: list[tuple[float, float]] = []

    def wait_for(self, ready: Callable[[], bool]) -> bool:
        """Wait until `ready`, and return whether that took time. Raises RoleStopped when the run is over."""
        with self.changed:
            has_waited = not ready()
            if has_waited:
                self.blocked += 1
                try:
                    self.changed.wait_for(lambda: self.stopped.is_set() or ready())
                finally:
                    self.blocked -= 1
            self.require_running()
            return has_waited

    def require_running(self) -> None:
        """Raise RoleStopped if the run is over."""
        if self.stopped.is_set():
            raise RoleStopped

    def stop(self) -> None:
        """End all waiting."""
        with self.changed:
            self.stopped.set()
            self.changed.notify_all()

    def count_traffic(self, size: float, *, unanswered: bool = False) -> None:
        """Count bytes that are sent now; `unanswered` says that they are a message that is answered with nothing."""
        with self.changed:
            self._traffic.append((self.clock.now, size))
            self.sent += unanswered

    def take_traffic(self) -> tuple[tuple[float, float], ...]:
        """Return the time (s) and bytes of what was sent since the last call."""
        with self.changed:
            taken, self._traffic = tuple(self._traffic), []
            return taken
