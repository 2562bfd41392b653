"""Time lines: what of a run's table fits on a page, packed for templates/gantt.js, and a still of it for paper."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from simasgd.report.drawing.gantt_still import still
from simasgd.report.drawing.parts import Block, Entry, Gantt, swatch
from simasgd.report.facts.facts import Facts, customary
from simasgd.report.facts.tables import clocks
from simasgd.report.facts.words import count, duration, few, joined, share
from simasgd.results.run import TRACE, Run, Study
from simasgd.results.timeline import GROUPS, tracks_of

ACTIVITIES = ("compute", "push", "wait", "pull", "idle", "update", "transfer")
"""In the order of their numbers in the packed columns; the colours are CSS variables of these names."""
_MOST_SLICES = 50_000
_MOST_TIMELINES = 3
_MOST_TRACKS = {"learners": 90, "servers": 20, "links": 12}
_CYCLES = 4
_TICKS = 2**31 - 1
_FINEST = 1e-9


@dataclass(frozen=True)
class Shown:
    """The part of a time line that is on the page: tracks by group, cut at `until`, out of a run of `length` seconds."""

    tracks: Mapping[str, Mapping[str, pd.DataFrame]]
    until: float
    length: float
    left_out: Sequence[str]

    @property
    def window(self) -> tuple[float, float]:
        """Where to look first: a few cycles of a learner in the middle, when the start is forgotten."""
        for rows in self.tracks["learners"].values():
            begins = rows.loc[rows["activity"] == "compute", "start"].to_numpy()
            if len(begins) > _CYCLES:
                half = min(self.until, _CYCLES * float(np.median(np.diff(begins)))) / 2
                return self.until / 2 - half, self.until / 2 + half
        return 0.0, self.until


def timeline_blocks(study: Study, variants: Sequence[Facts]) -> list[Block]:
    """The section, if a time line was recorded: of the first seed, once for variants whose clocks ran alike."""
    every = list(study.runs.items())
    recorded = [(group, i) for group in clocks(study) for i in group if not _table(every[i][1][0]).empty]
    first_of = dict(reversed(recorded))  # of a group, the first one remains
    groups = [(group, first_of[group]) for group in clocks(study) if group in first_of]
    if not groups:
        return []
    chosen = groups[:_MOST_TIMELINES]
    timelines = [
        _timeline(few([variants[k].name for k in group]), every[i][0], every[i][1][0], _MOST_SLICES // len(chosen))
        for group, i in chosen
    ]
    seen = {activity for _, i in chosen for activity in _table(every[i][1][0])["activity"].unique()}
    return [
        Block(
            id="timeline",
            nav="Time line",
            title="Time line",
            reading=_reading(groups, variants, [every[i][1][0] for _, i in chosen]),
            timelines=timelines,
            legend=[Entry(swatch(activity), activity) for activity in ACTIVITIES if activity in seen],
        )
    ]


def _table(run: Run) -> pd.DataFrame:
    """What takes time of a run's time line."""
    if run.timeline is None:
        return pd.DataFrame()
    return run.timeline[run.timeline["end"] > run.timeline["start"]]


def _reading(groups: Sequence[tuple[Sequence[int], int]], variants: Sequence[Facts], runs: Sequence[Run]) -> str:
    seed = f" at seed {runs[0].seed}" if len(variants[0].seeds) > 1 else ""
    below = [group for group in GROUPS[1:] if any(group in _table(found)["group"].to_numpy() for found in runs)]
    said = f"Who did what when{seed}: {f'learners above, then {joined(below)}' if below else 'all of them learners'}."
    without = [variants[k].name for group, _ in groups[_MOST_TIMELINES:] for k in group]
    if not without:
        return said
    where = "has its own page" if len(without) == 1 else "have theirs on their own pages"
    return f"{said} Shown are the first {_MOST_TIMELINES} of {len(groups)}; {few(without)} {where}."


def _timeline(name: str, variant: str, run: Run, most: int) -> Gantt:
    found = shown(_table(run), run.simulated_seconds, most)
    start, end = found.window
    label = f"Time line of {name}: {_counted(found)}, at first from {duration(start)} to {duration(end)}"
    left_out = f"Left out here: {joined(found.left_out)}. " if found.left_out else ""
    return Gantt(
        title=name,
        label=label,
        data=pack(found),
        still=still(found.tracks, found.window, f"{label}. {_said(found)}."),
        note=f"{left_out}The whole of it opens in Perfetto (ui.perfetto.dev) or any other viewer of Chrome traces:",
        file=f"{variant}/{TRACE}" if variant else TRACE,
    )


def _counted(found: Shown) -> str:
    return joined(
        [count(len(tracks), f"track of {group}", f"tracks of {group}") for group, tracks in found.tracks.items() if tracks]
    )


def _said(found: Shown) -> str:
    """How the first learner spends the window."""
    if not found.tracks["learners"]:
        return "no learner did anything"
    (start, end), (track, rows) = found.window, next(iter(found.tracks["learners"].items()))
    within = (rows["end"].clip(upper=end) - rows["start"].clip(lower=start)).clip(lower=0.0)
    spent = within.groupby(rows["activity"], sort=False, observed=True).sum() / (end - start)
    return f"{track}: {', '.join(f'{activity} {share(part)}' for activity, part in spent.items() if part)}"


def shown(timeline: pd.DataFrame, length: float, most: int) -> Shown:
    """At most `most` slices: of the first learners, the servers and the busiest links, from the start on."""
    kept, left_out = {}, []
    for group in GROUPS:
        tracks = tracks_of(timeline, group)
        few_enough = _some(tracks, _MOST_TRACKS[group], busiest=group == "links")
        if len(few_enough) < len(tracks):
            which = "busiest" if group == "links" else "first"
            left_out.append(f"all but the {which} {len(few_enough)} of {len(tracks):,} tracks of {group}")
        kept[group] = few_enough
    starts = np.sort(np.concatenate([rows["start"].to_numpy() for tracks in kept.values() for rows in tracks.values()]))
    until = length
    if len(starts) > most and starts[most]:
        until = float(starts[most])
        left_out.append(f"what began after the first {duration(until)} of {duration(length)}")
    cut = {group: {customary(track): _cut(rows, until) for track, rows in tracks.items()} for group, tracks in kept.items()}
    return Shown(cut, until, length, left_out)


def _some(tracks: Mapping[str, pd.DataFrame], most: int, busiest: bool) -> dict[str, pd.DataFrame]:
    chosen = list(tracks)
    if busiest:
        chosen.sort(key=lambda track: -float((tracks[track]["end"] - tracks[track]["start"]).sum()))
    chosen = chosen[:most]
    return {track: rows for track, rows in tracks.items() if track in chosen}


def _cut(rows: pd.DataFrame, until: float) -> pd.DataFrame:
    return rows[rows["start"] < until].assign(end=rows["end"].clip(upper=until))


def pack(found: Shown) -> Markup:
    """As JSON: names and times, and gzipped little-endian columns (gap since the track's previous end, length: int32 ticks;
    learner: int32; activity: uint8), rows in the order of the tracks.
    """
    tick = max(_FINEST, found.until / _TICKS)
    numbers = {activity: i for i, activity in enumerate(ACTIVITIES)}
    named = [(group, track, rows) for group, tracks in found.tracks.items() for track, rows in tracks.items()]
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
        "until": found.until,
        "window": list(found.window),
        "activities": ACTIVITIES,
        "tracks": [[track, group, len(rows)] for group, track, rows in named],
        "columns": base64.b64encode(gzip.compress(columns, 9, mtime=0)).decode(),
    }
    return Markup(json.dumps(content, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c"))
