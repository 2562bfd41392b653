"""Faults for real: processes that are killed and started again, and a server that pauses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, final

from simasgd.cluster.cast.faults import CrashRecord, draw_outages
from simasgd.scenario.schema import Scenario


class Event(NamedTuple):
    """Something that is done at a time (s)."""

    at: float
    act: Callable[[], None]


class Comeback(NamedTuple):
    """A learner that comes back at a time (s), infinite if never, after a crash at an earlier one."""

    learner: int
    crash: float
    back: float


def list_outages(scenario: Scenario, until: float) -> list[Comeback]:
    """List the outages of all learners that begin before `until` (s)."""
    found = []
    for learner in range(scenario.cluster.learners):
        for outage in draw_outages(scenario.cluster.faults, scenario.cluster_seed, learner):
            if outage.crash >= until:
                break
            found.append(Comeback(learner, outage.crash, outage.back))
    return sorted(found, key=lambda outage: outage.crash)


@final
class Schedule:
    """Does events at their times, in a thread of its own, until it is cancelled. `error` is that of an event."""

    def __init__(self, events: Sequence[Event], begin: float) -> None:
        self.error: BaseException | None = None
        self._events = sorted(events, key=lambda event: event.at)
        self._begin = begin
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Do no further event."""
        self._cancelled.set()
        self._thread.join()

    def _run(self) -> None:
        for event in self._events:
            if self._cancelled.wait(max(0.0, self._begin + event.at - time.monotonic())):
                return
            try:
                event.act()
            except Exception as error:  # noqa: BLE001 - the driver raises it
                self.error = error
                return


@final
class CrashBook:
    """Keeps the record of crashes as the simulator does."""

    def __init__(self) -> None:
        self.record = CrashRecord()

    def crash(self, learner: int, now: float, *, for_good: bool) -> None:
        """Note a crash at `now` (s)."""
        self.record.crashes += 1
        self.record.down_since[learner] = now
        if for_good:
            self.record.for_good.add(learner)

    def rejoin(self, learner: int, now: float) -> None:
        """Note that a learner is back at `now` (s)."""
        self.record.rejoins += 1
        self.record.down_seconds += now - self.record.down_since.pop(learner)
