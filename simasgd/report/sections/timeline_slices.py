"""The slices of a time line that a page holds: their selection, and their packing for templates/gantt.js."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from simasgd.report.drawing.timeline_still import Tracks
from simasgd.report.facts.fault_marks import FaultMark
from simasgd.report.facts.formats import format_duration
from simasgd.report.facts.names import format_resource_name
from simasgd.results.timeline import GROUPS, group_tracks

ACTIVITIES = ("compute", "push", "wait", "pull", "idle", "step", "mix", "copy", "launch", "update", "transfer")
"""In the order of their packed numbers; CSS variables of these names hold the colours."""
_MOST_TRACKS = (
    {"learners": 90, "servers": 20, "links": 12},
    {"learners": 30, "servers": 20, "links": 6},
    {"learners": 30, "servers": 20, "links": 0},
    {"learners": 12, "servers": 20, "links": 0},
)
"""The most tracks of each group. The later ones are for time lines that are not whole otherwise."""
_CYCLES = 4
_TICKS = 2**31 - 1
_FINEST = 1e-9


@dataclass(frozen=True)
class ShownTimeline:
    """The part of a time line on the page: tracks by group, cut at `until` of `length` seconds."""

    tracks: Tracks
    until: float
    length: float
    left_out: Sequence[str]
    marks: Sequence[FaultMark] = ()
    seams: Sequence[float] = ()
    """The seconds at which the run was continued."""

    @property
    def is_whole(self) -> bool:
        """Whether the page holds the run to its end."""
        return self.until >= self.length

    @property
    def rounds(self) -> tuple[float, float]:
        """The begin and end of a few cycles in the middle, where the start no longer matters."""
        for rows in self.tracks["learners"].values():
            begins = rows.loc[rows["activity"] == "compute", "start"].to_numpy()
            if len(begins) > _CYCLES:
                half = min(self.until, _CYCLES * float(np.median(np.diff(begins)))) / 2
                return self.until / 2 - half, self.until / 2 + half
        return 0.0, self.until


def share_slices(needed: Sequence[int], most: int) -> list[int]:
    """Divide `most` slices among time lines: who needs less than an equal part leaves the rest to the others."""
    found, left = [0] * len(needed), most
    for done, i in enumerate(sorted(range(len(needed)), key=lambda i: needed[i])):
        found[i] = min(needed[i], left // (len(needed) - done))
        left -= found[i]
    return found


def select_slices(timeline: pd.DataFrame, length: float, most: int) -> ShownTimeline:
    """Select at most `most` slices of the first learners, the servers and the busiest links.

    The whole run goes before many tracks. If few tracks have too many slices, too, it is cut.
    """
    every = {group: group_tracks(timeline, group) for group in GROUPS}
    choices = [
        {group: _select_tracks(every[group], tracks[group], busiest=group == "links") for group in GROUPS}
        for tracks in _MOST_TRACKS
    ]
    kept = next((choice for choice in choices if _count_slices(choice) <= most), choices[0])
    left_out = [_name_left_out(group, len(kept[group]), len(every[group])) for group in GROUPS]
    until = length
    starts = np.sort(np.concatenate([rows["start"].to_numpy() for tracks in kept.values() for rows in tracks.values()]))
    if len(starts) > most and starts[most]:
        until = float(starts[most])
        left_out.append(f"slices that began after the first {format_duration(until)} of {format_duration(length)}")
    cut = {
        group: {format_resource_name(track): _cut_rows(rows, until) for track, rows in tracks.items()}
        for group, tracks in kept.items()
    }
    return ShownTimeline(cut, until, length, [one for one in left_out if one])


def _count_slices(choice: Mapping[str, Mapping[str, pd.DataFrame]]) -> int:
    return sum(len(rows) for tracks in choice.values() for rows in tracks.values())


def _name_left_out(group: str, kept: int, tracks: int) -> str:
    if kept == tracks:
        return ""
    if not kept:
        return f"the {tracks:,} tracks of {group}"
    return f"all but the {'busiest' if group == 'links' else 'first'} {kept} of {tracks:,} tracks of {group}"


def _select_tracks(tracks: Mapping[str, pd.DataFrame], most: int, busiest: bool) -> dict[str, pd.DataFrame]:
    chosen = list(tracks)
    if busiest:
        chosen.sort(key=lambda track: -float((tracks[track]["end"] - tracks[track]["start"]).sum()))
    chosen = chosen[:most]
    return {track: rows for track, rows in tracks.items() if track in chosen}


def _cut_rows(rows: pd.DataFrame, until: float) -> pd.DataFrame:
    return rows[rows["start"] < until].assign(end=rows["end"].clip(upper=until))


def pack_slices(shown: ShownTimeline) -> Markup:
    """Pack a time line as JSON: names, times and gzipped columns.

    The columns are little-endian: gap since the track's previous end and length (int32 ticks),
    learner (int32), activity (uint8). Their rows are in the order of the tracks.
    """
    tick = max(_FINEST, shown.until / _TICKS)
    numbers = {activity: i for i, activity in enumerate(ACTIVITIES)}
    named = [(group, track, rows) for group, tracks in shown.tracks.items() for track, rows in tracks.items()]
    gaps, lengths = [], []
    for _, _, rows in named:
        start, end = (np.rint(rows[column].to_numpy() / tick).astype(np.int64) for column in ("start", "end"))
        gaps.append(start - np.concatenate([[0], end[:-1]]))
        lengths.append(end - start)
    whole = pd.concat([rows for _, _, rows in named])
    columns = b"".join(
        column.tobytes()
        for column in (
            np.concatenate(gaps).astype("<i4"),
            np.concatenate(lengths).astype("<i4"),
            whole["learner"].to_numpy().astype("<i4"),
            whole["activity"].map(numbers).to_numpy().astype("u1"),
        )
    )
    content = {
        "tick": tick,
        "until": shown.until,
        "length": shown.length,
        "rounds": list(shown.rounds),
        "activities": ACTIVITIES,
        "marks": [
            [
                mark.begin,
                min(mark.end, shown.until),
                mark.what,
                [i for i, (group, track, _) in enumerate(named) if mark.concerns(group, track)],
            ]
            for mark in shown.marks
            if mark.begin < shown.until
        ],
        "seams": [seam for seam in shown.seams if seam < shown.until],
        "tracks": [[track, group, len(rows)] for group, track, rows in named],
        "columns": base64.b64encode(gzip.compress(columns, 9, mtime=0)).decode(),
    }
    return Markup(json.dumps(content, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c"))
