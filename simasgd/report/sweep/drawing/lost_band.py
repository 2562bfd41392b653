"""The band above a figure with the settings that did not finish or learn, whose values are no part of its axis."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from simasgd.report.drawing import svg
from simasgd.report.sweep.drawing.labels import FONT

_BOTTOM, _STEP = 1.1, 0.065
"""The lower edge of the band, and the height of each row in it, of the height of the axes."""


def find_level(row: int) -> float:
    """Return the height of a row of the band, in heights of the axes."""
    return _BOTTOM + (row + 0.5) * _STEP


def find_stretch(rows: int) -> float:
    """Return how much higher a figure is with a band of `rows` rows and its label, in heights of the axes."""
    return _BOTTOM + (rows + 1) * _STEP if rows else 1.0


def draw_lost(axes: Axes, rows: Sequence[tuple[Sequence[float], str]], words: str) -> None:
    """Draw a band above the axes with a row of crosses for each item, its places and its colour; `words` say what it is."""
    if not rows:
        return
    height = len(rows) * _STEP
    axes.add_patch(
        Rectangle(
            (0.0, _BOTTOM), 1.0, height, transform=axes.transAxes, clip_on=False, facecolor=svg.GRID, alpha=0.5, linewidth=0
        )
    )
    for row, (places, colour) in enumerate(rows):
        axes.plot(
            places, [find_level(row)] * len(places), "x", color=colour, markersize=5, markeredgewidth=1.5,
            transform=axes.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip
    axes.annotate(
        words, (0.0, _BOTTOM + height), xycoords="axes fraction", xytext=(0, 2), textcoords="offset points",
        color=svg.MUTED, fontsize=FONT, ha="left", va="bottom", annotation_clip=False,
    )  # fmt: skip
