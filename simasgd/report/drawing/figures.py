"""The figures of the run report: each function makes a figure from a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from simasgd.report.drawing import svg
from simasgd.report.facts.formats import NBSP, choose_byte_unit, choose_time_unit, format_number, format_share
from simasgd.report.facts.metric import ERROR, Metric
from simasgd.report.facts.part_facts import ResourceFact

_MAX_BARS = 60
_MAX_DECADES = 8
_ROW = 0.46
SIMULATED_TIME = "simulated time"


def scale_axis(axis: str, greatest: float, time: str = SIMULATED_TIME) -> tuple[float, str]:
    """Return the scale and the label of a horizontal axis (seconds, epoch or bytes) from its greatest value.

    `time` is the name of the seconds.
    """
    if axis == "seconds":
        size, unit = choose_time_unit(greatest)
        return size, f"{time} ({unit})"
    if axis == "bytes":
        size, unit = choose_byte_unit(greatest)
        return size, f"sent over the network ({unit})"
    return 1.0, "epochs (samples applied)"


def draw_curve(table: pd.DataFrame, x: str, metric: Metric, time: str = SIMULATED_TIME) -> Figure:
    """Draw the metric against `x` (seconds, epoch or bytes), with its range over the seeds.

    `table` comes from `tables.tabulate_curves`; `time` is the name of the seconds' axis.
    """
    size, label = scale_axis(x, float(table[x].max()), time)
    with svg.open_figure(height=2.9) as figure:
        axes = figure.subplots()
        for i, rows in table.groupby("series"):
            at, colour = rows[x] / size, svg.choose_series_colour(i)
            if (rows["seeds"] > 1).any():
                axes.fill_between(at, rows["low"], rows["high"], color=colour, alpha=0.18, linewidth=0)
            sns.lineplot(x=at, y=rows["value"], color=colour, linestyle=svg.DASHES[i % 4], ax=axes, errorbar=None)
            axes.plot(at.iloc[-1:], rows["value"].iloc[-1:], "o", color=colour, markersize=4.5, clip_on=False)
        if metric is ERROR:
            use_percent_axis(axes, logarithmic=bool(table["low"].min() > 0 and needs_log_scale(table["value"])))
        else:
            use_number_axis(axes, logarithmic=needs_log_scale(table["value"]))
        axes.set_xlabel(label)
        axes.set_xlim(0, float(table[x].max()) / size or 1.0)
        return figure


@dataclass(frozen=True)
class HistogramLabels:
    """The labels of a histogram: its quantity, the unit, and what the shares are of."""

    axis: str
    unit: str
    whole: str


STALENESS = HistogramLabels("staleness σ", "updates", "gradients")
OWN_STALENESS = HistogramLabels("staleness σ", "changes of the learner's model", "gradients")
AGE = HistogramLabels("age", "steps since it was read", "mixed-in models")


def draw_histogram(
    counts: Sequence[int], mean: float, law: float | None, longest: int, colour: str, what: HistogramLabels
) -> Figure:
    """Draw the shares of staleness or age 0, 1, …, with the mean and the law's.

    `counts[σ]` is the number of gradients with staleness σ. The axis ends at `longest` in all panels.
    """
    width = max(1, -(-(longest + 1) // _MAX_BARS))
    binned = bin_shares(counts, width)
    with svg.open_figure(height=2.5) as figure:
        axes = figure.subplots()
        edges = np.arange(len(binned) + 1) * width - 0.5
        sns.histplot(
            x=edges[:-1] + width / 2,
            weights=binned,
            bins=edges.tolist(),
            shrink=0.86,
            color=colour,
            alpha=0.75,
            ax=axes,
            linewidth=0,
        )
        if law is not None:
            axes.axvline(law, color=svg.INK, linestyle=svg.DASHES[1], linewidth=1.3)
        axes.plot(mean, 1.0, "v", transform=axes.get_xaxis_transform(), color=svg.INK, markersize=7, clip_on=False)
        use_percent_axis(axes)
        steps = "" if width == 1 else f", in steps of {width}"
        margin = 0.5 + 0.02 * longest
        axes.set(xlabel=f"{what.axis} ({what.unit}{steps})", ylabel=what.whole, xlim=(-margin, longest + margin))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
        return figure


def draw_staleness_over_time(table: pd.DataFrame, time: str = SIMULATED_TIME) -> Figure:
    """Draw the mean staleness against the time, whose name is `time`.

    The columns of `table` are variant (its number), seconds and staleness.
    """
    size, unit = choose_time_unit(float(table["seconds"].max()))
    with svg.open_figure(height=2.5) as figure:
        axes = figure.subplots()
        for i, rows in table.groupby("variant"):
            style = {"color": svg.choose_series_colour(i), "linestyle": svg.DASHES[i % 4]}
            sns.lineplot(x=rows["seconds"] / size, y=rows["staleness"], ax=axes, **style)
        axes.set(xlabel=f"{time} ({unit})", ylabel="mean staleness σ", xlim=(0, None))
        axes.set_ylim(0, 1.12 * float(table["staleness"].max()) or 1.0)
        return figure


def bin_shares(counts: Sequence[int], width: int) -> list[float]:
    """Return the shares of the total in bins of `width` values."""
    total = sum(counts)
    return [sum(counts[i : i + width]) / total for i in range(0, len(counts), width)]


def draw_shares(rows: Sequence[tuple[str, Mapping[str, float]]], whole: str) -> Figure:
    """Draw a stacked bar for each row, of the fraction of the `whole` in each activity."""
    with _open_bars(len(rows)) as (figure, axes):
        for y, (label, times) in enumerate(rows):
            left = 0.0
            for activity, fraction in times.items():
                axes.barh(y, fraction, left=left, height=0.42, color=svg.ACTIVITIES[activity], linewidth=0)
                if fraction >= 0.1:
                    middle, colour = left + fraction / 2, svg.ON_ACTIVITIES[activity]
                    axes.text(middle, y, format_share(fraction), ha="center", va="center", color=colour, fontsize=9)
                left += fraction
            _label_row(axes, y, label)
        axes.set_xlabel(f"share of {whole}")
        return figure


def draw_resources(rows: Sequence[tuple[str, ResourceFact]]) -> Figure:
    """Draw how busy each server and link was, with the mean number of requests that wait for it."""
    with _open_bars(len(rows)) as (figure, axes):
        for y, (label, found) in enumerate(rows):
            axes.barh(y, 1.0, height=0.42, color=svg.GRID, alpha=0.55, linewidth=0)
            axes.barh(y, found.busy, height=0.42, color=svg.MUTED, linewidth=0)
            waiting = found.mean_queue or 0.0
            queue = f", {format_number(waiting)} waiting" if waiting >= 0.005 else ""
            _label_row(axes, y, f"{label}: {format_share(found.busy)} busy{queue}")
        axes.set_xlabel("share of time busy")
        return figure


@contextmanager
def _open_bars(rows: int) -> Iterator[tuple[Figure, Axes]]:
    """Open a figure for horizontal bars of shares, one in each row, the first row on top."""
    with svg.open_figure(height=0.55 + _ROW * rows) as figure:
        axes = figure.subplots()
        axes.set(xlim=(0, 1), ylim=(rows - 0.7, -0.75), yticks=[])
        axes.grid(visible=False)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=NBSP + "%"))
        yield figure, axes


def _label_row(axes: Axes, y: float, label: str) -> None:
    text = axes.text(0, y - 0.27, label, ha="left", va="bottom", fontsize=9.5)
    text.set_in_layout(False)  # a long label must not narrow the bars


def needs_log_scale(values: pd.Series) -> bool:
    """Return whether only a logarithmic axis shows the small values, and none is negative."""
    return bool(values.min() >= 0 and values.max() > 8 * values[values > 0].min())


def use_percent_axis(axes: Axes, *, logarithmic: bool = False) -> None:
    """Make the vertical axis show fractions as per cent."""
    if logarithmic:
        use_logarithmic_axis(axes)
    else:
        axes.set_ylim(0, None)
        axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.set_ylabel("")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda fraction, _: f"{100 * fraction:.6g}{NBSP}%"))


def use_number_axis(axes: Axes, *, logarithmic: bool = False) -> None:
    """Make the vertical axis show plain numbers; a logarithmic one leaves out zeros."""
    if logarithmic:
        use_logarithmic_axis(axes)
    else:
        axes.set_ylim(min(0.0, axes.dataLim.ymin), None)
        axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.set_ylabel("")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value) if abs(value) < 1e6 else f"{value:.3g}"))


def use_logarithmic_axis(axes: Axes) -> None:
    """Make the vertical axis logarithmic, with ticks at 1, 2, 5 or at some decades only."""
    axes.set_yscale("log", nonpositive="mask")
    low, high = math.floor(math.log10(axes.dataLim.minposy)), math.ceil(math.log10(axes.dataLim.ymax))
    # LogLocator would look for ticks beyond the greatest number there is.
    decades = range(low, min(high, 308) + 1, max(1, -(-(high - low) // _MAX_DECADES)))
    few = LogLocator(subs=(1.0, 2.0, 5.0))
    axes.yaxis.set_major_locator(few if high - low <= 4 else FixedLocator([10.0**decade for decade in decades]))
    axes.yaxis.set_minor_locator(NullLocator())
