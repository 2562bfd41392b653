"""The learners as the server sees them: who is there, who waits for what, and what they have reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import final

from simasgd.cluster.cast.faults import CrashRecord
from simasgd.cluster.clock.activity import Activity
from simasgd.testbed.system.messages import LearnerPast, Report, RoleStopped, Span
from simasgd.testbed.system.pacing import Lateness


@final
class Presence:
    """The learners that are there, with their last reports, and the faults so far. Guarded by the server's lock.

    `life` counts for each learner how often it has crashed, and `here` has the learners that run. `pending` is the number
    of crashes and returns to come. `paused` says that the server pauses. `lost` counts gradients that crashes destroyed.
    """

    def __init__(self, learners: int) -> None:
        self.life = [0] * learners
        self.here = set(range(learners))
        self.pending = 0.0
        self.paused = False
        self.endless: set[int] = set()
        self.crashes = CrashRecord()
        self.begun = [0] * learners
        self.computed = [0] * learners
        self.cancelled = [0] * learners
        self.lost = [0] * learners
        self.late = [Lateness()] * learners
        self.spans: list[list[Span]] = [[] for _ in range(learners)]
        self._under_way: list[tuple[int, float]] = [(int(Activity.IDLE), 0.0)] * learners
        self._newest = [-1] * learners  # the number of the newest report
        self._oldest: list[float] = [0] * learners
        self._waiting: dict[int, Callable[[], bool]] = {}

    @property
    def oldest(self) -> float:
        """The number of the oldest weights that some learner that is here may still send a gradient of."""
        return min(self._oldest)

    @property
    def stands_still(self) -> bool:
        """Whether every learner that is there waits for something that is not so, and nobody crashes or comes back."""
        if self.pending > 0 or self.paused or not self.here <= self._waiting.keys():
            return False
        return not any(ready() for learner, ready in self._waiting.items() if learner in self.here)

    def take(self, report: Report) -> None:
        """Take a learner's report. Raises RoleStopped if it is from a former life of the learner."""
        learner = report.learner
        if report.life != self.life[learner]:
            raise RoleStopped
        self.spans[learner] += report.spans
        if report.number < self._newest[learner]:
            return
        self._newest[learner] = report.number
        self.begun[learner], self.computed[learner], self.cancelled[learner] = report.begun, report.computed, report.cancelled
        self.late[learner], self._oldest[learner] = report.late, report.oldest
        self._under_way[learner] = report.activity, report.since

    def let_wait(self, learner: int, now: float) -> None:
        """Note that a learner, whose call is under way, has nothing to do but to wait from now on (s)."""
        self._under_way[learner] = int(Activity.WAIT), now

    def part(self, learner: int) -> None:
        """Note that a learner has left for good and sends no gradient any more."""
        self.here.discard(learner)
        self._oldest[learner] = inf

    def lose(self, learner: int, at: float, now: float, arrived: int, *, for_good: bool) -> None:
        """Note that a learner has crashed `at` a time (s), after `arrived` of its gradients have arrived here."""
        self.pending -= 1
        self.life[learner] += 1
        self.here.discard(learner)
        self.endless.discard(learner)
        self._waiting.pop(learner, None)
        self.lost[learner] = self.computed[learner] - self.cancelled[learner] - arrived
        activity, since = self._under_way[learner]
        if since < now:
            self.spans[learner].append((activity, since, now))
        self._newest[learner], self._oldest[learner] = -1, inf
        self.crashes.crashes += 1
        self.crashes.down_since[learner] = at
        if for_good:
            self.crashes.for_good.add(learner)

    def welcome(self, learner: int, at: float, now: float, arrived: int, newest: int) -> LearnerPast:
        """Note that a learner is back `at` a time (s), and return its past; it begins with weights `newest` or newer ones."""
        self.pending -= 1
        self.here.add(learner)
        self._oldest[learner] = newest
        self._under_way[learner] = int(Activity.IDLE), now
        self.crashes.rejoins += 1
        self.crashes.down_seconds += at - self.crashes.down_since.pop(learner)
        return LearnerPast(
            self.life[learner],
            self.begun[learner],
            self.computed[learner],
            self.cancelled[learner],
            arrived,
            self.late[learner],
        )

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
