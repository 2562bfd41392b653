"""What is done at its time during a run, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple, final

from simasgd.testbed.system.clock import RunClock, bounded
from simasgd.testbed.system.messages import RoleStopped
from simasgd.testbed.system.pacing import Lateness

_ON_TIME = 0.1  # seconds


class TimedAction(NamedTuple):
    """Something to do at a time (s) of the run."""

    at: float
    do: Callable[[], None]


@final
class ActionSchedule:
    """Does acts at their times, in order, until it is cancelled or the run is over.

    `error` is that of an act, and `late` counts acts that were done over 0.1 s after their times.
    """

    def __init__(self, acts: Iterator[TimedAction], clock: RunClock) -> None:
        self.error: BaseException | None = None
        self.late = Lateness()
        self._acts = acts
        self._clock = clock
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Do no further act."""
        self._cancelled.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for act in self._acts:
                if self._cancelled.wait(bounded(act.at - self._clock.now)):
                    return
                act.do()
                excess = self._clock.now - act.at
                if excess > _ON_TIME:
                    self.late = self.late.and_one_of(excess)
        except RoleStopped:
            return
        except Exception as error:  # noqa: BLE001 - the driver raises it
            self.error = error
