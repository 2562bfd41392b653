"""The activities of a learner's threads: every second of a thread has a name."""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import IntEnum
from typing import Any, NamedTuple, final
from typing import Protocol as Structural

from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.clock.trail import START, Trail


class Activity(IntEnum):
    """The activity of a thread.

    compute: a gradient. push, pull: its message, or the weights, are under way. wait: for a link,
    the server's update, a barrier or another participant. idle: nothing to do, or down.
    """

    COMPUTE = 0
    PUSH = 1
    WAIT = 2
    PULL = 3
    IDLE = 4


class CostActivity(IntEnum):
    """The activity of a thread that only costs bring about (`cluster.costs`), numbered after `Activity`.

    step: a gradient is applied to a model of the learner's own. mix: models are mixed. copy: a
    message is copied. launch: a collective operation is started.
    """

    STEP = 5
    MIX = 6
    COPY = 7
    LAUNCH = 8


AnyActivity = Activity | CostActivity
ALL: tuple[AnyActivity, ...] = (*Activity, *CostActivity)


@final
class ActivityLog:
    """Seconds per activity of one thread. Activities follow each other without a gap, from time 0 on.

    The next activity may be dated ahead, because a message's place in a link is known when it is
    sent. `close` cuts it off. `trail` is the trail of the thread's last event. `seconds` has places
    for CostActivity only if there are costs (`has_costs`).
    """

    __slots__ = ("_activity", "_ahead", "_learner", "_log", "_since", "_track", "seconds", "trail")

    def __init__(self, log: SpanLog | None = None, learner: int = -1, thread: str = "", *, has_costs: bool = False) -> None:
        self.seconds = [0.0] * len(ALL if has_costs else Activity)
        self.trail = START
        self._activity: AnyActivity = Activity.IDLE
        self._since = 0.0
        self._ahead: tuple[AnyActivity, float] | None = None
        self._log = log
        self._learner = learner
        self._track = -1 if log is None else log.track("learners", f"learner {learner} {thread}".strip())

    @property
    def activity(self) -> AnyActivity:
        """The present activity."""
        return self._activity

    @property
    def keeps_spans(self) -> bool:
        """Whether the log has a place for every activity, beside the sums."""
        return self._log is not None

    def begin(self, activity: AnyActivity, now: float) -> None:
        """Begin an activity at `now` (s)."""
        if self._ahead is not None:
            self._split(now)
        since = self._since
        self.seconds[self._activity] += now - since
        if self._log is not None:
            self._log.add(self._track, self._activity, since, now, self._learner)
        self._activity, self._since = activity, now

    def then(self, activity: AnyActivity, start: float) -> None:
        """Let the present activity turn into `activity` at `start` (s), now or later, unless another one begins before."""
        self._ahead = (activity, start)

    def close(self, now: float) -> None:
        """End the log at `now` (s)."""
        self.begin(Activity.IDLE, now)

    def _split(self, now: float) -> None:
        assert self._ahead is not None
        (activity, start), self._ahead = self._ahead, None
        if start < now:
            self.seconds[self._activity] += start - self._since
            if self._log is not None:
                self._log.add(self._track, self._activity, self._since, start, self._learner)
            self._activity, self._since = activity, start


class Log(Structural):
    """The part of an activity log that threads write to."""

    trail: Trail

    def begin(self, activity: Activity, now: float) -> None:
        """Begin an activity at `now` (s)."""

    def then(self, activity: Activity, start: float) -> None:
        """Let the present activity turn into `activity` at `start` (s)."""


@final
class LifeLog:
    """A thread's activity log in one life of a learner: what arrives after its end changes nothing."""

    __slots__ = ("_log", "is_alive")

    def __init__(self, log: ActivityLog) -> None:
        self._log = log
        self.is_alive = True

    @property
    def trail(self) -> Trail:
        """The trail of the thread's last event."""
        return self._log.trail

    @trail.setter
    def trail(self, trail: Trail) -> None:
        if self.is_alive:
            self._log.trail = trail

    def begin(self, activity: Activity, now: float) -> None:
        """Begin an activity at `now` (s)."""
        if self.is_alive:
            self._log.begin(activity, now)

    def then(self, activity: Activity, start: float) -> None:
        """Let the present activity turn into `activity` at `start` (s)."""
        if self.is_alive:
            self._log.then(activity, start)


class Thread(NamedTuple):
    """A thread beside a learner's compute thread: its activity log and its process."""

    activity_log: ActivityLog
    run: Callable[[], Generator[Any, Any, None]]
