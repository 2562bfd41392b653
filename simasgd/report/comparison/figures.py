"""The figures of a comparison: the times to the target, and the Pareto front."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from simasgd.report.comparison.comparison import SCORE, SECONDS, Comparison, Contender, find_point
from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import AXIS_SCALES, needs_log_scale, use_number_axis, use_percent_axis
from simasgd.report.facts.formats import shorten_label
from simasgd.report.facts.metric import ERROR, Metric
from simasgd.report.sweep.figures import MARKERS

_ROW = 0.46
_MAX_CHARACTERS = 40


def draw_reaches(contenders: Sequence[Contender], key: str, axis: str, shown: Callable[[float], str]) -> Figure:
    """A row for each variant: a dot for each seed that reached the target, a line from the least to the greatest, and a bar up
    to the mean.

    `axis` is a key of figures.AXES; `shown` says a value with its unit.
    """
    spreads = [one.spread(key) for one in contenders]
    size, label = AXIS_SCALES[axis](max(found.high for found in spreads if found is not None))
    with svg.open_figure(height=0.6 + _ROW * len(contenders)) as figure:
        axes = figure.subplots()
        for y, (one, found) in enumerate(zip(contenders, spreads, strict=True)):
            mean = "never" if found is None else f"{shown(found.mean)}{_count_seeds(one)}"
            _label_row(axes, y, f"{shorten_label(one.name, _MAX_CHARACTERS)}: {mean}")
            if found is not None:
                colour, values = svg.choose_series_colour(one.series), np.array(list(one.values(key).values())) / size
                axes.plot([0, found.mean / size], [y, y], color=colour, alpha=0.3, linewidth=5, solid_capstyle="butt")
                axes.plot([found.low / size, found.high / size], [y, y], color=colour, linewidth=1.6)
                axes.plot(values, np.full(len(values), y), "o", color=colour, markersize=5, clip_on=False)
        axes.set(xlim=(0, None), ylim=(len(contenders) - 0.6, -0.75), yticks=[], xlabel=label)
        axes.grid(visible=False)
        axes.grid(visible=True, axis="x")
        axes.xaxis.set_major_locator(MaxNLocator(6))
        return figure


def _count_seeds(one: Contender) -> str:
    return "" if one.reached == len(one.outcomes) else f" ({one.reached} of {len(one.outcomes)} seeds)"


def _label_row(axes: Axes, y: float, label: str) -> None:
    text = axes.text(0, y - 0.2, label, ha="left", va="bottom", fontsize=9.5)
    text.set_in_layout(False)  # a long label must not narrow the rows


def find_competitors(comparison: Comparison) -> list[Contender]:
    """Those who have a point among the Pareto figure's: a test error of 90 % would leave no room for the others."""
    return [one for one in comparison.contenders if not one.failure and find_point(one) is not None]


def draw_pareto(comparison: Comparison) -> Figure:
    """Final score against simulated time, with the range over the seeds; the front as steps, and who is not on it hollow."""
    drawn = find_competitors(comparison)
    seconds = [value for one in drawn for value in one.values(SECONDS).values()]
    scores = [value for one in drawn for value in one.values(SCORE).values()]
    size, label = AXIS_SCALES["seconds"](max(seconds))
    with svg.open_figure(height=3.1) as figure:
        axes = figure.subplots()
        _draw_front(axes, comparison, size)
        for one in drawn:
            _draw_marker(axes, one, size, one in comparison.front)
        _set_score_axis(axes, scores, comparison.metric)
        axes.set_xlim(*_find_limits([value / size for value in seconds]))
        axes.set_xlabel(label)
        return figure


def _draw_marker(axes: Axes, one: Contender, size: float, on_front: bool) -> None:
    score, seconds, colour = one.spread(SCORE), one.spread(SECONDS), svg.choose_series_colour(one.series)
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


def _draw_front(axes: Axes, comparison: Comparison, size: float) -> None:
    """From the front's soonest to its best: whoever lies above or right of it is dominated."""
    corners = np.array([at for one in comparison.front if (at := find_point(one)) is not None])
    if len(corners) > 1:
        axes.step(corners[:, 0] / size, corners[:, 1], where="post", color=svg.MUTED, linewidth=1.2, linestyle=svg.DASHES[1])


def _set_score_axis(axes: Axes, scores: Sequence[float], metric: Metric) -> None:
    far_apart = min(scores) > 0 and needs_log_scale(pd.Series(scores))
    if metric is ERROR:
        use_percent_axis(axes, logarithmic=far_apart)
    else:
        use_number_axis(axes, logarithmic=far_apart)
    if not far_apart:
        axes.set_ylim(*_find_limits(scores))


def _find_limits(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis on which the values have room, and small differences do not look large."""
    low, high = min(values), max(values)
    room = max(0.15 * (high - low), 0.12 * abs(high)) or 1.0
    return (max(0.0, low - room) if low >= 0.0 else low - room), high + room
