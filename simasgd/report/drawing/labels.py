"""Labels beside lines and points, in place of a legend, moved apart where they would overlap."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from simasgd.report.drawing import svg
from simasgd.report.drawing.placing import FAR, Box, Spot, make_bars, place_labels
from simasgd.report.facts.formats import shorten_label

MOST_CHARACTERS = 18
"""The longest line of a label beside a curve; longer names take two lines."""
_SIZE = 9.2
_PLACES, _DENSITY = 40, 24
"""The places along a line at which a label is tried, and the points of each piece of a curve."""
_LINE = 12.5
"""The height of a line of text in points, with the space to the next."""


@final
@dataclass(frozen=True)
class LabelAnchor:
    """A place in data coordinates that gets a label: the last point of a line, or a marker."""

    x: float
    y: float
    text: str
    series: int
    bar: tuple[float, float, float, float] | None = None
    """The lowest x and y and the highest ones over the seeds, of a point that has bars."""


def spread_apart(at: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move numbers so that they are at least `gap` apart and within `low` and `high`.

    They keep their order, and the sum of the squares of the moves is the least possible: the moved
    numbers minus their ranks times the gap are the isotonic regression. The gap becomes smaller if
    there is no room for it.
    """
    count = len(at)
    gap = min(gap, (high - low) / max(1, count - 1))
    order = sorted(range(count), key=lambda i: at[i])
    pools: list[tuple[float, int]] = []  # sums and sizes, whose means increase
    for rank, i in enumerate(order):
        total, size = at[i] - rank * gap, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / size:
            before, many = pools.pop()
            total, size = total + before, size + many
        pools.append((total, size))
    found = [0.0] * count
    ranked = chain.from_iterable([total / size] * size for total, size in pools)
    for (rank, i), level in zip(enumerate(order), ranked, strict=True):
        found[i] = min(max(level, low), high - (count - 1) * gap) + rank * gap
    return found


def wrap_label(name: str) -> str:
    """Return a name in at most two lines; a longer one is cut."""
    first, *rest = textwrap.wrap(name, MOST_CHARACTERS) or [name]
    return "\n".join([first, shorten_label(name[len(first) :].strip(), MOST_CHARACTERS)]) if rest else first


def label_ends(axes: Axes, marks: Sequence[LabelAnchor]) -> None:
    """Write labels into the right margin, each with a dotted line to its mark, which does not look like data.

    The limits of the axes must be set before. Call it last.
    """
    height = max(1.0, _points_per_pixel(axes) * axes.get_window_extent().height)
    places = [float(axes.transAxes.inverted().transform(axes.transData.transform((mark.x, mark.y)))[1]) for mark in marks]
    places = [min(1.0, max(0.0, place)) for place in places]
    texts = [wrap_label(mark.text) for mark in marks]
    gap = _LINE * max((1 + text.count("\n") for text in texts), default=1) / height
    for mark, text, place in zip(marks, texts, spread_apart(places, gap, 0.0, 1.0), strict=True):
        colour, (marker, _) = svg.choose_series_colour(mark.series), svg.choose_series_marker(mark.series)
        line = {
            "arrowstyle": "-",
            "color": svg.MUTED,
            "linestyle": (0, (0.8, 2.2)),
            "linewidth": 0.9,
            "shrinkA": 0,
            "shrinkB": 5,
            "relpos": (0, 0.5),
        }
        axes.annotate(
            text,
            (mark.x, mark.y),
            (1.06, place),
            textcoords="axes fraction",
            va="center",
            fontsize=_SIZE,
            color=svg.INK,
            arrowprops=line,
            annotation_clip=False,
        )
        axes.plot(1.035, place, marker, color=colour, markersize=5, transform=axes.transAxes, clip_on=False)


def label_points(axes: Axes, marks: Sequence[LabelAnchor], others: Sequence[LabelAnchor] = (), size: float = _SIZE) -> None:
    """Write a label for each mark, clear of all marks, of `others` without a label, of bars, and of other labels.

    `size` is that of the text. A label stands nearest to its own mark; one that finds no room beside it has a line to it
    (`placing.place_labels`). The limits of the axes must be set before. Call it last.
    """
    if not marks:
        return
    _lay_out(axes)
    scale = _points_per_pixel(axes)

    def find_place(x: float, y: float) -> tuple[float, float]:
        across, up = axes.transData.transform((x, y)) * scale
        return float(across), float(up)

    texts = [wrap_label(mark.text) for mark in marks]
    spots = []
    for mark, text in zip(marks, texts, strict=True):
        (x, y), (wide, high) = find_place(mark.x, mark.y), _measure_text(axes, text, size)
        ends = () if mark.bar is None else (find_place(*mark.bar[:2]), find_place(*mark.bar[2:]))
        spots.append(Spot(x, y, wide, high, make_bars(x, y, *ends) if ends else ()))
    frame = Box(*(float(edge) * scale for edge in axes.get_window_extent().extents))
    boxes = place_labels(spots, [find_place(other.x, other.y) for other in others], frame)
    for mark, text, spot, box in zip(marks, texts, spots, boxes, strict=True):
        middle = box.middle[0] - spot.x, box.middle[1] - spot.y
        line = {"arrowstyle": "-", "color": svg.MUTED, "linestyle": (0, (0.8, 2.2)), "linewidth": 0.9, "shrinkB": 6}
        axes.annotate(
            text,
            (mark.x, mark.y),
            middle,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            color=svg.INK,
            zorder=4,
            bbox={"facecolor": svg.PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.0},
            arrowprops=line if box.measure_distance(spot.x, spot.y) > FAR + 1.0 else None,
        ).set_in_layout(False)


def label_level(axes: Axes, level: float, text: str) -> None:
    """Write a label above or below a horizontal line, where the curves leave most room; nothing if the line is not in sight.

    The limits of the axes and the other labels must be set before. Call it last.
    """
    low, high = axes.get_ylim()
    if not low < level < high:
        return
    _lay_out(axes)
    scale = _points_per_pixel(axes)
    left, bottom, right, top = (float(edge) * scale for edge in axes.get_window_extent().extents)
    wide, tall = _measure_text(axes, text, _SIZE)
    at = float(axes.transData.transform((0.0, level))[1]) * scale
    points = _list_points(axes) * scale
    best = min(
        (
            Box(x, y, x + wide, y + tall)
            for y in (at - tall - 2.0, at + 2.0)
            if bottom <= y <= top - tall
            for x in np.linspace(left + 2.0, max(left + 2.0, right - wide - 2.0), _PLACES)
        ),
        key=lambda box: _count_within(points, box),
        default=Box(left + 2.0, at + 2.0, left + 2.0 + wide, at + 2.0 + tall),
    )
    axes.annotate(
        text, (0.0, 0.0), (best.left - left, best.middle[1] - bottom), xycoords="axes fraction", textcoords="offset points",
        va="center", fontsize=_SIZE, color=svg.MUTED, zorder=4,
        bbox={"facecolor": svg.PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.0},
    ).set_in_layout(False)  # fmt: skip


def _count_within(points: NDArray[np.float64], box: Box) -> int:
    x, y = points.T
    return int(((x > box.left - 2.0) & (x < box.right + 2.0) & (y > box.bottom - 1.0) & (y < box.top + 1.0)).sum())


def _list_points(axes: Axes) -> NDArray[np.float64]:
    """Return points that lie close together on all curves and at all markers, in pixels."""
    found = [np.zeros((0, 2))]
    for line in axes.get_lines():
        data = np.asarray(line.get_xydata(), dtype=float)
        if line.get_transform() != axes.transData or not len(data):
            continue
        if str(line.get_drawstyle()).startswith("steps"):
            data = np.column_stack([np.repeat(data[:, 0], 2)[1:], np.repeat(data[:, 1], 2)[:-1]])
        ends = axes.transData.transform(data)
        found += [np.linspace(one, other, _DENSITY) for one, other in pairwise(ends)] or [ends]
    return np.concatenate(found)


def _measure_text(axes: Axes, text: str, size: float) -> tuple[float, float]:
    """Return the width and the height of a text in points, with a point of space on each side."""
    drawn = axes.text(0.0, 0.0, text, fontsize=size, transform=axes.transAxes)  # 0 is nowhere on a logarithmic axis
    extent, scale = drawn.get_window_extent(), _points_per_pixel(axes)
    drawn.remove()
    return extent.width * scale + 2.0, extent.height * scale + 2.0


def _points_per_pixel(axes: Axes) -> float:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return 72.0 / figure.dpi


def _lay_out(axes: Axes) -> None:
    """Give the axes their final place, on which the distances between marks depend."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)


def find_room(names: Sequence[str]) -> float:
    """Return the height in inches of axes that have room for labels with these names in their margin."""
    lines = max((1 + wrap_label(name).count("\n") for name in names), default=1)
    return len(names) * lines * _LINE / 72.0
