"""The spans of the time line: who did what, and when."""

from __future__ import annotations

from array import array
from typing import NamedTuple, final

import numpy as np

from simasgd.tape.arrays import Floats, Ints

ACTIVITIES = ("compute", "push", "wait", "pull", "idle", "step", "mix", "copy", "launch", "update", "transfer")
COPY, UPDATE, TRANSFER = 7, 9, 10  # the first nine are a learner's, in the order of activity.Activity


class Track(NamedTuple):
    """A row of the time line: a thread of a learner, a server or a link."""

    group: str
    name: str


class Spans(NamedTuple):
    """Columns with one row for each span.

    They hold the numbers of the track and of the activity, start and end (s), and the learner
    concerned (−1: none).
    """

    tracks: tuple[Track, ...]
    track: Ints
    activity: Ints
    start: Floats
    end: Floats
    learner: Ints


@final
class SpanLog:
    """Collects spans, 40 bytes each. Spans may be dated ahead; those behind the stop are cut off at the end."""

    def __init__(self) -> None:
        self._numbers: dict[Track, int] = {}
        self._track, self._activity, self._learner = array("q"), array("q"), array("q")
        self._start, self._end = array("d"), array("d")

    def track(self, group: str, name: str) -> int:
        """Return the number of the track of that name; make the track if there is none.

        A link that some messages share fairly, and that others pass one by one at unlimited pace,
        has one row.
        """
        return self._numbers.setdefault(Track(group, name), len(self._numbers))

    def add(self, track: int, activity: int, start: float, end: float, learner: int = -1) -> None:
        """Add a span of an activity on a track, from `start` to `end` (s)."""
        self._track.append(track)
        self._activity.append(activity)
        self._start.append(start)
        self._end.append(end)
        self._learner.append(learner)

    def spans(self, stop: float) -> Spans:
        """Return the spans before `stop` (s), in order of their start."""
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
