"""A run's time line as a Chrome trace: JSON that Perfetto, chrome://tracing and vizviewer open.

Slices of one thread must nest, or viewers drop them. Activities of learners and servers never
overlap and become slices ("X"). Messages that share a link can overlap and become asynchronous
pairs ("b", "e") with an identifier each. A counter ("C") beside every link shows the number of
messages under way.
"""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
import pandas as pd

GROUPS = ("learners", "servers", "links")
"""The groups of tracks, in the order in which viewers show them."""
_FLUSH_EVERY = 1 << 16  # events

Nanoseconds = npt.NDArray[np.int64]


def write_trace(timeline: pd.DataFrame, path: Path, about: Mapping[str, Any]) -> None:
    """Write a time line (as in `Run.timeline`) as a gzipped Chrome trace.

    Equal tables make equal bytes. `about` is kept in the trace's `otherData`.
    """
    with (
        path.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="ascii", newline="\n", write_through=True) as text,
    ):
        text.write(f'{{"displayTimeUnit":"ns","otherData":{json.dumps(dict(about))},"traceEvents":[\n')
        _write_joined(text, _events(timeline))
        text.write("\n]}\n")


def group_tracks(timeline: pd.DataFrame, group: str) -> dict[str, pd.DataFrame]:
    """Return the rows of each track of a group, sorted by their start.

    Tracks are in the order of their numbers.
    Of rows that begin together, those of length 0 come first.
    """
    rows = timeline[timeline["group"] == group].sort_values(["start", "end"], kind="stable")
    found = {str(track): its for track, its in rows.groupby("track", sort=False, observed=True)}
    return {track: found[track] for track in sort_by_number(found)}


def is_computing_thread(track: str) -> bool:
    """Return whether a track of a learner is that of its computing thread, and not of one that only pushes or pulls."""
    return track.count(" ") == 1


def sort_by_number(names: Iterable[str]) -> list[str]:
    """Sort names by the numbers in them: `learner 9` precedes `learner 10`."""
    return sorted(names, key=lambda name: [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)])


def count_under_way(start: Nanoseconds, end: Nanoseconds) -> tuple[Nanoseconds, npt.NDArray[np.int64]]:
    """Return the times at which the number of intervals under way changes, and that number."""
    times, where = np.unique(np.concatenate([start, end]), return_inverse=True)
    begun, ended = (np.bincount(part, minlength=len(times)) for part in (where[: len(start)], where[len(start) :]))
    changed = begun != ended
    return times[changed], np.cumsum(begun - ended)[changed]


def _write_joined(text: TextIO, events: Iterator[str]) -> None:
    waiting = [next(events)]
    for event in events:
        waiting.append(event)
        if len(waiting) >= _FLUSH_EVERY:
            text.write(",\n".join(waiting))
            waiting = [""]  # so that the next ones begin with a comma
    text.write(",\n".join(waiting))


def _events(timeline: pd.DataFrame) -> Iterator[str]:
    transfers = 0
    for pid, group in enumerate(GROUPS, start=1):
        yield _metadata("process_name", pid, 0, {"name": group})
        yield _metadata("process_sort_index", pid, 0, {"sort_index": pid})
        for tid, (track, rows) in enumerate(group_tracks(timeline, group).items(), start=1):
            start, end = _nanoseconds(rows["start"]), _nanoseconds(rows["end"])
            if group == "links":
                yield from _transfers(rows, start, end, pid, track, transfers)
                transfers += len(rows)
            else:
                yield _metadata("thread_name", pid, tid, {"name": track})
                yield _metadata("thread_sort_index", pid, tid, {"sort_index": tid})
                yield from _slices(rows, start, end, pid, tid)


def _metadata(what: str, pid: int, tid: int, args: Mapping[str, Any]) -> str:
    return json.dumps({"ph": "M", "name": what, "pid": pid, "tid": tid, "args": args}, separators=(",", ":"))


def _slices(rows: pd.DataFrame, start: Nanoseconds, end: Nanoseconds, pid: int, tid: int) -> Iterator[str]:
    # A slice of length 0 is left out, since viewers show it as a part of the next one.
    lasting = end > start
    activities, learners = rows["activity"].to_numpy()[lasting].tolist(), rows["learner"].to_numpy()[lasting].tolist()
    names = {activity: json.dumps(activity) for activity in set(activities)}
    times = zip(start[lasting].tolist(), end[lasting].tolist(), strict=True)
    for activity, learner, (since, until) in zip(activities, learners, times, strict=True):
        yield (
            f'{{"ph":"X","name":{names[activity]},"pid":{pid},"tid":{tid},"ts":{_micro(since)},"dur":{_micro(until - since)}'
            f"{_concerning(learner)}}}"
        )


def _transfers(rows: pd.DataFrame, start: Nanoseconds, end: Nanoseconds, pid: int, track: str, first: int) -> Iterator[str]:
    """Yield a pair for each message, and a counter of the messages under way.

    Pairs are named after their link, because viewers group them by name.
    """
    same = f'"cat":"links","name":{json.dumps(track)},"pid":{pid},"tid":0'
    times = zip(start.tolist(), end.tolist(), strict=True)
    for number, (learner, (since, until)) in enumerate(zip(rows["learner"].tolist(), times, strict=True), start=first):
        identity = f'{same},"id2":{{"local":"{number}"}}'  # of this process only: a plain `id` is the whole trace's
        yield f'{{"ph":"b",{identity},"ts":{_micro(since)}{_concerning(learner)}}}'
        yield f'{{"ph":"e",{identity},"ts":{_micro(until)}}}'
    name = json.dumps(f"{track}: under way")
    for at, messages in zip(*(column.tolist() for column in count_under_way(start, end)), strict=True):
        yield f'{{"ph":"C","name":{name},"pid":{pid},"ts":{_micro(at)},"args":{{"messages":{messages}}}}}'


def _nanoseconds(seconds: pd.Series) -> Nanoseconds:
    """Round seconds to whole nanoseconds; equal times stay equal, so that neighbours still meet."""
    times: npt.NDArray[np.float64] = seconds.to_numpy(dtype=np.float64)
    return np.rint(times * 1e9).astype(np.int64)


def _micro(nanoseconds: int) -> str:
    """Format nanoseconds as microseconds, the unit of the trace format."""
    whole, rest = divmod(nanoseconds, 1000)
    return f"{whole}.{rest:03d}"


def _concerning(learner: int) -> str:
    return f',"args":{{"learner":{learner}}}' if learner >= 0 else ""
