"""The figures of the sweep report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator

from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import needs_log_scale, use_number_axis, use_percent_axis
from simasgd.report.facts.formats import choose_time_unit, format_number, format_percent, shorten_label
from simasgd.report.sweep.sweep_facts import ERROR, LOSS, SECONDS, Line, is_logarithmic, is_to_scale, place_values, shorten_key

if TYPE_CHECKING:
    from simasgd.sweeps.axes import Axis

MARKERS = (("o", "●"), ("s", "■"), ("^", "▲"), ("D", "◆"), ("v", "▼"), ("P", "✚"), ("X", "✖"), ("*", "★"))
"""Matplotlib's markers, and the same markers as text for a legend."""
_MAX_TICKS = 9


def draw_lines(found: Sequence[Line], axis: Axis, quantity: str, by_variant: bool) -> Figure:
    """Draw a quantity along an axis, with its range over the seeds as a band or as bars.

    Colours stand for variants if `by_variant` is true, otherwise for values of the other axes.
    """
    scale, _ = choose_scale(quantity, max(float(line.rows[quantity].max()) for line in found))
    with svg.open_figure(height=2.9) as figure:
        axes = figure.subplots()
        for line in _spread_apart(found, axis):
            _draw_line(axes, line, axis, quantity, scale, svg.choose_series_colour(line.variant if by_variant else line.other))
        tables = pd.concat([line.rows for line in found])
        # A test loss may be 0 in the end, and others beside it any number of decades apart.
        positive = quantity == LOSS or tables[f"{quantity}_low"].min() > 0
        _set_y_axis(axes, quantity, far_apart=bool(positive and needs_log_scale(tables[quantity])))
        _set_x_axis(axes, axis)
        return figure


def _draw_line(axes: Axes, line: Line, axis: Axis, quantity: str, scale: float, colour: str) -> None:
    rows = line.rows.dropna(subset=[quantity])
    at, middle, low, high = rows["x"], *(rows[column] / scale for column in (quantity, f"{quantity}_low", f"{quantity}_high"))
    marker = MARKERS[line.other % len(MARKERS)][0]
    if axis.numbers is None:
        axes.errorbar(at, middle, [middle - low, high - middle], fmt=marker, color=colour, markersize=7, elinewidth=1.6)
        return
    if (high > low).any():
        axes.fill_between(at, low, high, color=colour, alpha=0.13, linewidth=0)
    dash = svg.DASHES[(line.variant + line.other) % len(svg.DASHES)]
    sns.lineplot(x=at, y=middle, color=colour, ax=axes, errorbar=None, linestyle=dash)
    axes.plot(at, middle, marker, color=colour, markersize=5.5)


def _spread_apart(found: Sequence[Line], axis: Axis) -> list[Line]:
    """Move the lines apart if the axis has no numbers."""
    if axis.numbers is not None:
        return list(found)
    gap = min(0.12, 0.8 / len(found))
    return [
        line._replace(rows=line.rows.assign(x=line.rows["x"] + gap * (i - (len(found) - 1) / 2)))
        for i, line in enumerate(found)
    ]


def choose_scale(quantity: str, greatest: float) -> tuple[float, str]:
    """Return the number that a quantity is divided by, and its unit after that."""
    return choose_time_unit(greatest) if quantity == SECONDS else (1.0, "")


def _set_y_axis(axes: Axes, quantity: str, *, far_apart: bool) -> None:
    if quantity == ERROR:
        use_percent_axis(axes, logarithmic=far_apart)
    elif far_apart:
        use_number_axis(axes, logarithmic=True)
    if not far_apart:
        axes.set_ylim(0, None if axes.dataLim.ymax <= 0 else 1.06 * axes.dataLim.ymax)
    axes.set_ylabel("")


def _set_x_axis(axes: Axes, axis: Axis) -> None:
    values = list(place_values(axis).values())
    if axis.numbers is None:
        axes.set_xlim(-0.5, len(values) - 0.5)
    elif is_to_scale(axis) and is_logarithmic(axis):
        axes.set_xscale("log")
    step = -(-len(values) // _MAX_TICKS)
    axes.set_xticks(values[::step], [shorten_label(value, 16) for value in axis.values[::step]])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(shorten_key(axis) if axis.numbers is None or is_to_scale(axis) else f"{shorten_key(axis)} (not to scale)")


def draw_heat_map(table: pd.DataFrame, across: Axis, down: Axis, quantity: str, limits: tuple[float, float]) -> Figure:
    """Draw a quantity over two axes; cells without a number are hatched.

    `table` has a row for each cell, and the axes' keys and the quantity as columns. `limits` are those
    of the colours.
    """
    cells = table.pivot(index=down.key, columns=across.key, values=quantity)
    cells = cells.reindex(index=down.values, columns=across.values)
    scale, _ = choose_scale(quantity, limits[1])
    form = format_percent if quantity == ERROR else format_number
    texts = (cells / scale).map(lambda value: "" if np.isnan(value) else form(value))
    with svg.open_figure(height=0.75 + 0.42 * len(down.values)) as figure:
        axes = figure.subplots()
        low, high = limits
        colours = LogNorm(low, high, clip=True) if quantity == LOSS and 0.0 < 8.0 * low < high else Normalize(low, high)
        sns.heatmap(
            cells, ax=axes, cmap="cividis", norm=colours, cbar=False, linewidths=2, linecolor=svg.PAPER,
            annot=texts if len(across.values) <= _MAX_TICKS else False, fmt="", annot_kws={"fontsize": 9},
        )  # fmt: skip
        for row, column in zip(*np.nonzero(cells.isna().to_numpy()), strict=True):
            axes.add_patch(Rectangle((column, row), 1, 1, fill=False, hatch="////", edgecolor=svg.MUTED, linewidth=0))
        axes.set(xlabel=shorten_key(across), ylabel=shorten_key(down))
        axes.tick_params(length=0)
        axes.set_yticks(axes.get_yticks(), [shorten_label(value, 16) for value in down.values], rotation=0)
        axes.grid(visible=False)
        return figure
