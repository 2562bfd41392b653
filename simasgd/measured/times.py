"""What learners and the server did, and for how long: from the rows of a log to seconds of each activity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pandas as pd

from simasgd.operations.log import OPERATIONS, OperationLog, code_of
from simasgd.results.distributions import TimeFractions
from simasgd.results.quantities import COST_TIMES, TIMES
from simasgd.tape.arrays import Floats, Ints

_COUNTED_AS = {"abandon": "compute", "collective": "push"}
"""Operations that count as an activity of another name."""
_COVERED = 1e-9
"""The share of the time that may lack a name if all of it is to count as named."""


@final
@dataclass(frozen=True, eq=False)
class LearnerTimes:
    """Seconds of each of λ learners.

    `seconds` maps each activity that the log tells to float64[λ]. `covered` says whether the rows cover all the time of
    all learners; then activities without rows took no time.
    """

    seconds: Mapping[str, Floats]
    covered: bool

    def fractions(self, whole: float) -> TimeFractions:
        """Return the fraction of the run's time (s) in each activity, averaged over the learners."""
        absent = 0.0 if self.covered else None
        learners = len(next(iter(self.seconds.values()))) if self.seconds else 1
        shares = {name: spent / ((whole or 1.0) * learners) for name, spent in self._totals().items()}
        costs = {name: shares.get(name, 0.0) for name in COST_TIMES}
        known = {name: shares.get(name, absent) for name in TIMES}
        return TimeFractions.model_validate(known | costs)

    def overlap(self, whole: float) -> float | None:
        """Return computing as a fraction of the learners' time that is not idle; None if it is not known."""
        if "compute" not in self.seconds:
            return None
        total = self._totals()
        learners = len(self.seconds["compute"])
        named = sum(spent for name, spent in total.items() if name != "idle")
        working = named if self.covered else max(named, whole * learners - total.get("idle", 0.0))
        return total["compute"] / working if working > 0.0 else None

    def _totals(self) -> dict[str, float]:
        """Return the seconds of each activity over all learners, added up in the order of the learners."""
        if not self.seconds:
            return {}
        table = np.ascontiguousarray(np.stack(list(self.seconds.values()), axis=1))
        return dict(zip(self.seconds, table.sum(axis=0).tolist(), strict=True))


@final
@dataclass(frozen=True, eq=False)
class Intervals:
    """The rows of learners that took time, in order of learner and time.

    `learner`, `activity` (position in `list_activities`), `start`, `end` and `lasted` (s) have an element for each row.
    Rows of one learner and activity do not overlap.
    """

    learner: Ints
    activity: Ints
    start: Floats
    end: Floats
    lasted: Floats


def list_activities() -> list[str]:
    """Return the names of the learners' activities."""
    return [*TIMES, *COST_TIMES]


def activity_of(operation: str) -> str | None:
    """Return the activity that a learner's operation counts as; None if it is not a learner's."""
    name = _COUNTED_AS.get(operation, operation)
    return name if name in list_activities() else None


def _activities(log: OperationLog) -> Ints:
    """Return the activity of each row, −1 for rows that are not a learner's."""
    names = list_activities()
    codes = np.full(len(OPERATIONS), -1, np.int64)
    for operation in OPERATIONS:
        activity = activity_of(operation)
        if activity is not None:
            codes[code_of(operation)] = names.index(activity)
    found: Ints = codes[log.operation]
    return found


def find_intervals(log: OperationLog, numbers: Ints, moves: Floats) -> Intervals | None:
    """Return the intervals of the learners' rows on the server's clock; None if the log has no starts.

    Learners have these numbers (int64[L]) and clocks that are moved by `moves` (s). Where rows of one activity overlap,
    the later one begins when the earlier one ends.
    """
    if log.start is None:
        return None
    activity = _activities(log)
    rows = np.flatnonzero(activity >= 0)
    learner = numbers[log.learner[rows]]
    start = log.start[rows] + moves[learner]
    end = log.start[rows] + log.seconds[rows] + moves[learner]
    order = np.lexsort((start, learner))
    learner, activity, start, end = learner[order], activity[rows][order], start[order], end[order]
    clipped = _clip(learner * len(list_activities()) + activity, start, end)
    lasted = np.where(clipped > start, np.maximum(0.0, end - clipped), log.seconds[rows][order])
    return Intervals(learner, activity, clipped, end, lasted)


def cut_intervals(found: Intervals, begin: float, end: float) -> Intervals:
    """Return the parts of intervals from `begin` to `end` (s); what lies outside by a rounding stays."""
    slack = 4 * np.spacing(max(abs(begin), abs(end)))
    outside = (found.start < begin - slack) | (found.end > end + slack)
    if not outside.any():
        return found
    start = np.where(outside, np.clip(found.start, begin, end), found.start)
    stop = np.where(outside, np.clip(found.end, begin, end), found.end)
    return replace(found, start=start, end=stop, lasted=np.where(outside, stop - start, found.lasted))


def _clip(group: Ints, start: Floats, end: Floats) -> Floats:
    """Return starts that are not before the greatest end of earlier rows of the same group, but for rounding."""
    clipped = start.copy()
    slack = 4 * np.spacing(np.abs(end))
    order = np.argsort(group, kind="stable")
    bounds = np.flatnonzero(np.diff(group[order], prepend=-1, append=-1))
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        mine = order[first:last]
        latest = np.maximum.accumulate(end[mine])[:-1]
        later = mine[1:]
        clipped[later] = np.where(latest > start[later] + slack[later], np.minimum(latest, end[later]), start[later])
    return clipped


def sum_times(log: OperationLog, numbers: Ints, learners: int, intervals: Intervals | None, whole: float) -> LearnerTimes:
    """Return the seconds of each learner and activity in a run of `whole` seconds."""
    names = list_activities()
    if intervals is None:
        activity = _activities(log)
        rows = np.flatnonzero(activity >= 0)
        learner, activity, lasted = numbers[log.learner[rows]], activity[rows], log.seconds[rows]
    else:
        learner, activity, lasted = intervals.learner, intervals.activity, intervals.lasted
    sums = np.bincount(learner * len(names) + activity, weights=lasted, minlength=learners * len(names))
    table: Floats = sums.astype(np.float64).reshape(learners, len(names))
    present = np.unique(activity)
    seconds = {names[code]: table[:, code] for code in present.tolist()}
    covered = bool(len(present)) and bool((table.sum(axis=1) >= whole * (1.0 - _COVERED)).all())
    return LearnerTimes(seconds, covered)


def build_timeline(intervals: Intervals, log: OperationLog, begin: float, end: float) -> pd.DataFrame:
    """Return the time line of a run from `begin` to `end` (s on the server's clock), as in `Run.timeline`.

    A learner whose rows overlap has a track for each activity.
    """
    names = np.array(list_activities())
    activity = names[intervals.activity]
    learner = intervals.learner.astype(str)
    same = np.diff(intervals.learner) == 0
    overlapping = np.unique(intervals.learner[1:][same & (intervals.start[1:] < intervals.end[:-1] - 1e-9)])
    track = np.char.add("learner ", learner)
    split = np.isin(intervals.learner, overlapping) & (activity != "compute")
    track = np.where(split, np.char.add(np.char.add(track, " "), activity), track)
    parts = [_rows("learners", track, activity, intervals.start, intervals.end, intervals.learner)]
    updates = log.rows("update")
    assert log.start is not None
    known = updates[~np.isnan(log.seconds[updates])]
    if len(known):
        start, stop = log.start[known], log.start[known] + log.seconds[known]
        _, first = np.unique(np.column_stack([start, stop]), axis=0, return_index=True)
        start, stop = start[first], stop[first]
        count = len(first)
        parts.append(
            _rows("servers", np.full(count, "server"), np.full(count, "update"), start, stop, np.full(count, -1, np.int64))
        )
    table = pd.concat(parts, ignore_index=True)
    table["start"] = (table["start"] - begin).clip(lower=0.0)
    table["end"] = (table["end"] - begin).clip(upper=end - begin)
    table = table[table["end"] > table["start"]].sort_values("start", kind="stable", ignore_index=True)
    return table.astype({"group": "category", "track": "category", "activity": "category"})


def _rows(group: str, track: object, activity: object, start: Floats, end: Floats, learner: Ints) -> pd.DataFrame:
    return pd.DataFrame({"group": group, "track": track, "activity": activity, "start": start, "end": end, "learner": learner})


def server_busy(log: OperationLog, whole: float) -> float | None:
    """Return the fraction of `whole` seconds in which the server updates; None if durations are not known."""
    rows = log.rows("update")
    if log.start is None or not len(rows) or np.isnan(log.seconds[rows]).any():
        return None
    order = np.argsort(log.start[rows], kind="stable")
    start, end = log.start[rows][order], (log.start[rows] + log.seconds[rows])[order]
    clipped = _clip(np.zeros(len(rows), np.int64), start, end)
    return min(1.0, float((end - clipped).sum()) / (whole or 1.0))
