"""The figures of a comparison: the times to the target, and the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from simasgd.report.comparison.comparison import MetricComparison
from simasgd.report.comparison.contenders import SCORE, SECONDS, TIME_TO_TARGET, Contender, find_point
from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import label_row, scale_axis
from simasgd.report.drawing.labels import LabelAnchor, label_points
from simasgd.report.drawing.value_axes import needs_log_scale, use_number_axis, use_percent_axis
from simasgd.report.facts.formats import count_seeds, format_duration, shorten_label
from simasgd.report.facts.metric import ERROR, Metric

_MAX_CHARACTERS = 40


def draw_reaches(axes: Axes, contenders: Sequence[Contender], time: str) -> None:
    """Draw a row for each variant, the fastest on top: its mean as a bar, its range as a line, its seeds as dots.

    Only seeds that reached the target have a dot. `time` is the name of the seconds.
    """
    contenders = sort_by_reach(contenders)
    spreads = [contender.spread(TIME_TO_TARGET) for contender in contenders]
    size, label = scale_axis("seconds", max(spread.high for spread in spreads if spread is not None), time)
    for y, (contender, spread) in enumerate(zip(contenders, spreads, strict=True)):
        seeds = count_seeds(contender.reached, len(contender.outcomes))
        mean = f"not {contender.end}" if spread is None else f"{format_duration(spread.mean)}{seeds}"
        label_row(axes, y, f"{shorten_label(contender.name, _MAX_CHARACTERS)}: {mean}", 0.2)
        if spread is not None:
            colour = svg.choose_series_colour(contender.series)
            values = np.array(list(contender.values(TIME_TO_TARGET).values())) / size
            axes.plot([0, spread.mean / size], [y, y], color=colour, alpha=0.3, linewidth=5, solid_capstyle="butt")
            axes.plot([spread.low / size, spread.high / size], [y, y], color=colour, linewidth=1.6)
            marker, _ = svg.choose_series_marker(contender.series)
            axes.plot(values, np.full(len(values), y), marker, color=colour, markersize=5, clip_on=False)
    axes.set(xlim=(0, None), ylim=(len(contenders) - 0.6, -0.75), yticks=[], xlabel=label)
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(6))


def sort_by_reach(contenders: Sequence[Contender]) -> list[Contender]:
    """Return the variants by their mean time to the target, those that never reach it last."""

    def find_mean(contender: Contender) -> float:
        spread = contender.spread(TIME_TO_TARGET)
        return inf if spread is None else spread.mean

    return sorted(contenders, key=find_mean)


def find_competitors(comparison: MetricComparison) -> list[Contender]:
    """Return the variants with a point in the Pareto figure.

    A variant that fails is left out: its test error of 90 % would leave no room for the others.
    """
    return [contender for contender in comparison.contenders if not contender.failure and find_point(contender) is not None]


def draw_pareto(axes: Axes, comparison: MetricComparison) -> None:
    """Draw the final score against the time, with the range over the seeds and the names of the variants.

    The front is drawn as steps; the markers of variants that are not on it are hollow.
    """
    drawn = find_competitors(comparison)
    seconds = [value for contender in drawn for value in contender.values(SECONDS).values()]
    scores = [value for contender in drawn for value in contender.values(SCORE).values()]
    size, label = scale_axis("seconds", max(seconds), comparison.time)
    for contender in drawn:
        _draw_marker(axes, contender, size, contender in comparison.front)
    _set_score_axis(axes, scores, comparison.metric)
    axes.set_xlim(*_find_limits([value / size for value in seconds]))
    axes.set_xlabel(label)
    _draw_front(axes, comparison, size)
    label_points(axes, [_mark(contender, size) for contender in drawn])


def _mark(contender: Contender, size: float) -> LabelAnchor:
    """Return a variant's point with its bars over the seeds."""
    score, seconds = contender.spread(SCORE), contender.spread(SECONDS)
    assert score is not None
    assert seconds is not None
    bar = (seconds.low / size, score.low, seconds.high / size, score.high)
    return LabelAnchor(seconds.mean / size, score.mean, contender.name, contender.series, bar)


def _draw_marker(axes: Axes, contender: Contender, size: float, on_front: bool) -> None:
    score, seconds, colour = contender.spread(SCORE), contender.spread(SECONDS), svg.choose_series_colour(contender.series)
    assert score is not None
    assert seconds is not None
    axes.errorbar(
        seconds.mean / size,
        score.mean,
        xerr=[[(seconds.mean - seconds.low) / size], [(seconds.high - seconds.mean) / size]],
        yerr=[[score.mean - score.low], [score.high - score.mean]],
        fmt=svg.choose_series_marker(contender.series)[0],
        color=colour,
        markersize=8,
        markerfacecolor=colour if on_front else svg.PAPER,
        markeredgewidth=1.6,
        elinewidth=1.4,
        zorder=3,
    )


def _draw_front(axes: Axes, comparison: MetricComparison, size: float) -> None:
    """Draw the front as steps between the edges of the axes; every point above or right of it is dominated."""
    corners: list[tuple[float, float]] = []
    for contender in comparison.front:
        at = find_point(contender)
        if at is not None and (not corners or at[1] < corners[-1][1]):  # of those that tie, the first
            corners.append(at)
    if not corners:
        return
    (_, right), (_, top) = axes.get_xlim(), axes.get_ylim()
    x = [corners[0][0] / size, *(seconds / size for seconds, _ in corners), right]
    y = [top, *(score for _, score in corners), corners[-1][1]]
    axes.step(x, y, where="post", color=svg.MUTED, linewidth=1.2, linestyle=svg.DASHES[1], zorder=2)


def _set_score_axis(axes: Axes, scores: Sequence[float], metric: Metric) -> None:
    far_apart = min(scores) > 0 and needs_log_scale(pd.Series(scores))
    if metric is ERROR:
        use_percent_axis(axes, logarithmic=far_apart)
    else:
        use_number_axis(axes, logarithmic=far_apart)
    axes.set_ylabel(f"final {metric.name}{' (logarithmic axis)' if far_apart else ''}")
    if not far_apart:
        axes.set_ylim(*_find_limits(scores))


def _find_limits(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis that leave room, and do not make small differences look large."""
    low, high = min(values), max(values)
    room = max(0.15 * (high - low), 0.12 * abs(high)) or 1.0
    return (max(0.0, low - room) if low >= 0.0 else low - room), high + room
