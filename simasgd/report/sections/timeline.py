"""The section on time lines: an overview of the whole run, slices for templates/gantt.js, and a still for paper."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import pandas as pd

from simasgd.report.drawing.page_parts import Block, Cell, LegendEntry, Timeline, draw_swatch
from simasgd.report.drawing.timeline_overview import Lane, compute_shares, draw_overview
from simasgd.report.drawing.timeline_still import Tracks, draw_still
from simasgd.report.facts.averages import ORDER
from simasgd.report.facts.fault_marks import PAUSED, FaultMark, list_fault_marks, take_out_pauses
from simasgd.report.facts.formats import format_duration, format_share, join_words, list_some, spell_count
from simasgd.report.facts.tables import group_by_clock
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.timeline_slices import ACTIVITIES, ShownTimeline, pack_slices, select_slices, share_slices
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.results.timeline import GROUPS, is_computing_thread
from simasgd.storage.files import PAGE, TRACE

_MAX_SLICES = 96_000
_MAX_TIMELINES = 3
_MAX_MARKS = 6
_HOW_TO_OPEN = "Perfetto (ui.perfetto.dev) or another viewer of Chrome traces opens the complete time line:"


def build_timeline_blocks(study: Study, variants: Sequence[VariantFacts], leading: Collection[str] = ()) -> list[Block]:
    """Build the section if a time line was recorded.

    It shows the first seed, and variants with the same clock only once. The variants in `leading` go first where there are
    too many.
    """
    every = list(study.runs.items())
    recorded = [(group, i) for group in group_by_clock(study) for i in group if not _select_timeline(every[i][1][0]).empty]
    first_of = dict(reversed(recorded))  # the first variant of a group remains
    groups = [(group, first_of[group]) for group in group_by_clock(study) if group in first_of]
    if not groups:
        return []
    first = sorted(groups, key=lambda pair: not any(variants[k].name in leading for k in pair[0]))[:_MAX_TIMELINES]
    chosen = [pair for pair in groups if pair in first]
    runs = [every[i][1][0] for _, i in chosen]
    most = share_slices([len(_select_timeline(run)) for run in runs], _MAX_SLICES)
    timelines = [
        _build_timeline(list_some([variants[k].name for k in group]), every[i][0], run, many)
        for (group, i), run, many in zip(chosen, runs, most, strict=True)
    ]
    seen = {activity for run in runs for activity in _select_timeline(run)["activity"].unique()}
    return [
        Block(
            id="timeline",
            nav="Time line",
            title="Time line",
            reading=_describe_timelines(len(groups), variants, runs, has_leading=bool(leading)),
            timelines=timelines,
            legend=[LegendEntry(draw_swatch(activity), activity) for activity in ACTIVITIES if activity in seen],
            links=[
                Cell(variants[k].name, link=f"{every[k][0]}/{PAGE}#timeline")
                for group, _ in groups
                for k in group
                if group not in [shown for shown, _ in chosen]
            ],
            links_title="Time lines of the others, on their own pages:",
        )
    ]


def _select_timeline(run: Run) -> pd.DataFrame:
    """Return the rows of a run's time line that take time."""
    if run.timeline is None:
        return pd.DataFrame()
    return run.timeline[run.timeline["end"] > run.timeline["start"]]


def _describe_timelines(groups: int, variants: Sequence[VariantFacts], runs: Sequence[Run], *, has_leading: bool) -> str:
    seed = f" at seed {runs[0].seed}" if len(variants[0].seeds) > 1 else ""
    below = [group for group in GROUPS[1:] if any(group in _select_timeline(run)["group"].to_numpy() for run in runs)]
    tracks = f"learners above, then {join_words(below)}" if below else "all of them learners"
    reading = f"The activities of each track over time{seed}: {tracks}."
    if groups <= len(runs):
        return reading
    which = "the best variant, the one it is compared with, and then the first" if has_leading else "the first"
    return f"{reading} Shown are {len(runs)} of {groups} time lines: {which}."


def _build_timeline(name: str, variant: str, run: Run, most: int) -> Timeline:
    timeline, length = _select_timeline(run), run.simulated_seconds
    marks, seams = list_fault_marks(run), [seam.simulated_seconds for seam in run.summary.seams]
    shown = replace(select_slices(timeline, length, most), marks=marks, seams=seams)
    shown = replace(shown, tracks=_take_out_pauses(shown.tracks, marks))
    said = f"{_describe_still(name, shown)} {_describe_first_learner(shown)}."
    still = draw_still(shown.tracks, shown.rounds, said, marks, seams)
    left_out = f"Not shown: {join_words(shown.left_out)}. " if shown.left_out else ""
    return Timeline(
        title=name,
        label=f"Time line of {name}: {_count_tracks(shown)}",
        data=pack_slices(shown),
        still=still,
        still_note=_describe_still(name, shown),
        overview=_draw_overview(timeline, marks, length),
        ends=[format_duration(part * length) for part in (0.0, 0.5, 1.0)],
        drawn="" if shown.is_whole else format_duration(shown.until),
        part=shown.until / length,
        note=f"{_describe_marks(marks)}{_describe_seams(seams)}{left_out}{_HOW_TO_OPEN}",
        file=f"{variant}/{TRACE}" if variant else TRACE,
    )


def _draw_overview(timeline: pd.DataFrame, marks: Sequence[FaultMark], length: float) -> list[Lane]:
    """Draw what the computing threads of all learners do in the whole run, and its faults."""
    learners = timeline[timeline["group"] == "learners"]
    tracks = [track for track in learners["track"].unique() if is_computing_thread(track)]
    rows = learners[learners["track"].isin(tracks)]
    shares = compute_shares(rows, length, max(1, len(tracks)))
    return draw_overview({name: shares[name] for name in ORDER if name in shares}, marks, length)


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
    return (
        f"A few rounds of {name}: from {format_duration(start)} to {format_duration(end)} of {format_duration(shown.length)}."
    )


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
