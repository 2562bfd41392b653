"""The figures of the sweep report: a quantity along an axis, and the error against the time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from simasgd.report.drawing import svg
from simasgd.report.drawing.labels import MOST_CHARACTERS
from simasgd.report.drawing.value_axes import needs_log_scale, use_number_axis, use_percent_axis
from simasgd.report.facts.formats import NBSP, choose_time_unit
from simasgd.report.sweep.drawing.labels import FONT, EndLabel, write_end_labels
from simasgd.report.sweep.drawing.lost_band import draw_lost, find_level, find_stretch
from simasgd.report.sweep.facts.dials import Dial, is_logarithmic, is_to_scale, place_values
from simasgd.report.sweep.facts.lost import say_lost
from simasgd.report.sweep.facts.sweep_facts import ERROR, SECONDS, SHARE, TO_TARGET, SettingRow, is_usable

_MOST_TICKS, _MOST_CHARACTERS = 9, 44
"""The most labels below a figure, and the most characters of all of them."""
_CURVE = 4
"""From this number of values on, points of an axis with numbers are joined by a line."""
_ASIDE = 0.045
"""How far apart markers of several lines at one value stand at most, of the length of the axis."""
_LARGER = 1.3
"""How much larger a marker is for each line that is drawn later."""
_HEIGHT = 2.7
_FEW = 3

NameRow = Callable[[SettingRow], str]


def draw_lines(
    rows: pd.DataFrame, across: Dial, lines: Dial | None, quantity: str, limits: tuple[float, float], title: str
) -> Figure:
    """Draw a quantity along an axis, a line for each value of `lines`, with its range over the seeds.

    Settings that did not finish or learn are crosses in a band above the axes. `limits` are the least and the
    greatest value in all panels.
    """
    scale = choose_scale(quantity, limits[1])[0]
    with svg.open_figure(height=_HEIGHT) as figure:
        axes = figure.subplots()
        names = {} if lines is None else _name_lines(lines)
        ends = []
        lost: list[tuple[Sequence[float], str]] = []
        values: Sequence[str | None] = (None,) if lines is None else lines.values
        for i, value in enumerate(values):
            chosen = rows if lines is None else rows[rows[lines.key] == value]
            chosen = _place(chosen, across, i, len(values))
            height = find_level(len(lost))
            lost += _list_lost(chosen, quantity, i)
            end = _draw_line(axes, chosen, quantity, scale, i, len(values) - 1 - i, is_ordered=across.axis.numbers is not None)
            if len(chosen) and lines is not None and value is not None:
                ends.append(EndLabel(names[value], svg.choose_series_colour(i), svg.choose_series_marker(i)[0], end, height))
        draw_lost(axes, lost, say_lost(rows))
        is_logarithmic = _set_y_axis(axes, quantity, limits, scale)
        _set_x_axis(axes, across)
        axes.set_ylabel(name_scale(title) if is_logarithmic else title, fontsize=FONT)
        if lines is not None:
            write_end_labels(axes, ends, find_stretch(len(lost)))
        return figure


def draw_scatter(
    rows: pd.DataFrame,
    places: pd.Series,
    lines: Dial | None,
    quantity: str,
    limits: tuple[float, float],
    titles: tuple[str, str],
    unit: str,
) -> Figure:
    """Draw a quantity against numbers, the `places` of the rows, as dots: what is not an axis with a label for each value.

    The `titles` are those of the horizontal and the vertical axis; the rest is as in `draw_lines`.
    """
    scale = choose_scale(quantity, limits[1])[0]
    placed = rows.assign(x=places)
    with svg.open_figure(height=_HEIGHT) as figure:
        axes = figure.subplots()
        ends = []
        lost: list[tuple[Sequence[float], str]] = []
        values: Sequence[str | None] = (None,) if lines is None else lines.values
        for i, value in enumerate(values):
            chosen = (placed if lines is None else placed[placed[lines.key] == value]).sort_values("x")
            lost += _list_lost(chosen, quantity, i)
            end = _draw_line(axes, chosen, quantity, scale, i, len(values) - 1 - i, is_ordered=False)
            if lines is not None and value is not None and end is not None:
                marker = svg.choose_series_marker(i)[0]
                ends.append(EndLabel(lines.labels[value], svg.choose_series_colour(i), marker, end))
        draw_lost(axes, lost, say_lost(rows))
        is_logarithmic = _set_y_axis(axes, quantity, limits, scale)
        if placed["x"].min() > 0 and placed["x"].max() >= 8 * placed["x"].min():
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=_MOST_TICKS))
        axes.xaxis.set_major_formatter(
            EngFormatter(unit, sep=NBSP) if unit else FuncFormatter(lambda number, _: f"{number:.3g}")
        )
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(titles[0], fontsize=FONT)
        axes.set_ylabel(name_scale(titles[1]) if is_logarithmic else titles[1], fontsize=FONT)
        axes.tick_params(labelsize=FONT)
        if ends:
            write_end_labels(axes, ends, find_stretch(len(lost)))
        return figure


def _name_lines(lines: Dial) -> dict[str, str]:
    """Return the labels of lines: with the axis's name if they are few and short."""
    named = {value: lines.say(value) for value in lines.values}
    is_short = len(named) <= _FEW and all(len(label) <= MOST_CHARACTERS for label in named.values())
    return named if is_short else dict(lines.labels)


def _place(rows: pd.DataFrame, across: Dial, i: int, count: int) -> pd.DataFrame:
    """Add the places on the axis; those of line i of `count` are moved aside, unless they are joined to a curve."""
    places = rows[across.key].map(place_values(across.axis)).astype(float)  # no rows have no numbers, either
    if not is_moved_aside(across):
        return rows.assign(x=places).sort_values("x")
    steps = i - (count - 1) / 2
    if across.axis.numbers is None:
        return rows.assign(x=places + steps * min(0.12, 0.8 / count)).sort_values("x")
    if is_to_scale(across.axis) and is_logarithmic(across.axis):
        return rows.assign(x=places * math.exp(steps * _find_step(map(math.log, place_values(across.axis).values()), count)))
    return rows.assign(x=places + steps * _find_step(place_values(across.axis).values(), count)).sort_values("x")


def is_moved_aside(across: Dial) -> bool:
    """Return whether marks of several lines at one value stand side by side: unless they are joined to curves."""
    return across.axis.numbers is None or len(across.values) < _CURVE


def _find_step(places: Iterable[float], count: int) -> float:
    """Return how far the markers of `count` lines stand apart at one place, and well before those of the next place."""
    at = sorted(places)
    nearest = min((later - earlier for earlier, later in pairwise(at)), default=1.0)
    return min(_ASIDE * (at[-1] - at[0] or nearest), 0.5 * nearest / count)


def _list_lost(rows: pd.DataFrame, quantity: str, i: int) -> list[tuple[Sequence[float], str]]:
    """Return the places of the settings of line i that do not count, with its colour; nothing if there are none."""
    lost = rows[~rows["sound"] & ~is_usable(rows, quantity)]
    return [(lost["x"].tolist(), svg.choose_series_colour(i))] if len(lost) else []


def _draw_line(
    axes: Axes, rows: pd.DataFrame, quantity: str, scale: float, i: int, later: int, *, is_ordered: bool
) -> tuple[float, float] | None:
    """Draw the settings of a line as markers with bars, or as a curve with a band; return the line's end.

    Settings that did not finish or learn have hollow markers, and those that did so at some values of an axis that does not
    move the quantity have half-filled ones. `later` is the number of lines that are drawn later: markers are larger then, so
    that they show where others lie on them.
    """
    known = rows[is_usable(rows, quantity)]
    if known.empty:
        return None
    colour, marker = svg.choose_series_colour(i), svg.choose_series_marker(i)[0]
    middle, low, high = (known[f"{quantity}{end}"] / scale for end in ("", "_low", "_high"))
    is_curve = is_ordered and len(known) >= _CURVE
    size = 4.5 + _LARGER * later + (0.0 if is_curve else 1.0)
    if is_curve:
        axes.fill_between(known["x"], low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(known["x"], middle, color=colour, linewidth=1.3)
    else:
        axes.errorbar(known["x"], middle, [middle - low, high - middle], fmt="none", color=colour, elinewidth=1.4)
    share = known[SHARE]
    for some, style, face in (
        (share == 1, "full", colour),
        ((share > 0) & (share < 1), "left", colour),
        (share == 0, "full", svg.PAPER),
    ):
        axes.plot(
            known["x"][some], middle[some], marker, color=colour, markersize=size,
            fillstyle=style, markerfacecolor=face, markerfacecoloralt=svg.PAPER,
        )  # fmt: skip
    return float(known["x"].iloc[-1]), float(middle.iloc[-1])


def choose_scale(quantity: str, greatest: float) -> tuple[float, str]:
    """Return the number that a quantity is divided by, and its unit after that."""
    return choose_time_unit(greatest) if quantity in (SECONDS, TO_TARGET) else (1.0, "")


def _set_y_axis(axes: Axes, quantity: str, limits: tuple[float, float], scale: float) -> bool:
    """Set the vertical axis, and return whether it is logarithmic."""
    low, high = (limit / scale for limit in limits)
    far_apart = bool(low > 0 and needs_log_scale(pd.Series([low, high])))
    (use_percent_axis if quantity == ERROR else use_number_axis)(axes, logarithmic=far_apart)
    if far_apart:
        axes.set_ylim(low / 1.15, high * 1.25)
    else:
        axes.set_ylim(min(0.0, 1.08 * low), 1.08 * high or 1.0)
    axes.tick_params(labelsize=FONT)
    return far_apart


def _set_x_axis(axes: Axes, across: Dial) -> None:
    axis, places, ticks = across.axis, list(place_values(across.axis).values()), across.label_ticks()
    if axis.numbers is None or not is_to_scale(axis):
        axes.set_xlim(-0.5, len(places) - 0.5)
    elif is_logarithmic(axis):
        axes.set_xscale("log")
        axes.set_xlim(min(places) / 1.12, max(places) * 1.12)
    set_ticks(axes, places, [ticks[value] for value in axis.values], is_numeric=axis.numbers is not None)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(across.title, fontsize=FONT)
    axes.tick_params(labelsize=FONT)


def name_scale(title: str) -> str:
    """Return the title of a logarithmic axis, which says so, in two lines."""
    name, _, unit = title.partition(" (")
    return f"{name}\n({unit[:-1]}, log scale)" if unit else f"{name}\n(log scale)"


def set_ticks(axes: Axes, places: Sequence[float], labels: Sequence[str], *, is_numeric: bool) -> None:
    """Label places below the axes. Where not all labels have room, numbers are left out, and words are inclined."""
    longest = max((len(line) for label in labels for line in label.split("\n")), default=1)
    step = max(1, -(-len(labels) // min(_MOST_TICKS, max(1, _MOST_CHARACTERS // (longest + 2)))))
    if is_numeric or step == 1:
        axes.set_xticks(places[::step], labels[::step])
    else:
        axes.set_xticks(places, labels, rotation=25, ha="right", rotation_mode="anchor")


def draw_speedups(rows: pd.DataFrame, learners: Dial, lines: Dial | None, quantity: str, greatest: float) -> Figure:
    """Draw the speed-up over the fewest learners, which the axis names, with the ideal line; `quantity` is its column."""
    numbers = learners.axis.numbers or ()
    ideal = [number / min(numbers) for number in sorted(numbers)]
    limits = (1.0, ideal[-1]) if is_logarithmic(learners.axis) else (0.0, greatest)
    fewest = learners.values[numbers.index(min(numbers))]
    figure = draw_lines(rows, learners, lines, quantity, limits, f"speed-up over {learners.say(fewest)}")
    axes = figure.axes[0]
    axes.plot(sorted(numbers), ideal, color=svg.INK, linestyle=svg.DASHES[2], linewidth=1.3, zorder=2.5)
    at = len(ideal) // 2
    axes.annotate(
        "ideal", (sorted(numbers)[at], ideal[at]), color=svg.MUTED, fontsize=FONT, ha="right", va="bottom",
        xytext=(-4, 3), textcoords="offset points",
    )  # fmt: skip
    return figure


def find_score_limits(scores: Sequence[float], *, far_apart: bool) -> tuple[float, float]:
    """Return the ends of an axis that leave room for labels, and do not make small differences look large."""
    low, high = min(scores), max(scores)
    if far_apart:
        return low / 1.4, high * 1.6
    room = max(0.3 * (high - low), 0.15 * abs(high)) or 1.0
    return (max(0.0, low - room) if low >= 0.0 else low - room), high + room


def set_time_axis(axes: Axes, values: Sequence[float]) -> bool:
    """Set the axis of the time, and return whether it is logarithmic."""
    low, high = min(values), max(values)
    far_apart = low > 0 and high >= 8 * low
    if far_apart:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.3, high * 1.3)
        ticks = [step * 10.0**power for power in range(-9, 10) for step in (1, 2, 5)]
        axes.set_xticks(shown := [tick for tick in ticks if low / 1.3 <= tick <= high * 1.3], [f"{tick:g}" for tick in shown])
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(0.0, high * 1.1 or 1.0)
        axes.xaxis.set_major_locator(MaxNLocator(6))
    return far_apart
