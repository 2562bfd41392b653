"""The section on time lines: slices packed for templates/gantt.js, and a still for paper."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from markupsafe import Markup

from simasgd.report.drawing.page_parts import Block, LegendEntry, Timeline, draw_swatch
from simasgd.report.drawing.timeline_still import Tracks, draw_still
from simasgd.report.facts.fault_marks import PAUSED, FaultMark, list_fault_marks, take_out_pauses
from simasgd.report.facts.formats import format_duration, format_share, join_words, list_some, spell_count
from simasgd.report.facts.names import format_resource_name
from simasgd.report.facts.tables import group_by_clock
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.results.timeline import GROUPS, group_tracks
from simasgd.storage.files import TRACE

ACTIVITIES = ("compute", "push", "wait", "pull", "idle", "step", "mix", "copy", "launch", "update", "transfer")
"""In the order of their packed numbers; CSS variables of these names hold the colours."""
_MAX_SLICES = 50_000
_MAX_TIMELINES = 3
_MAX_TRACKS = {"learners": 90, "servers": 20, "links": 12}
_CYCLES = 4
_MAX_MARKS = 6
_TICKS = 2**31 - 1
_FINEST = 1e-9
_HOW_TO_OPEN = "Perfetto (ui.perfetto.dev) or another viewer of Chrome traces opens the complete time line:"


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
    def rounds(self) -> tuple[float, float]:
        """The begin and end of a few cycles in the middle, where the start no longer matters."""
        for rows in self.tracks["learners"].values():
            begins = rows.loc[rows["activity"] == "compute", "start"].to_numpy()
            if len(begins) > _CYCLES:
                half = min(self.until, _CYCLES * float(np.median(np.diff(begins)))) / 2
                return self.until / 2 - half, self.until / 2 + half
        return 0.0, self.until


def build_timeline_blocks(study: Study, variants: Sequence[VariantFacts]) -> list[Block]:
    """Build the section if a time line was recorded.

    It shows the first seed, and variants with the same clock only once.
    """
    every = list(study.runs.items())
    recorded = [(group, i) for group in group_by_clock(study) for i in group if not _select_timeline(every[i][1][0]).empty]
    first_of = dict(reversed(recorded))  # the first variant of a group remains
    groups = [(group, first_of[group]) for group in group_by_clock(study) if group in first_of]
    if not groups:
        return []
    chosen = groups[:_MAX_TIMELINES]
    timelines = [
        _build_timeline(list_some([variants[k].name for k in group]), every[i][0], every[i][1][0], _MAX_SLICES // len(chosen))
        for group, i in chosen
    ]
    seen = {activity for _, i in chosen for activity in _select_timeline(every[i][1][0])["activity"].unique()}
    return [
        Block(
            id="timeline",
            nav="Time line",
            title="Time line",
            reading=_describe_timelines(groups, variants, [every[i][1][0] for _, i in chosen]),
            timelines=timelines,
            legend=[LegendEntry(draw_swatch(activity), activity) for activity in ACTIVITIES if activity in seen],
        )
    ]


def _select_timeline(run: Run) -> pd.DataFrame:
    """Return the rows of a run's time line that take time."""
    if run.timeline is None:
        return pd.DataFrame()
    return run.timeline[run.timeline["end"] > run.timeline["start"]]


def _describe_timelines(
    groups: Sequence[tuple[Sequence[int], int]], variants: Sequence[VariantFacts], runs: Sequence[Run]
) -> str:
    seed = f" at seed {runs[0].seed}" if len(variants[0].seeds) > 1 else ""
    below = [group for group in GROUPS[1:] if any(group in _select_timeline(run)["group"].to_numpy() for run in runs)]
    tracks = f"learners above, then {join_words(below)}" if below else "all of them learners"
    reading = f"The activities of each track over time{seed}: {tracks}."
    without = [variants[k].name for group, _ in groups[_MAX_TIMELINES:] for k in group]
    if not without:
        return reading
    where = "has its own page" if len(without) == 1 else "have theirs on their own pages"
    return f"{reading} Shown are the first {_MAX_TIMELINES} of {len(groups)}; {list_some(without)} {where}."


def _build_timeline(name: str, variant: str, run: Run, most: int) -> Timeline:
    shown = select_slices(_select_timeline(run), run.simulated_seconds, most)
    marks = [mark for mark in list_fault_marks(run) if mark.begin < shown.until]
    seams = [seam.simulated_seconds for seam in run.summary.seams if seam.simulated_seconds < shown.until]
    shown = replace(shown, marks=marks, seams=seams, tracks=_take_out_pauses(shown.tracks, marks))
    said = f"{_describe_still(name, shown)} {_describe_first_learner(shown)}."
    still = draw_still(shown.tracks, shown.rounds, said, marks, seams)
    left_out = f"Not shown: {join_words(shown.left_out)}. " if shown.left_out else ""
    return Timeline(
        title=name,
        label=f"Time line of {name}: {_count_tracks(shown)}",
        data=pack_slices(shown),
        still=still,
        still_note=_describe_still(name, shown),
        note=f"{_describe_marks(marks)}{_describe_seams(seams)}{left_out}{_HOW_TO_OPEN}",
        file=f"{variant}/{TRACE}" if variant else TRACE,
    )


def _take_out_pauses(tracks: Tracks, marks: Sequence[FaultMark]) -> Tracks:
    pauses = [mark for mark in marks if mark.what == PAUSED]
    return {
        group: {
            name: take_out_pauses(rows, [one for one in pauses if one.concerns(group, name)]) for name, rows in some.items()
        }
        for group, some in tracks.items()
    }


def _describe_still(name: str, shown: ShownTimeline) -> str:
    start, end = shown.rounds
    return f"{name} from {format_duration(start)} to {format_duration(end)} of {format_duration(shown.length)}."


def _describe_marks(marks: Sequence[FaultMark]) -> str:
    """Return the faults that are marked, with their times."""
    if not marks:
        return ""
    said = [f"{mark.what} from {format_duration(mark.begin)} to {format_duration(mark.end)}" for mark in marks]
    return f"Marked: {list_some(said, _MAX_MARKS)}. "


def _describe_seams(seams: Sequence[float]) -> str:
    """Return where the run was continued, and what that does to the clock."""
    if not seams:
        return ""
    at = list_some([format_duration(seam) for seam in seams], _MAX_MARKS)
    return f"The run was continued at {at} (dotted line): there messages and gradients under way end, and all start anew. "


def _count_tracks(shown: ShownTimeline) -> str:
    return join_words(
        [
            spell_count(len(tracks), f"track of {group}", f"tracks of {group}")
            for group, tracks in shown.tracks.items()
            if tracks
        ]
    )


def _describe_first_learner(shown: ShownTimeline) -> str:
    """Return how the first learner spends the few cycles of the still image."""
    if not shown.tracks["learners"]:
        return "no learner did anything"
    (start, end), (track, rows) = shown.rounds, next(iter(shown.tracks["learners"].items()))
    within = (rows["end"].clip(upper=end) - rows["start"].clip(lower=start)).clip(lower=0.0)
    spent = within.groupby(rows["activity"], sort=False, observed=True).sum() / (end - start)
    return f"{track}: {', '.join(f'{activity} {format_share(part)}' for activity, part in spent.items() if part)}"


def select_slices(timeline: pd.DataFrame, length: float, most: int) -> ShownTimeline:
    """Select at most `most` slices of the first learners, the servers and the busiest links."""
    kept, left_out = {}, []
    for group in GROUPS:
        tracks = group_tracks(timeline, group)
        chosen = _select_tracks(tracks, _MAX_TRACKS[group], busiest=group == "links")
        if len(chosen) < len(tracks):
            which = "busiest" if group == "links" else "first"
            left_out.append(f"all but the {which} {len(chosen)} of {len(tracks):,} tracks of {group}")
        kept[group] = chosen
    starts = np.sort(np.concatenate([rows["start"].to_numpy() for tracks in kept.values() for rows in tracks.values()]))
    until = length
    if len(starts) > most and starts[most]:
        until = float(starts[most])
        left_out.append(f"slices that began after the first {format_duration(until)} of {format_duration(length)}")
    cut = {
        group: {format_resource_name(track): _cut_rows(rows, until) for track, rows in tracks.items()}
        for group, tracks in kept.items()
    }
    return ShownTimeline(cut, until, length, left_out)


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
        ],
        "seams": list(shown.seams),
        "tracks": [[track, group, len(rows)] for group, track, rows in named],
        "columns": base64.b64encode(gzip.compress(columns, 9, mtime=0)).decode(),
    }
    return Markup(json.dumps(content, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c"))
