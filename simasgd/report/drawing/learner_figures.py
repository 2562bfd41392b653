"""Figures of single learners: their speed, their waiting, and what becomes of their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import ROW
from simasgd.report.facts.formats import NBSP, format_number

_MOST_NAMED = 24
"""The most learners that have a bar with their number."""
_MOST_SOLID = 40
_STRIP = 2.6
_NAME = 0.78, 0.2
"""Where a row's name stands above the row: from and to, in rows."""


class Quantity(NamedTuple):
    """A quantity of a learner: a column of the table, a title of a line or two, and whether it is a share or a count."""

    column: str
    title: str
    is_share: bool = False
    is_count: bool = False


def measure_learners(learners: int) -> float:
    """Return the height in inches of a figure of so many learners."""
    return 0.75 + (0.21 * learners if learners <= _MOST_NAMED else _STRIP)


def draw_learners(columns: Sequence[Axes], table: pd.DataFrame, quantities: Sequence[Quantity], colour: str) -> None:
    """Draw each quantity of every learner into axes of its own, side by side.

    `table` has a row for each learner, in the order of the figure. Few learners have a bar and a
    number each. Many are a strip: each quantity from its largest value down, so that its shape shows.
    """
    is_strip = len(table) > _MOST_NAMED
    for number, (axes, quantity) in enumerate(zip(columns, quantities, strict=True)):
        values = table[quantity.column].astype(float)
        if is_strip:
            ordered = values.fillna(0.0).sort_values(ascending=False).to_numpy()
            axes.fill_betweenx(np.arange(len(ordered)), ordered, color=colour, alpha=0.75, linewidth=0, step="mid")
            axes.axvline(float(values.median()), color=svg.INK, linestyle=svg.DASHES[1], linewidth=1.1)
            axes.set_yticks([0, len(ordered) - 1], ["most", "least"] if number == 0 else ["", ""])
        else:
            axes.barh(np.arange(len(values)), values.fillna(0.0), height=0.72, color=colour, alpha=0.75, linewidth=0)
            names = [str(int(learner)) for learner in table["learner"]] if number == 0 else [""] * len(table)
            axes.set_yticks(np.arange(len(values)), names)
        axes.set_ylim(len(table) - 0.4, -0.6)
        _set_quantity_axis(axes, quantity, float(values.max()))
    columns[0].set_ylabel("learners, sorted" if is_strip else "learner")


class LearnersOf(NamedTuple):
    """The learners of a variant: a table with a row for each."""

    name: str
    series: int
    table: pd.DataFrame


def measure_dots(variants: int) -> float:
    """Return the height in inches of a figure of the learners of so many variants."""
    return 0.75 + 0.8 * ROW * variants


def draw_learner_dots(columns: Sequence[Axes], variants: Sequence[LearnersOf], quantities: Sequence[Quantity]) -> None:
    """Draw each quantity into axes of its own, side by side: a row for each variant, and a dot for each learner.

    A variant's name stands above its row, across all axes, whose grids leave room for it.
    """
    columns[0].set_zorder(1)  # names are drawn last, because they go on into the other axes
    for number, (axes, quantity) in enumerate(zip(columns, quantities, strict=True)):
        greatest = 0.0
        for y, (name, series, table) in enumerate(variants):
            values = table[quantity.column].astype(float).dropna()
            colour, (marker, _) = svg.choose_series_colour(series), svg.choose_series_marker(series)
            greatest = max(greatest, float(values.max()) if len(values) else 0.0)
            if len(values):
                axes.plot([values.min(), values.max()], [y, y], color=colour, linewidth=1.2, alpha=0.5)
            alpha = 0.85 if len(values) <= _MOST_SOLID else 0.25
            axes.plot(values, np.full(len(values), y), marker, color=colour, alpha=alpha, markersize=5, clip_on=False)
            axes.axhspan(y - _NAME[0], y - _NAME[1], color=svg.PAPER, linewidth=0, zorder=0.9)
            if number == 0:
                text = axes.text(0, y - 0.22, name, va="bottom", fontsize=9.5, transform=axes.get_yaxis_transform())
                text.set_in_layout(False)
        axes.set(ylim=(len(variants) - 0.5, -0.75), yticks=[])
        _set_quantity_axis(axes, quantity, greatest)


def _set_quantity_axis(axes: Axes, quantity: Quantity, greatest: float) -> None:
    axes.set_xlim(0.0, 1.04 * greatest or 1.0)
    axes.set_title(quantity.title, fontsize=9.2, loc="left")
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(2 if quantity.is_share or greatest >= 1000 else 3, integer=quantity.is_count))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{100 * value:.3g}{NBSP}%" if quantity.is_share else format_number(value))
    )
