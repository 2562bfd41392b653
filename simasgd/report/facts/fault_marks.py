"""The faults of a run as marks on its time line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from math import inf
from typing import NamedTuple

import pandas as pd

from simasgd.report.facts.formats import format_share
from simasgd.results.run import Run
from simasgd.results.timeline import group_tracks, is_computing_thread
from simasgd.scenario.cluster.faults import RandomCrashes

PAUSED = "server paused"


class FaultMark(NamedTuple):
    """A fault: when it begins and ends (s), what it is, and the group and owner of the tracks that it concerns."""

    begin: float
    end: float
    what: str
    group: str
    owner: str

    def concerns(self, group: str, track: str) -> bool:
        """Return whether a track of the time line is the owner's: its name continues the owner's."""
        return group == self.group and re.match(rf"{re.escape(self.owner)}\b", track) is not None


def list_fault_marks(run: Run) -> list[FaultMark]:
    """Return the faults within a run's time, by their begin.

    Listed faults are the scenario's. Random crashes are the times at which a learner is idle, since
    nothing else makes it so.
    """
    faults, length = run.scenario.cluster.faults, run.simulated_seconds
    marks = [
        FaultMark(one.since, one.until, f"learner {one.learner} away", "learners", f"learner {one.learner}")
        for one in faults.outages
    ]
    if isinstance(faults.crashes, RandomCrashes):
        marks += _find_crashes(run)
    marks += [FaultMark(one.at, one.at + one.lasting, PAUSED, "servers", "server") for one in faults.server_pauses]
    marks += [
        FaultMark(
            one.at,
            one.at + one.lasting,
            f"link of {one.link} at {format_share(one.factor)} of its bandwidth",
            "links",
            one.link,
        )
        for one in faults.degraded_links
    ]
    return sorted(mark._replace(end=min(mark.end, length)) for mark in marks if mark.begin < length)


def take_out_pauses(rows: pd.DataFrame, pauses: Iterable[FaultMark]) -> pd.DataFrame:
    """Return a track without the times at which its server paused, since it did nothing then.

    An update under way is in two slices: before the pause and after it.
    """
    for pause in pauses:
        is_under_way = (rows["start"] < pause.end) & (rows["end"] > pause.begin)
        before = rows[is_under_way].assign(end=rows["end"].clip(upper=pause.begin))
        after = rows[is_under_way].assign(start=rows["start"].clip(lower=pause.end))
        parts = [rows[~is_under_way], *(part[part["end"] > part["start"]] for part in (before, after))]
        rows = pd.concat(parts, ignore_index=True).sort_values("start", kind="stable")
    return rows


def _find_crashes(run: Run) -> Iterator[FaultMark]:
    if run.timeline is None or run.timeline.empty:
        return
    tracks = group_tracks(run.timeline, "learners")
    for track, rows in tracks.items():
        if is_computing_thread(track):
            away = rows[(rows["activity"] == "idle") & (rows["end"] > rows["start"])]
            for begin, end in zip(away["start"], away["end"], strict=True):
                last = end >= run.simulated_seconds
                yield FaultMark(float(begin), inf if last else float(end), f"{track} away", "learners", track)
