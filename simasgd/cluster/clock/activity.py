"""The activities of a learner's threads: every second of a thread has a name."""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import IntEnum
from math import inf
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
_IDLE = Activity.IDLE.value


@final
class ActivityLog:
    """Seconds per activity of one thread. Activities follow each other without a gap, from time 0 on.

    The next activity may be dated ahead, because a message's place in a link is known when it is
    sent. `close` cuts it off. `trail` is the trail of the thread's last event. `seconds` has places
    for CostActivity only if there are costs (`has_costs`).
    """

    __slots__ = ("_activity", "_learner", "_log", "_next", "_since", "_track", "_turns_at", "seconds", "trail")

    def __init__(self, log: SpanLog | None = None, learner: int = -1, thread: str = "", *, has_costs: bool = False) -> None:
        self.seconds = [0.0] * len(ALL if has_costs else Activity)
        self.trail = START
        self._activity: int = _IDLE
        self._since = 0.0
        self._next: int = _IDLE
        self._turns_at = inf  # (s) when the present activity turns into `_next`
        self._log = log
        self._learner = learner
        self._track = -1 if log is None else log.track("learners", f"learner {learner} {thread}".strip())

    @property
    def activity(self) -> AnyActivity:
        """The present activity."""
        return ALL[self._activity]

    @property
    def keeps_spans(self) -> bool:
        """Whether the log has a place for every activity, beside the sums."""
        return self._log is not None

    def begin(self, activity: int, now: float, following: int = _IDLE, start: float = inf) -> None:
        """Begin an activity at `now` (s), which turns into `following` at `start` (s) as `then` says.

        Activities are numbers here, because a plain integer indexes a list faster than an enumeration does.
        """
        if self._log is not None:
            self._note(self._log, now)
        turns_at = self._turns_at
        if turns_at < now:
            seconds = self.seconds
            seconds[self._activity] += turns_at - self._since
            seconds[self._next] += now - turns_at
        else:
            self.seconds[self._activity] += now - self._since
        self._activity = activity
        self._since = now
        self._next = following
        self._turns_at = start

    def then(self, activity: int, start: float) -> None:
        """Let the present activity turn into `activity` at `start` (s), now or later, unless another one begins before."""
        self._next, self._turns_at = activity, start

    def close(self, now: float) -> None:
        """End the log at `now` (s)."""
        self.begin(_IDLE, now)

    def _note(self, log: SpanLog, now: float) -> None:
        """Log the spans until `now` (s)."""
        since, activity = self._since, self._activity
        if self._turns_at < now:
            log.add(self._track, activity, since, self._turns_at, self._learner)
            since, activity = self._turns_at, self._next
        log.add(self._track, activity, since, now, self._learner)


class Log(Structural):
    """The part of an activity log that threads write to."""

    trail: Trail

    def begin(self, activity: int, now: float) -> None:
        """Begin an activity at `now` (s)."""

    def then(self, activity: int, start: float) -> None:
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

    def begin(self, activity: int, now: float) -> None:
        """Begin an activity at `now` (s)."""
        if self.is_alive:
            self._log.begin(activity, now)

    def then(self, activity: int, start: float) -> None:
        """Let the present activity turn into `activity` at `start` (s)."""
        if self.is_alive:
            self._log.then(activity, start)


class Thread(NamedTuple):
    """A thread beside a learner's compute thread: its activity log and its process."""

    activity_log: ActivityLog
    run: Callable[[], Generator[Any, Any, None]]
