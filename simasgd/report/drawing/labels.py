"""Labels beside lines and points, in place of a legend, moved apart where they would overlap."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, final

from matplotlib.axes import Axes

from simasgd.report.drawing import svg
from simasgd.report.facts.formats import shorten_label

MOST_CHARACTERS = 18
"""The longest label beside a line."""
_SIZE = 9.2
_LINE = 12.5
"""The height of a line of text in points, with the space to the next."""
_CHARACTER = 5.3
"""The mean width of a character in points."""
_MARKER = 6.0
"""Half the space that a marker needs, in points."""


@final
@dataclass(frozen=True)
class Mark:
    """A place in data coordinates that gets a label: the last point of a line, or a marker."""

    x: float
    y: float
    text: str
    series: int


class _Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: _Box) -> bool:
        return self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top


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


def label_ends(axes: Axes, marks: Sequence[Mark]) -> None:
    """Write labels into the right margin, each with a thin line to its mark.

    The limits of the axes must be set before. Call it last.
    """
    height = max(1.0, _points_per_pixel(axes) * axes.get_window_extent().height)
    places = [float(axes.transAxes.inverted().transform(axes.transData.transform((mark.x, mark.y)))[1]) for mark in marks]
    places = [min(1.0, max(0.0, place)) for place in places]
    for mark, place in zip(marks, spread_apart(places, _LINE / height, 0.0, 1.0), strict=True):
        colour, (marker, _) = svg.choose_series_colour(mark.series), svg.choose_series_marker(mark.series)
        line = {
            "arrowstyle": "-",
            "color": colour,
            "alpha": 0.55,
            "linewidth": 0.9,
            "shrinkA": 0,
            "shrinkB": 2,
            "relpos": (0, 0.5),
        }
        axes.annotate(
            shorten_label(mark.text, MOST_CHARACTERS),
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


def label_points(axes: Axes, marks: Sequence[Mark], others: Sequence[Mark] = (), size: float = _SIZE) -> None:
    """Write a label beside each mark, where it meets neither a mark nor another label, nor `others` without a label.

    `size` is that of the text. A label that finds no room beside its mark stands farther away, with a line to it. The limits of
    the axes must be set before. Call it last.
    """
    points_per_pixel = _points_per_pixel(axes)
    _lay_out(axes)
    at = [axes.transData.transform((mark.x, mark.y)) * points_per_pixel for mark in (*marks, *others)]
    frame = _Box(*(float(edge) * points_per_pixel for edge in axes.get_window_extent().extents))
    taken = [_Box(x - _MARKER, y - _MARKER, x + _MARKER, y + _MARKER) for x, y in at]
    for mark, (x, y) in zip(marks, at[: len(marks)], strict=True):
        text = shorten_label(mark.text, MOST_CHARACTERS)
        wide = _CHARACTER * size / _SIZE * len(text)
        box = next(
            (box for box in _list_places(x, y, wide) if _is_within(box, frame) and not any(map(box.overlaps, taken))),
            _Box(x + _MARKER, y - _LINE / 2, x + _MARKER + wide, y + _LINE / 2),
        )
        taken.append(box)
        middle = (box.left + box.right) / 2 - x, (box.bottom + box.top) / 2 - y
        is_far = abs(middle[1]) > 2 * _LINE
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
            bbox={"facecolor": svg.PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
            arrowprops={"arrowstyle": "-", "color": svg.MUTED, "linewidth": 0.7, "shrinkB": 4} if is_far else None,
        ).set_in_layout(False)


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


def _list_places(x: float, y: float, wide: float) -> Iterator[_Box]:
    """Yield places for a label: beside the mark, above and below it, and then farther away."""
    for step in range(12):
        for side in (1, -1) if step else (1,):
            middle = y + side * step * _LINE
            for left in (x + _MARKER + 1, x - _MARKER - 1 - wide, x - wide / 2):
                if step or left != x - wide / 2:
                    yield _Box(left, middle - _LINE / 2, left + wide, middle + _LINE / 2)


def _is_within(box: _Box, frame: _Box) -> bool:
    return frame.left <= box.left and box.right <= frame.right and frame.bottom <= box.bottom and box.top <= frame.top


def find_room(labels: int) -> float:
    """Return the height in inches of axes that have room for so many labels in their margin."""
    return math.ceil(labels) * _LINE / 72.0
