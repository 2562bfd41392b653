"""An overview of a whole time line: what the learners do in the mean, and the faults, as shapes that stretch to any width."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup

from simasgd.report.facts.fault_marks import FaultMark

_PARTS = 240
"""The number of equal parts of the time; on a telephone a part has a pixel."""
_LEAST_MARK = 1.2
"""The least width of a fault, in parts: it must be seen, however short it is."""
_FAULTS = {"learners": "away", "servers": "paused", "links": "slow link"}

Shares = Mapping[str, npt.NDArray[np.float64]]
"""The share of each activity in each of the parts of the time."""


class Lane(NamedTuple):
    """A named lane of an overview, as an SVG element."""

    name: str
    svg: Markup
    is_tall: bool = False


def compute_shares(rows: pd.DataFrame, length: float, tracks: int, parts: int = _PARTS) -> Shares:
    """Compute the share of each activity in the time of `tracks` tracks, in equal parts of `length` seconds.

    The columns of `rows` are activity, start and end (s). Activities are in the order of their appearance.
    """
    edges = np.linspace(0.0, length, parts + 1)
    whole = tracks * length / parts
    return {
        str(activity): np.diff(_sum_until(some["start"].to_numpy(), some["end"].to_numpy(), edges)) / whole
        for activity, some in rows.groupby("activity", sort=False, observed=True)
    }


def _sum_until(
    start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], at: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the seconds of all slices before each of the times `at`."""
    return _sum_since(start, at) - _sum_since(end, at)


def _sum_since(times: npt.NDArray[np.float64], at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the sum of max(0, at − time) over the times, for each of `at`."""
    ordered = np.sort(times)
    before = np.searchsorted(ordered, at)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    return np.asarray(before * at - sums[before])


def draw_overview(shares: Shares, marks: Sequence[FaultMark], length: float) -> list[Lane]:
    """Draw a lane of stacked shares, and one for each group of faults."""
    return [Lane("all learners", _draw_shares(shares), is_tall=True), *_draw_faults(marks, length)]


def _draw_shares(shares: Shares) -> Markup:
    """Draw stacked areas in steps; the first activity is at the bottom."""
    paths, below = [], np.zeros(_PARTS, dtype=int)
    total = np.zeros(_PARTS)
    for activity, share in shares.items():
        total = total + share
        above = np.clip(np.rint(100.0 * total).astype(int), below, 100)
        paths.append(f'<path d="{_trace(below, above)}" fill="var(--{activity})"/>')
        below = above
    return _frame("".join(paths), 100)


def _trace(below: npt.NDArray[np.int64], above: npt.NDArray[np.int64]) -> str:
    """Trace the area between two lines of steps, whose heights are per cent from the bottom of the frame."""
    return f"M0 {100 - above[0]}{_step(100 - above, 'h')}{_step((100 - below)[::-1], 'h-')}Z"


def _step(heights: npt.NDArray[np.int64], across: str) -> str:
    return "".join(f"V{y}{across}{sum(1 for _ in same)}" for y, same in groupby(heights.tolist()))


def _draw_faults(marks: Sequence[FaultMark], length: float) -> Iterator[Lane]:
    for group, name in _FAULTS.items():
        boxes = [_draw_mark(mark, length) for mark in marks if mark.group == group]
        if boxes:
            yield Lane(name, _frame(f'<path d="{"".join(boxes)}" fill="var(--fault)"/>', 10))


def _draw_mark(mark: FaultMark, length: float) -> str:
    left, right = (_PARTS * min(at, length) / length for at in (mark.begin, mark.end))
    left = min(left, _PARTS - _LEAST_MARK)
    return f"M{left:.1f} 1h{max(right - left, _LEAST_MARK):.1f}v8H{left:.1f}Z"


def _frame(inside: str, height: int) -> Markup:
    head = f'<svg viewBox="0 0 {_PARTS} {height}" preserveAspectRatio="none" shape-rendering="crispEdges" aria-hidden="true">'
    return Markup(f"{head}{inside}</svg>")
