"""Labels at the ends of lines, which do not overlap: ink, for the contrast, beside the line's marker."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from matplotlib.axes import Axes

from simasgd.report.drawing import svg
from simasgd.report.drawing.labels import spread_apart

FONT = 10.5
"""The size of texts in figures of a sweep, in px of a figure that is 338 px wide."""
_GAP = 0.085  # between labels, of the height of the axes


class EndLabel(NamedTuple):
    """A label, its line's colour and marker, and where that ends in data coordinates.

    A line without an `end` has its label at a `height`, in heights of the axes.
    """

    text: str
    colour: str
    marker: str
    end: tuple[float, float] | None
    height: float = 1.0


def write_end_labels(axes: Axes, labels: Sequence[EndLabel], stretch: float = 1.0) -> None:
    """Write labels to the right of the axes, at the heights of their lines' ends. The limits must be set before.

    `stretch` is the height of the figure above the axes' line, in heights of the axes.
    """
    to_share = axes.transLimits.transform
    scale = axes.transScale.transform
    heights = [label.height if label.end is None else float(to_share(scale(label.end))[1]) for label in labels]
    for label, height, place in zip(labels, heights, spread_apart(heights, _GAP * stretch, -inf, inf), strict=True):
        axes.annotate(
            label.text,
            xy=(1.0, height),
            xytext=(1.075, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=svg.INK,
            fontsize=FONT,
            va="center",
            ha="left",
            annotation_clip=False,
        )
        axes.plot(1.045, place, label.marker, color=label.colour, markersize=5, transform=axes.transAxes, clip_on=False)
