"""The activities of a learner's thread on its own clock, kept until they are reported."""

from __future__ import annotations

from typing import final

from simasgd.cluster.clock.activity import Activity
from simasgd.testbed.system.messages import Span


@final
class Activities:
    """The activities of one thread, without a gap from `start` (s) on. The present `activity` began at `since` (s)."""

    __slots__ = ("_spans", "activity", "since")

    def __init__(self, start: float) -> None:
        self.activity, self.since = Activity.IDLE, start
        self._spans: list[Span] = []

    def begin(self, activity: Activity, now: float) -> None:
        """Begin an activity at `now` (s)."""
        if now > self.since:
            self._spans.append((int(self.activity), self.since, now))
        self.activity, self.since = activity, now

    def take(self) -> tuple[Span, ...]:
        """Return the spans that ended since the last call. Another thread than that of the activities may ask."""
        count = len(self._spans)
        taken = tuple(self._spans[:count])
        del self._spans[:count]
        return taken
