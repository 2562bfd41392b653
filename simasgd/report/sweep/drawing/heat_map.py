"""A heat map of a sweep: a quantity over two axes, with the settings that fail."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from simasgd.report.drawing import svg
from simasgd.report.facts.formats import choose_time_unit, format_number, format_percent
from simasgd.report.sweep.drawing.figures import set_ticks
from simasgd.report.sweep.drawing.labels import FONT
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.sweep_facts import ERROR, SECONDS, SettingRow
from simasgd.results.outcome import Outcome

_STRONGEST, _WEAKEST = 0.5, 0.06  # opacities; the text on both has enough contrast in light and in dark
_MOST_COLUMNS = 9
_WORDS = {
    Outcome.FAILED: "failed",
    Outcome.MISSING: "not run",
    Outcome.HUNG: "hung",
    Outcome.DIVERGED: "diverged",
    Outcome.APPLIED_NOTHING: "nothing",
    Outcome.FAILS: "fails",
}


def draw_heat_map(
    rows: pd.DataFrame, across: Dial, down: Dial, quantity: str, limits: tuple[float, float], best: Sequence[SettingRow]
) -> Figure:
    """Draw a quantity over two axes: the better, the stronger the colour.

    Cells that failed are hatched; where the sweep has no setting they are dotted.

    `limits` are the best and the worst value of all panels; the `best` settings have a frame.
    """
    with svg.open_figure(height=0.75 + 0.4 * len(down.values)) as figure:
        axes = figure.subplots()
        scale = choose_time_unit(max(limits))[0] if quantity == SECONDS else 1.0
        for y, row_value in enumerate(down.values):
            for x, value in enumerate(across.values):
                cell = rows[(rows[across.key] == value) & (rows[down.key] == row_value)]
                if len(cell):
                    _draw_cell(axes, x, y, cell.iloc[0], quantity, limits, scale, narrow=len(across.values) > _MOST_COLUMNS)
                else:
                    corner = (x + 0.03, y + 0.04)
                    axes.add_patch(Rectangle(corner, 0.94, 0.92, fill=False, hatch="..", edgecolor=svg.GRID, linewidth=0))
        for row in best:
            at = (across.values.index(row[across.key]) + 0.03, down.values.index(row[down.key]) + 0.04)
            axes.add_patch(Rectangle(at, 0.94, 0.92, fill=False, edgecolor=svg.INK, linewidth=2.2))
        ticks, rows_ticks = across.label_ticks(), down.label_ticks() if len(down.axis.keys) == 1 else down.labels
        axes.set(xlim=(0, len(across.values)), ylim=(len(down.values), 0))
        middles = [x + 0.5 for x in range(len(across.values))]
        set_ticks(axes, middles, [ticks[value] for value in across.values], is_numeric=across.axis.numbers is not None)
        axes.set_yticks([y + 0.5 for y in range(len(down.values))], [rows_ticks[value] for value in down.values])
        axes.set_xlabel(across.title, fontsize=FONT)
        axes.set_ylabel(down.title, fontsize=FONT)
        axes.tick_params(length=0, labelsize=FONT)
        axes.grid(visible=False)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        return figure


def _draw_cell(
    axes: Axes, x: int, y: int, row: pd.Series, quantity: str, limits: tuple[float, float], scale: float, *, narrow: bool
) -> None:
    value = float(row[quantity])
    corner = (x + 0.03, y + 0.04)
    if not row["sound"] or math.isnan(value):
        axes.add_patch(Rectangle(corner, 0.94, 0.92, fill=False, hatch="////", edgecolor=svg.GRID, linewidth=0))
        axes.add_patch(Rectangle(corner, 0.94, 0.92, fill=False, edgecolor=svg.MUTED, linewidth=0.6))
        outcome = str(row["outcome"]).partition(" (")[0]
        text = next((word for name, word in _WORDS.items() if name == outcome), "–")
    else:
        opacity = _WEAKEST + (_STRONGEST - _WEAKEST) * _grade(value, limits)
        axes.add_patch(Rectangle(corner, 0.94, 0.92, facecolor=svg.SERIES[0], alpha=opacity, linewidth=0))
        text = format_percent(value) if quantity == ERROR else format_number(value / scale)
    if not narrow:
        axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=FONT, color=svg.INK)


def _grade(value: float, limits: tuple[float, float]) -> float:
    """Return 1 for the best value, 0 for the worst; on a logarithmic scale where both are positive."""
    best, worst = limits
    if best == worst:
        return 1.0
    if best > 0 and worst > 0:
        best, worst, value = math.log(best), math.log(worst), math.log(max(value, 1e-300))
    return min(1.0, max(0.0, (worst - value) / (worst - best)))
