"""The figures of a comparison: the times to the target, and the Pareto front."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from simasgd.report.comparison.comparison import SCORE, SECONDS, Comparison, Contender, point
from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import AXES, number_axis, percent_axis, spans
from simasgd.report.facts.metric import ERROR, Metric
from simasgd.report.facts.words import shortened
from simasgd.report.sweep.figures import MARKERS

_ROW = 0.46
_MOST_CHARACTERS = 40


def reaches(contenders: Sequence[Contender], key: str, axis: str, shown: Callable[[float], str]) -> Figure:
    """A row for each variant: a dot for each seed that reached the target, a line from the least to the greatest, and a bar up
    to the mean.

    `axis` is a key of figures.AXES; `shown` says a value with its unit.
    """
    spreads = [one.spread(key) for one in contenders]
    size, label = AXES[axis](max(found.high for found in spreads if found is not None))
    with svg.drawing(height=0.6 + _ROW * len(contenders)) as figure:
        axes = figure.subplots()
        for y, (one, found) in enumerate(zip(contenders, spreads, strict=True)):
            mean = "never" if found is None else f"{shown(found.mean)}{_how_many(one)}"
            _row_label(axes, y, f"{shortened(one.name, _MOST_CHARACTERS)}: {mean}")
            if found is not None:
                colour, values = svg.series(one.series), np.array(list(one.values(key).values())) / size
                axes.plot([0, found.mean / size], [y, y], color=colour, alpha=0.3, linewidth=5, solid_capstyle="butt")
                axes.plot([found.low / size, found.high / size], [y, y], color=colour, linewidth=1.6)
                axes.plot(values, np.full(len(values), y), "o", color=colour, markersize=5, clip_on=False)
        axes.set(xlim=(0, None), ylim=(len(contenders) - 0.6, -0.75), yticks=[], xlabel=label)
        axes.grid(visible=False)
        axes.grid(visible=True, axis="x")
        axes.xaxis.set_major_locator(MaxNLocator(6))
        return figure


def _how_many(one: Contender) -> str:
    return "" if one.reached == len(one.outcomes) else f" ({one.reached} of {len(one.outcomes)} seeds)"


def _row_label(axes: Axes, y: float, label: str) -> None:
    text = axes.text(0, y - 0.2, label, ha="left", va="bottom", fontsize=9.5)
    text.set_in_layout(False)  # a long label must not narrow the rows


def competitors(comparison: Comparison) -> list[Contender]:
    """Those who have a point among the Pareto figure's: a test error of 90 % would leave no room for the others."""
    return [one for one in comparison.contenders if not one.failure and point(one) is not None]


def pareto(comparison: Comparison) -> Figure:
    """Final score against simulated time, with the range over the seeds; the front as steps, and who is not on it hollow."""
    drawn = competitors(comparison)
    seconds = [value for one in drawn for value in one.values(SECONDS).values()]
    scores = [value for one in drawn for value in one.values(SCORE).values()]
    size, label = AXES["seconds"](max(seconds))
    with svg.drawing(height=3.1) as figure:
        axes = figure.subplots()
        _steps(axes, comparison, size)
        for one in drawn:
            _marked(axes, one, size, one in comparison.front)
        _score_axis(axes, scores, comparison.metric)
        axes.set_xlim(*_around([value / size for value in seconds]))
        axes.set_xlabel(label)
        return figure


def _marked(axes: Axes, one: Contender, size: float, on_front: bool) -> None:
    score, seconds, colour = one.spread(SCORE), one.spread(SECONDS), svg.series(one.series)
    assert score is not None
    assert seconds is not None
    axes.errorbar(
        seconds.mean / size,
        score.mean,
        xerr=[[(seconds.mean - seconds.low) / size], [(seconds.high - seconds.mean) / size]],
        yerr=[[score.mean - score.low], [score.high - score.mean]],
        fmt=MARKERS[one.series % len(MARKERS)][0],
        color=colour,
        markersize=8,
        markerfacecolor=colour if on_front else svg.PAPER,
        markeredgewidth=1.6,
        elinewidth=1.4,
        zorder=3,
    )


def _steps(axes: Axes, comparison: Comparison, size: float) -> None:
    """From the front's soonest to its best: whoever lies above or right of it is dominated."""
    corners = np.array([at for one in comparison.front if (at := point(one)) is not None])
    if len(corners) > 1:
        axes.step(corners[:, 0] / size, corners[:, 1], where="post", color=svg.MUTED, linewidth=1.2, linestyle=svg.DASHES[1])


def _score_axis(axes: Axes, scores: Sequence[float], metric: Metric) -> None:
    far_apart = min(scores) > 0 and spans(pd.Series(scores))
    if metric is ERROR:
        percent_axis(axes, logarithmic=far_apart)
    else:
        number_axis(axes, logarithmic=far_apart)
    if not far_apart:
        axes.set_ylim(*_around(scores))


def _around(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis on which the values have room, and small differences do not look large."""
    low, high = min(values), max(values)
    room = max(0.15 * (high - low), 0.12 * abs(high)) or 1.0
    return (max(0.0, low - room) if low >= 0.0 else low - room), high + room
