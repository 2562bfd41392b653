"""What a learner does with its day: every second of it has a name."""

from __future__ import annotations

from enum import IntEnum
from typing import final


class Activity(IntEnum):
    """compute: a gradient. push, pull: its message (or the weights) is on the way. wait: for others, be it a place in a
    pipe, the server's update or a barrier. idle: nothing to do."""

    COMPUTE = 0
    PUSH = 1
    WAIT = 2
    PULL = 3
    IDLE = 4


@final
class Diary:
    """Seconds per activity of one thread. Activities follow each other without a gap, from time 0 on.

    What begins may be dated ahead (a message's place in a pipe is known when it is sent), and `close` cuts the day off.
    """

    __slots__ = ("_activity", "_ahead", "_since", "seconds")

    def __init__(self) -> None:
        self.seconds = [0.0] * len(Activity)
        self._activity = Activity.IDLE
        self._since = 0.0
        self._ahead: tuple[Activity, float] | None = None

    def begin(self, activity: Activity, now: float) -> None:
        """From `now` (s) on, `activity`."""
        if self._ahead is not None:
            self._split(now)
        self.seconds[self._activity] += now - self._since
        self._activity, self._since = activity, now

    def then(self, activity: Activity, start: float) -> None:
        """What has begun turns into `activity` at `start` (s), now or later, unless something else begins before."""
        self._ahead = (activity, start)

    def close(self, now: float) -> None:
        """The day ends at `now` (s)."""
        self.begin(Activity.IDLE, now)

    def _split(self, now: float) -> None:
        assert self._ahead is not None
        (activity, start), self._ahead = self._ahead, None
        if start < now:
            self.seconds[self._activity] += start - self._since
            self._activity, self._since = activity, start
