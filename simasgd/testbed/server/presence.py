"""The learners as the server sees them: who is there, who waits for what, and what they have reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

from simasgd.testbed.system.messages import Report, Span, Stopped
from simasgd.testbed.system.pacing import Lateness


@final
class Presence:
    """The learners that are there, with their last reports. Guarded by the server's lock.

    `life` counts for each learner how often it was started again, and `here` has the learners that run. `expected` is the
    number of learners that will come back. `paused` says that the server pauses.
    """

    def __init__(self, learners: int) -> None:
        self.life = [0] * learners
        self.here: set[int] = set()
        self.expected = 0
        self.paused = False
        self.endless: set[int] = set()
        self.computed = [0] * learners
        self.cancelled = [0] * learners
        self.late = [Lateness()] * learners
        self.spans: list[list[Span]] = [[] for _ in range(learners)]
        self._oldest = [0] * learners
        self._waiting: dict[int, Callable[[], bool]] = {}

    @property
    def oldest(self) -> int:
        """The number of the oldest weights that some learner may still send a gradient of."""
        return min(self._oldest)

    @property
    def stands_still(self) -> bool:
        """Whether every learner that is there waits for something that is not so, and nobody comes back."""
        if self.expected or self.paused or not self.here <= self._waiting.keys():
            return False
        return not any(ready() for learner, ready in self._waiting.items() if learner in self.here)

    def take(self, report: Report) -> None:
        """Take a learner's report. Raises Stopped if it is from a former life of the learner."""
        learner = report.learner
        if report.life != self.life[learner]:
            raise Stopped
        self.computed[learner], self.cancelled[learner], self.late[learner] = report.computed, report.cancelled, report.late
        self._oldest[learner] = report.oldest
        self.spans[learner] += report.spans

    def lose(self, learner: int, newest: int) -> None:
        """Note that a learner has crashed; if it comes back, it begins with weights of number `newest` or newer."""
        self.life[learner] += 1
        self.here.discard(learner)
        self._waiting.pop(learner, None)
        self._oldest[learner] = newest

    @contextmanager
    def waiting(self, learner: int, ready: Callable[[], bool]) -> Iterator[Callable[[], bool]]:
        """Let a learner's call wait for `ready`; yield what to wait for, which is also so when the learner is lost."""
        life = self.life[learner]
        self._waiting[learner] = ready
        try:
            yield lambda: ready() or self.life[learner] != life
        finally:
            if self.life[learner] == life:
                del self._waiting[learner]
