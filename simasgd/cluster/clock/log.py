"""What everybody did and when, for the time line."""

from __future__ import annotations

from array import array
from typing import NamedTuple, final

import numpy as np

from simasgd.tape.arrays import Floats, Ints

ACTIVITIES = ("compute", "push", "wait", "pull", "idle", "update", "transfer")
UPDATE, TRANSFER = 5, 6  # the first five are a learner's, in the order of activity.Activity


class Track(NamedTuple):
    """A row of the time line: a thread of a learner, a server or a link."""

    group: str
    name: str


class Spans(NamedTuple):
    """Columns, one row a span: number of the track, of the activity, start and end (s), and the learner concerned (−1:
    none)."""

    tracks: tuple[Track, ...]
    track: Ints
    activity: Ints
    start: Floats
    end: Floats
    learner: Ints


@final
class SpanLog:
    """Collects spans, 40 bytes each. They may be dated ahead; what lies behind the stop is cut off at the end."""

    def __init__(self) -> None:
        self._numbers: dict[Track, int] = {}
        self._track, self._activity, self._learner = array("q"), array("q"), array("q")
        self._start, self._end = array("d"), array("d")

    def track(self, group: str, name: str) -> int:
        """The number of the row of that name, a new one if there is none: a link that some messages share fairly, and others of
        unlimited pace pass one by one, has one row."""
        return self._numbers.setdefault(Track(group, name), len(self._numbers))

    def add(self, track: int, activity: int, start: float, end: float, learner: int = -1) -> None:
        self._track.append(track)
        self._activity.append(activity)
        self._start.append(start)
        self._end.append(end)
        self._learner.append(learner)

    def spans(self, stop: float) -> Spans:
        """What happened before `stop` (s), in order of beginning."""
        start, end = np.array(self._start), np.minimum(np.array(self._end), stop)
        kept = np.flatnonzero(end > start)
        kept = kept[np.argsort(start[kept], kind="stable")]
        return Spans(
            tracks=tuple(self._numbers),
            track=np.array(self._track)[kept],
            activity=np.array(self._activity)[kept],
            start=start[kept],
            end=end[kept],
            learner=np.array(self._learner)[kept],
        )
