"""The figures of advice: the finalists' costs, and the map of all candidates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator

from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import label_row, scale_axis
from simasgd.report.drawing.labels import LabelAnchor, label_points
from simasgd.report.facts.formats import choose_learner_time_unit, choose_time_unit, shorten_label

_MOST_CHARACTERS = 62
FONT = 10.5
_NEAR, _APART = 0.025, 0.16
"""Dots nearer than the first, of the greatest cost, lie on each other, and are moved apart by the second, in rows."""
_STEPS = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0))
_FEWEST_TICKS = 4
"""The ticks of a logarithmic axis are the first of the steps that give so many."""


class CostRow(NamedTuple):
    """A finalist: its name, its costs at the seeds (s or learner-hours), and whether it leads."""

    name: str
    costs: Sequence[float]
    leads: bool


class MapPoint(NamedTuple):
    """A candidate on the map: seconds per epoch, epochs to the target, whether these are foretold, and a label ("": none).

    A candidate that `leads` has a larger dot in a colour.
    """

    seconds_per_epoch: float
    epochs: float
    foretold: bool
    label: str
    leads: bool


def draw_costs(axes: Axes, rows: Sequence[CostRow], *, is_time: bool) -> None:
    """Draw a row for each finalist: its mean as a bar, its range as a line, its seeds as dots.

    Dots that would lie on each other stand one above the other.
    """
    greatest = max(max(row.costs) for row in rows)
    size, title = scale_axis("seconds", greatest) if is_time else choose_learner_time_unit(greatest)
    for y, row in enumerate(rows):
        label_row(axes, y, shorten_label(row.name, _MOST_CHARACTERS), 0.2)
        colour = svg.choose_series_colour(0 if row.leads else 1)
        values = [cost / size for cost in row.costs]
        mean = math.fsum(values) / len(values)
        axes.plot([0, mean], [y, y], color=colour, alpha=0.3, linewidth=5, solid_capstyle="butt")
        axes.plot([min(values), max(values)], [y, y], color=colour, linewidth=1.6)
        heights = [y + shift for shift in stack_dots(values, _NEAR * greatest / size)]
        axes.plot(values, heights, "o" if row.leads else "s", color=colour, markersize=5, clip_on=False)
    axes.set(xlim=(0, None), ylim=(len(rows) - 0.6, -0.75), yticks=[], xlabel=title)
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(6))


def stack_dots(values: Sequence[float], near: float) -> list[float]:
    """Return how far each dot is moved down from its row, in rows: dots nearer than `near` stand around the row's middle."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    groups: list[list[int]] = []
    for i in order:
        if groups and values[i] - values[groups[-1][0]] < near:
            groups[-1].append(i)
        else:
            groups.append([i])
    moved = [0.0] * len(values)
    for group in groups:
        for place, i in enumerate(group):
            moved[i] = _APART * (place - (len(group) - 1) / 2)
    return moved


def draw_map(axes: Axes, places: Sequence[MapPoint], best: MapPoint | None) -> None:
    """Draw the candidates by their seconds per epoch and their epochs, both logarithmic.

    Along a dashed line, which passes through the best, the time to the target is the same.
    """
    size, unit = choose_time_unit(max(place.seconds_per_epoch for place in places))
    across, up = ([getattr(place, name) for place in places] for name in ("seconds_per_epoch", "epochs"))
    for place in places:
        colour = svg.choose_series_colour(0 if place is best else 1) if place.leads else svg.MUTED
        width, filling = 8.0 if place.leads else 4.5, "none" if place.foretold else colour
        at = place.seconds_per_epoch / size
        axes.plot(at, place.epochs, "o", color=colour, markersize=width, alpha=0.85, markerfacecolor=filling)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(min(across) / size / 1.35, max(across) / size * 1.35)
    axes.set_ylim(min(up) / 1.35, max(up) * 1.6)
    if best is not None:
        time = best.seconds_per_epoch / size * best.epochs
        ends = axes.get_xlim()
        axes.plot(
            ends,
            [time / end for end in ends],
            color=svg.MUTED,
            linestyle=svg.DASHES[1],
            linewidth=1.2,
            scalex=False,
            scaley=False,
        )
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        ticks = list_ticks(low, high)
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel(f"simulated time of an epoch ({unit}, log scale)", fontsize=FONT)
    axes.set_ylabel("epochs to the target (log scale)", fontsize=FONT)
    axes.tick_params(labelsize=FONT)
    axes.grid(visible=True, axis="both")
    others = [LabelAnchor(place.seconds_per_epoch / size, place.epochs, "", 0) for place in places]
    named = [LabelAnchor(place.seconds_per_epoch / size, place.epochs, place.label, 0) for place in places if place.label]
    label_points(axes, named, others, FONT)


def list_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from `low` to `high` for a logarithmic axis: few, but several even on a short axis."""
    for steps in _STEPS:
        ticks = [step * 10.0**power for power in range(-6, 9) for step in steps if low <= step * 10.0**power <= high]
        if len(ticks) >= _FEWEST_TICKS:
            break
    return ticks
