"""A still image of a time line as SVG, for paper and for browsers that run no scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd
from markupsafe import Markup

from simasgd.report.facts.fault_marks import FaultMark
from simasgd.report.facts.formats import choose_time_unit, shorten_label
from simasgd.results.timeline import GROUPS

_MAX_RECTANGLES = 300
_MAX_TRACKS = 14
_LEARNERS = 6
_WIDTH, _LEFT, _ROW, _BAR, _AXIS = 640, 110, 18, 12, 30
_TICKS = 5

Tracks = Mapping[str, Mapping[str, pd.DataFrame]]


def draw_still(
    tracks: Tracks, window: tuple[float, float], label: str, marks: Sequence[FaultMark] = (), seams: Sequence[float] = ()
) -> Markup:
    """Draw as many tracks as a small number of rectangles can show, with the faults and the seams within the window."""
    chosen = _choose_tracks(tracks, window)
    height = _ROW * len(chosen) + _AXIS
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}" font-size="11">',
        *_draw_axis(window, height - _AXIS),
        *(part for row, (track, rows) in enumerate(chosen.items()) for part in _draw_track(track, rows, window, row)),
        *_draw_marks(marks, window, [(group, track) for group in GROUPS for track in tracks[group] if track in chosen]),
        *_draw_seams(seams, window, height - _AXIS),
        "</svg>",
    ]
    return Markup("".join(parts))


def _choose_tracks(tracks: Tracks, window: tuple[float, float]) -> dict[str, pd.DataFrame]:
    """Choose some learners, a server and two links if they fit, and then further learners."""
    learners, servers, links = (list(tracks[group].items()) for group in GROUPS)
    chosen: dict[str, pd.DataFrame] = {}
    left = _MAX_RECTANGLES
    for track, rows in (*learners[:_LEARNERS], *servers[:1], *links[:2], *learners[_LEARNERS:]):
        visible = rows[(rows["end"] > window[0]) & (rows["start"] < window[1])]
        if len(visible) <= left and len(chosen) < _MAX_TRACKS:
            chosen[track] = visible
            left -= len(visible)
        elif len(chosen) > _LEARNERS and track in tracks["learners"]:
            break  # no gaps among learners
    return {track: chosen[track] for group in GROUPS for track in tracks[group] if track in chosen}


def _draw_track(track: str, rows: pd.DataFrame, window: tuple[float, float], row: int) -> Iterator[str]:
    y = row * _ROW + (_ROW - _BAR) / 2
    start, end = (_to_abscissae(rows[column].to_numpy(), window) for column in ("start", "end"))
    yield f'<text x="{_LEFT - 8}" y="{y + 10:g}" text-anchor="end" fill="var(--ink)">{escape(shorten_label(track, 18))}</text>'
    for activity, left, right in zip(rows["activity"], start, end, strict=True):
        opacity = ' opacity=".6"' if activity == "transfer" else ""  # messages may share a link
        yield f'<rect x="{left:.1f}" y="{y:g}" width="{right - left:.1f}" height="{_BAR}" fill="var(--{activity})"{opacity}/>'


def _draw_marks(marks: Sequence[FaultMark], window: tuple[float, float], rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    for mark in marks:
        left, right = _to_abscissae(np.array([mark.begin, mark.end]), window)
        for row, (group, track) in enumerate(rows):
            if mark.concerns(group, track) and right > left:
                box = f'x="{left:.1f}" y="{row * _ROW + 1}" width="{right - left:.1f}" height="{_ROW - 2}"'
                yield f'<rect {box} fill="none" stroke="var(--fault)" stroke-width="1.5"/>'


def _draw_seams(seams: Sequence[float], window: tuple[float, float], bottom: float) -> Iterator[str]:
    within = np.array([seam for seam in seams if window[0] < seam < window[1]])
    for x in _to_abscissae(within, window):
        yield f'<path d="M{x:.1f} 0V{bottom + 4}" stroke="var(--ink)" stroke-width="1.5" stroke-dasharray="2 3"/>'


def _to_abscissae(times: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Return the abscissae of times."""
    start, end = window
    return _LEFT + (_WIDTH - _LEFT - 4) * np.clip((times - start) / (end - start), 0.0, 1.0)


def _draw_axis(window: tuple[float, float], bottom: float) -> Iterator[str]:
    size, unit = choose_time_unit(window[1])
    for at in np.linspace(*window, _TICKS):
        (x,) = _to_abscissae(np.array([at]), window)
        anchor = "start" if at == window[0] else "end" if at == window[1] else "middle"
        yield f'<path d="M{x:.1f} 0V{bottom + 4}" stroke="var(--grid)"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="{anchor}" fill="var(--muted)">{at / size:.5g} {unit}</text>'
