"""What can be observed of a run, measured or simulated: when gradients were done, how stale, and what learners did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pandas as pd

from simasgd.errors import UsageError
from simasgd.measured.scenario import number_learners
from simasgd.measured.times import activity_of, find_intervals, list_activities
from simasgd.operations.log import OperationLog
from simasgd.results.run import Run
from simasgd.storage.files import OPERATIONS_TABLE
from simasgd.tape.arrays import Floats, Ints


@final
@dataclass(frozen=True, eq=False)
class Observation:
    """One run. Times are in seconds from its begin.

    `applied_at`, `step` and `staleness` have an element for each applied gradient, in the order of the updates; they are
    None where there are no updates of one model. `spans` has the columns learner, activity, start and end, in order of
    learner and time; None where it is not known what learners did.
    """

    learners: int
    seconds: float
    applied_at: Floats | None
    step: Ints | None
    staleness: Ints | None
    appliers: Ints | None
    spans: pd.DataFrame | None
    has_starts: bool = True
    """Whether it is known when spans began; otherwise those of a learner follow each other without gaps."""

    @property
    def reporting(self) -> list[int]:
        """The learners of which it is known what they did."""
        return [] if self.spans is None else np.unique(self.spans["learner"]).tolist()

    def of_learners(self, chosen: Sequence[int]) -> Observation:
        """Return the observation of some learners, without the updates."""
        assert self.spans is not None
        spans = self.spans[self.spans["learner"].isin(chosen)].reset_index(drop=True)
        return Observation(len(chosen), self.seconds, None, None, None, None, spans, self.has_starts)

    @property
    def computed_at(self) -> Floats | None:
        """When gradients were computed, sorted; None where it is not known."""
        if self.spans is None:
            return None
        rows = self.spans["activity"].to_numpy() == "compute"
        return np.sort(self.spans["end"].to_numpy(np.float64)[rows])


def observe_run(run: Run) -> Observation:
    """Return what a run tells.

    Raises UsageError if a recorded run has operations of another learner.
    """
    updates = None if run.scenario.protocol.has_own_models else run.updates
    return Observation(
        learners=run.summary.learners,
        seconds=run.simulated_seconds,
        applied_at=None if updates is None else updates["time"].to_numpy(np.float64),
        step=None if updates is None else updates["timestamp"].to_numpy(np.int64),
        staleness=None if updates is None else updates["staleness"].to_numpy(np.int64),
        appliers=None if updates is None else updates["learner"].to_numpy(np.int64),
        spans=_find_spans(run),
    )


def _find_spans(run: Run) -> pd.DataFrame | None:
    """Return the spans of the time line; those of a recorded run without one are its operations."""
    if run.timeline is not None:
        return _of_learners(run.timeline, all_tracks=run.summary.log is not None)
    operations = run.operations
    if operations is None:
        return None
    activity = operations["operation"].map(activity_of)
    rows = operations[activity.notna()]
    learner = pd.to_numeric(rows["learner"], errors="coerce")
    wrong = ~learner.isin(range(run.summary.learners))
    if wrong.any():
        raise UsageError(
            f"{OPERATIONS_TABLE}: learner {rows.loc[wrong, 'learner'].iloc[0]!r} is not a number below {run.summary.learners}"
        )
    spans = pd.DataFrame(
        {
            "learner": learner.astype(np.int64),
            "activity": activity[rows.index].astype(object),
            "start": rows["start"],
            "end": rows["start"] + rows["seconds"],
        }
    )
    return spans.sort_values(["learner", "start", "end"], kind="stable", ignore_index=True)


def observe_log(log: OperationLog, learners: int) -> Observation:
    """Return what a log without updates tells.

    Nothing ties the learners' clocks together, so each begins with the learner's first row. Without starts, a learner's
    rows follow each other without gaps. Raises UsageError if the log has no computations.
    """
    name = ", ".join(map(str, () if log.places is None else log.places.files)) or "the log"
    if not len(log.rows("compute")):
        raise UsageError(f"{name}: there are neither updates nor computations to validate against")
    numbers = number_learners(log, learners)
    laid = log if log.start is not None else replace(log, start=_follow_each_other(log))
    assert laid.start is not None
    intervals = find_intervals(laid, numbers, np.zeros(learners))
    assert intervals is not None
    begins = np.zeros(learners)
    first = np.flatnonzero(np.diff(intervals.learner, prepend=-1))
    begins[intervals.learner[first]] = intervals.start[first]
    spans = pd.DataFrame(
        {
            "learner": intervals.learner,
            "activity": np.array(list_activities(), object)[intervals.activity],
            "start": intervals.start - begins[intervals.learner],
            "end": intervals.end - begins[intervals.learner],
        }
    )
    return Observation(learners, float(spans["end"].max()), None, None, None, None, spans, log.start is not None)


def _follow_each_other(log: OperationLog) -> Floats:
    """Return starts of rows that follow each other without gaps, for each learner."""
    seconds = np.nan_to_num(log.seconds)
    ends = np.cumsum(seconds)
    first = np.flatnonzero(np.diff(log.learner, prepend=-2))
    before = np.repeat(ends[first] - seconds[first], np.diff(np.append(first, log.size)))
    return ends - seconds - before


def _of_learners(timeline: pd.DataFrame, *, all_tracks: bool) -> pd.DataFrame:
    """Return the spans of the learners' computing threads, or of all their tracks."""
    rows = timeline[timeline["group"] == "learners"]
    if not all_tracks:
        rows = rows[rows["track"].astype(str) == "learner " + rows["learner"].astype(str)]
    rows = rows.sort_values(["learner", "start", "end"], kind="stable", ignore_index=True)
    return rows.assign(activity=rows["activity"].astype(str))[["learner", "activity", "start", "end"]]
