"""The figure of the error against the time of settings, with the front and the settings worth naming."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simasgd.report.drawing import svg
from simasgd.report.drawing.labels import LabelAnchor, label_points
from simasgd.report.drawing.value_axes import needs_log_scale, use_number_axis, use_percent_axis
from simasgd.report.facts.formats import choose_time_unit
from simasgd.report.sweep.drawing.figures import find_score_limits, name_scale, set_time_axis
from simasgd.report.sweep.drawing.labels import FONT
from simasgd.report.sweep.drawing.lost_band import draw_lost
from simasgd.report.sweep.facts.front import find_front
from simasgd.report.sweep.facts.sweep_facts import ERROR, SECONDS, SettingRow, get_spread

_STEPS = 24
"""The points of a step of the front that labels keep clear of."""


class LabelledSetting(NamedTuple):
    """A setting with its label, and whether it is the one to use."""

    row: SettingRow
    label: str
    is_best: bool


class LostSettings(NamedTuple):
    """The simulated seconds of settings that did not finish or learn, and in words what befell them."""

    seconds: Sequence[float]
    words: str


def draw_trade_off(
    rows: Sequence[SettingRow],
    named: Sequence[LabelledSetting],
    every: Sequence[SettingRow],
    measure: str,
    title: str,
    lost: LostSettings,
) -> Figure:
    """Draw the error of settings against their simulated time, with the front as a staircase.

    `named` are settings with labels of a word or two, and bars over the seeds. The axes have room for `every` setting of all
    panels, so that panels compare. Those that are `lost` are crosses in a band above the axes.
    """
    times = [*(float(row[SECONDS]) for row in every), *lost.seconds]
    size, unit = choose_time_unit(max(times))
    with svg.open_figure(height=3.1) as figure:
        axes = figure.subplots()
        for row in rows:
            axes.plot(row[SECONDS] / size, row[measure], "o", color=svg.MUTED, markersize=4, alpha=0.75)
        draw_lost(axes, [([second / size for second in lost.seconds], svg.MUTED)] if lost.seconds else [], lost.words)
        corners = [(row[SECONDS] / size, row[measure]) for row in find_front(rows, measure)]
        _draw_staircase(axes, corners)
        for one in named:
            _draw_named(axes, one, measure, size)
        far_apart = _set_score_axis(axes, every, measure)
        is_logarithmic = set_time_axis(axes, [second / size for second in times])
        axes.set_xlabel(f"simulated time ({unit}{', log scale' if is_logarithmic else ''})", fontsize=FONT)
        axes.set_ylabel(name_scale(title) if far_apart else title, fontsize=FONT)
        axes.tick_params(labelsize=FONT)
        others = [LabelAnchor(row[SECONDS] / size, row[measure], "", 0) for row in rows]
        label_points(axes, [_mark(one, measure, size) for one in named], [*others, *_list_steps(corners)], FONT)
        return figure


def _draw_named(axes: Axes, one: LabelledSetting, measure: str, size: float) -> None:
    spread = get_spread(one.row, measure)
    assert spread is not None
    colour = svg.choose_series_colour(0 if one.is_best else 1)
    bars = [[spread.mean - spread.low], [spread.high - spread.mean]]
    form, size_of_mark = ("o", 9) if one.is_best else ("s", 7)
    axes.errorbar(one.row[SECONDS] / size, spread.mean, bars, fmt=form, color=colour, markersize=size_of_mark, zorder=4)


def _mark(one: LabelledSetting, measure: str, size: float) -> LabelAnchor:
    at = one.row[SECONDS] / size
    low, high = (float(one.row[f"{measure}_{end}"]) for end in ("low", "high"))
    return LabelAnchor(at, one.row[measure], one.label, 0, (at, low, at, high))


def _set_score_axis(axes: Axes, every: Sequence[SettingRow], measure: str) -> bool:
    """Set the vertical axis with room for all ranges over the seeds, and return whether it is logarithmic."""
    scores = [float(row[measure]) for row in every]
    ends = [float(row[f"{measure}_{end}"]) for row in every for end in ("low", "high")]
    far_apart = min(ends) > 0 and needs_log_scale(pd.Series(scores))
    (use_percent_axis if measure == ERROR else use_number_axis)(axes, logarithmic=far_apart)
    axes.set_ylim(*find_score_limits(ends, far_apart=far_apart))
    return far_apart


def _draw_staircase(axes: Axes, corners: Sequence[tuple[float, float]]) -> None:
    """Draw the front as steps, which no setting lies below or left of."""
    if len(corners) > 1:
        across, up = zip(*corners, strict=True)
        axes.step(across, up, where="post", color=svg.MUTED, linewidth=1.2, linestyle=svg.DASHES[1])


def _list_steps(corners: Sequence[tuple[float, float]]) -> list[LabelAnchor]:
    """Return points along the steps of the front, for labels to keep clear of; not those beside the settings themselves."""
    found = []
    for (x, y), (later, lower) in pairwise(corners):
        found += [LabelAnchor(float(place), y, "", 0) for place in np.linspace(x, later, _STEPS)[2:]]
        found += [LabelAnchor(later, float(height), "", 0) for height in np.linspace(y, lower, _STEPS)[:-2]]
    return found
