"""Labels beside lines and points, in place of a legend, moved apart where they would overlap."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, final

from matplotlib.axes import Axes

from simasgd.report.drawing import svg
from simasgd.report.facts.formats import shorten_label

MOST_CHARACTERS = 18
"""The longest line of a label beside a curve; longer names take two lines."""
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


def wrap_label(name: str) -> str:
    """Return a name in at most two lines; a longer one is cut."""
    first, *rest = textwrap.wrap(name, MOST_CHARACTERS) or [name]
    return "\n".join([first, shorten_label(name[len(first) :].strip(), MOST_CHARACTERS)]) if rest else first


def label_ends(axes: Axes, marks: Sequence[Mark]) -> None:
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
        text = wrap_label(mark.text)
        lines = text.split("\n")
        wide, high = _CHARACTER * size / _SIZE * max(map(len, lines)), _LINE * len(lines)
        box = next(
            (box for box in _list_places(x, y, wide, high) if _is_within(box, frame) and not any(map(box.overlaps, taken))),
            _Box(x + _MARKER, y - high / 2, x + _MARKER + wide, y + high / 2),
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
            arrowprops={"arrowstyle": "-", "color": svg.MUTED, "linestyle": (0, (0.8, 2.2)), "linewidth": 0.9, "shrinkB": 6}
            if is_far
            else None,
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


def _list_places(x: float, y: float, wide: float, high: float) -> Iterator[_Box]:
    """Yield places for a label: beside the mark, above and below it, and then farther away."""
    for step in range(12):
        for side in (1, -1) if step else (1,):
            middle = y + side * (step * _LINE + (high - _LINE) / 2 * (step > 0))
            for left in (x + _MARKER + 1, x - _MARKER - 1 - wide, x - wide / 2):
                if step or left != x - wide / 2:
                    yield _Box(left, middle - high / 2, left + wide, middle + high / 2)


def _is_within(box: _Box, frame: _Box) -> bool:
    return frame.left <= box.left and box.right <= frame.right and frame.bottom <= box.bottom and box.top <= frame.top


def find_room(names: Sequence[str]) -> float:
    """Return the height in inches of axes that have room for labels with these names in their margin."""
    lines = max((1 + wrap_label(name).count("\n") for name in names), default=1)
    return len(names) * lines * _LINE / 72.0
