"""Curves of test error, loss or distance against time, epochs or bytes."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import SIMULATED_TIME, draw_seams, scale_axis
from simasgd.report.drawing.labels import LabelAnchor, find_room, label_ends, label_level
from simasgd.report.drawing.value_axes import use_number_axis, use_percent_axis
from simasgd.report.facts.metric import ERROR, Metric
from simasgd.report.facts.tables import SeamTimes

_DENSE = 8
"""The fewest evaluations that a line joins; fewer are drawn as steps."""
_MARKED = 40
"""The most evaluations of a line that each have a marker."""
_LEAST_ROOM = 2.0
"""The least end of the axis, in the best final value."""
_ABOVE = 1.5
"""The axis is cut only if a curve begins above this multiple of the axis's end."""
_DECADES_APART = 30.0
"""The ratio of the final values from which the axis is logarithmic."""
_LINE_CHARACTERS = 52
_SEAMS = {"seconds": 1, "epoch": 2}
"""Where a seam has its place on an axis."""


def measure_curves(table: pd.DataFrame) -> float:
    """Return the height in inches of a figure for these curves."""
    return max(2.9, 1.0 + find_room(list(table["variant"].unique())))


def draw_curves(
    axes: Axes,
    table: pd.DataFrame,
    x: str,
    metric: Metric,
    *,
    time: str = SIMULATED_TIME,
    failed: Collection[int] = (),
    target: float | None = None,
    seams: Sequence[SeamTimes] = (),
) -> None:
    """Draw the metric against `x` (seconds, epoch or bytes), with its range over the seeds.

    `table` comes from `tables.tabulate_curves`; `time` is the name of the seconds. The series in
    `failed` are named above the axes instead of drawn, if any other is drawn. `target` is a value of
    the metric to mark, and `seams` are where runs were continued. A line joins many evaluations; where
    there are few, steps show the last value known. The axis shows how the curves end. If it ends below
    the first values, a note says so.
    """
    drawn = table[~table["series"].isin(failed)]
    drawn = table if drawn.empty else drawn
    size, label = scale_axis(x, float(drawn[x].max()), time)
    hidden = find_hidden(drawn, x)
    for series, rows in drawn.groupby("series"):
        _draw_curve(axes, rows[x] / size, rows, int(series), is_hidden=series in hidden)
    axes.set_xlim(0, float(drawn[x].max()) / size or 1.0)
    axes.set_xlabel(label)
    notes = [_name_failures(table, drawn, metric), _set_axis(axes, drawn, metric, target)]
    lines = [line for note in filter(None, notes) for line in textwrap.wrap(note, _LINE_CHARACTERS)]
    if lines:
        axes.set_title("\n".join(lines), loc="left", fontsize=9.2, color=svg.MUTED)
    if target is not None:
        axes.axhline(target, color=svg.MUTED, linewidth=1.0, linestyle=svg.DASHES[1], zorder=1)
    if x in _SEAMS:
        draw_seams(axes, [seam[_SEAMS[x]] / size for seam in seams if seam[0] in set(drawn["series"])])
    if drawn["series"].nunique() > 1:
        last = [rows.iloc[-1] for _, rows in drawn.groupby("series")]
        label_ends(axes, [LabelAnchor(row[x] / size, row["value"], row["variant"], int(row["series"])) for row in last])
    if target is not None:
        label_level(axes, target, f"target {metric.format_value(target)}")


def find_hidden(drawn: pd.DataFrame, x: str) -> set[int]:
    """Return the series that a later one covers, because both have the same points within a hundredth of the axes."""
    curves = [(int(series), rows[[x, "value"]].to_numpy(dtype=float)) for series, rows in drawn.groupby("series")]
    room = drawn[[x, "value"]].max().to_numpy(dtype=float) / 100.0
    return {
        series
        for i, (series, points) in enumerate(curves)
        if any(points.shape == other.shape and bool((abs(points - other) <= room).all()) for _, other in curves[i + 1 :])
    }


def _draw_curve(axes: Axes, at: pd.Series, rows: pd.DataFrame, series: int, *, is_hidden: bool) -> None:
    """Draw a curve; one that another covers is wide, so that it shows on both sides of the other."""
    colour, (marker, _) = svg.choose_series_colour(series), svg.choose_series_marker(series)
    is_dense = len(rows) >= _DENSE
    has_range = bool((rows["seeds"] > 1).any())
    if is_hidden:
        axes.plot(at, rows["value"], color=colour, linewidth=6.5, alpha=0.45, solid_capstyle="round")
    elif is_dense:
        sns.lineplot(x=at, y=rows["value"], color=colour, linewidth=1.7, estimator=None, ax=axes)
    else:
        axes.step(at, rows["value"], where="post", color=colour, linewidth=1.1, alpha=0.45)
    if len(rows) <= _MARKED and not is_hidden:
        axes.plot(at, rows["value"], marker, color=colour, markersize=3.4 if is_dense else 5.5, linestyle="none")
    if has_range and is_dense:
        axes.fill_between(at, rows["low"], rows["high"], color=colour, alpha=0.16, linewidth=0)
    elif has_range:
        axes.vlines(at, rows["low"], rows["high"], color=colour, linewidth=1.3)
    axes.plot(at.iloc[-1:], rows["value"].iloc[-1:], marker, color=colour, markersize=9.5 if is_hidden else 5.5, clip_on=False)


def _name_failures(table: pd.DataFrame, drawn: pd.DataFrame, metric: Metric) -> str:
    """Return the names and final values of the curves that are not drawn."""
    rest = table[~table["series"].isin(drawn["series"])]
    names = [f"{name} ({metric.format_value(rows['value'].iloc[-1])})" for name, rows in rest.groupby("variant", sort=False)]
    return f"Not drawn, because they did not finish or learn: {', '.join(names)}" if names else ""


def _set_axis(axes: Axes, drawn: pd.DataFrame, metric: Metric, target: float | None) -> str:
    """Set the vertical axis; return what it does not show, or that it is logarithmic."""
    last = drawn.groupby("series")["value"].last()
    least = float(drawn["low"].min())
    is_logarithmic = metric is not ERROR and least >= 0.0 and bool(last.max() > _DECADES_APART * max(last.min(), 0.0))
    is_logarithmic |= metric is not ERROR and least > 0.0 and float(drawn["value"].max()) > _DECADES_APART**2 * least
    use_axis = use_percent_axis if metric is ERROR else use_number_axis
    use_axis(axes, logarithmic=is_logarithmic)
    axes.set_ylabel(f"{metric.name}{' (logarithmic axis)' if is_logarithmic else ''}")
    ceiling = find_ceiling(drawn, target)
    if is_logarithmic or least < 0.0 or ceiling is None:
        return ""
    axes.set_ylim(0.0, ceiling)
    first = drawn.groupby("series")["value"].first()
    between = " to ".join(dict.fromkeys(metric.format_value(float(end)) for end in (first.min(), first.max())))
    return (
        f"The axis is cut: the first value is {between}"
        if " to " not in between
        else f"The axis is cut: first values are {between}"
    )


def find_ceiling(drawn: pd.DataFrame, target: float | None) -> float | None:
    """Return the end of an axis that shows how the curves end; None if it shows everything.

    It is a quarter above the worst final value, and at least twice the best one or the target.
    """
    last = drawn.groupby("series")["high"].last()
    ceiling = max(1.25 * float(last.max()), _LEAST_ROOM * float(last.min()), 2.0 * (target or 0.0))
    return ceiling if 0.0 < ceiling * _ABOVE < float(drawn["high"].max()) else None
