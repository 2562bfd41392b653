"""The figures of the run report: each function draws a table into axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from simasgd.report.drawing import svg
from simasgd.report.drawing.labels import LabelAnchor, label_ends
from simasgd.report.drawing.value_axes import use_percent_axis
from simasgd.report.facts.formats import (
    NBSP,
    choose_byte_unit,
    choose_time_unit,
    format_number,
    format_share,
    list_some,
    shorten_label,
)
from simasgd.report.facts.part_facts import ResourceFact
from simasgd.report.facts.tables import SeamTimes
from simasgd.report.facts.variant_facts import VariantFacts

_MAX_BARS = 60
ROW = 0.46
"""The height in inches of a labelled row."""
_BAR = 0.29
_LONGEST_NAME = 34
"""The characters of the names of a row that has numbers beside them."""
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
    axes: Axes, counts: Sequence[int], mean: float, expected: float | None, longest: int, colour: str, what: HistogramLabels
) -> None:
    """Draw the shares of staleness or age 0, 1, …, with the mean and the expected mean.

    `counts[σ]` is the number of gradients with staleness σ. The axis ends at `longest`, so that
    several figures compare.
    """
    width = max(1, -(-(longest + 1) // _MAX_BARS))
    binned = bin_shares(counts, width)
    edges = np.arange(len(binned) + 1) * width - 0.5
    style = {"shrink": 0.86, "color": colour, "alpha": 0.75, "linewidth": 0}
    sns.histplot(x=edges[:-1] + width / 2, weights=binned, bins=edges.tolist(), ax=axes, **style)
    if expected is not None:
        axes.axvline(expected, color=svg.INK, linestyle=svg.DASHES[1], linewidth=1.3)
    axes.plot(mean, 1.0, "v", transform=axes.get_xaxis_transform(), color=svg.INK, markersize=7, clip_on=False)
    use_percent_axis(axes)
    steps = "" if width == 1 else f", in steps of {width}"
    margin = 0.5 + 0.02 * longest
    axes.set(xlabel=f"{what.axis} ({what.unit}{steps})", ylabel=f"share of {what.whole}", xlim=(-margin, longest + margin))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))


@dataclass(frozen=True)
class StalenessDistribution:
    """The staleness of a variant's gradients: `counts[σ]` of them have staleness σ."""

    label: str
    series: int
    counts: Sequence[int]
    mean: float
    expected: float | None

    @classmethod
    def of(cls, group: Sequence[int], variants: Sequence[VariantFacts], counts: Sequence[int]) -> StalenessDistribution:
        """Return the staleness of a group of variants with the same clock; `counts` are the first one's."""
        first, names = variants[group[0]], [variants[i].name for i in group]
        assert first.staleness is not None
        return cls(shorten_label(list_some(names, 2), _LONGEST_NAME), group[0], counts, first.staleness.mean, first.law)

    def quantile(self, part: float) -> int:
        """Return the least staleness that is not exceeded by a part of the gradients."""
        return int(np.searchsorted(np.cumsum(self.counts), part * sum(self.counts) * (1.0 - 1e-12)))


def measure_rows(rows: int) -> float:
    """Return the height in inches of a figure with so many labelled rows."""
    return 0.6 + ROW * rows


def draw_distributions(axes: Axes, rows: Sequence[StalenessDistribution], what: HistogramLabels) -> None:
    """Draw a row for each variant: all staleness as a thin line, the middle 90 % as a thick one, and the mean.

    If few gradients lie far out, the axis ends before them (`find_end`).
    """
    end = find_end(rows)
    for y, row in enumerate(rows):
        colour = svg.choose_series_colour(row.series)
        axes.plot([row.quantile(0.0), len(row.counts) - 1], [y, y], color=colour, linewidth=1.4, alpha=0.7)
        axes.plot([row.quantile(0.05), row.quantile(0.95)], [y, y], color=colour, linewidth=7, solid_capstyle="butt")
        axes.plot(row.mean, y - 0.12, "v", color=svg.INK, markersize=6, clip_on=False)
        if row.expected is not None:
            axes.plot([row.expected, row.expected], [y - 0.2, y + 0.2], color=svg.INK, linestyle=svg.DASHES[2], linewidth=1.5)
        label_row(axes, y, f"{row.label}: mean {format_number(row.mean)}, 95{NBSP}% at most {row.quantile(0.95):,}", 0.25)
    axes.set(xlim=(-0.02 * end, 1.02 * end), ylim=(len(rows) - 0.6, -0.75), yticks=[])
    axes.set_xlabel(f"{what.axis} ({what.unit})")
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))


def find_end(rows: Sequence[StalenessDistribution]) -> int:
    """Return the end of the axis: the greatest staleness, or what 99 % of every variant's gradients do not exceed.

    The second is taken if the first is more than twice as far out.
    """
    longest = max(1, *(len(row.counts) - 1 for row in rows))
    most = max(1, *(row.quantile(0.99) for row in rows))
    return most if longest > 2 * most else longest


def draw_seams(axes: Axes, at: Sequence[float]) -> None:
    """Draw a dotted line where a run was continued. The limits of the axes must be set before."""
    for i, place in enumerate(sorted(set(at))):
        axes.axvline(place, color=svg.MUTED, linestyle=svg.DASHES[2], linewidth=1.1, zorder=1)
        if i == 0:
            text = axes.annotate(
                "continued", (place, 1.0), (3, -2), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
                va="top", fontsize=9.2, color=svg.MUTED,
            )  # fmt: skip
            text.set_in_layout(False)


def draw_staleness_over_time(
    axes: Axes,
    table: pd.DataFrame,
    names: Mapping[int, str],
    time: str = SIMULATED_TIME,
    seams: Sequence[SeamTimes] = (),
) -> None:
    """Draw the mean staleness against the time, whose name is `time`.

    The columns of `table` are variant (its number), seconds and staleness. `names` are of the variants, and stand beside
    their lines; that of a lone run is "". `seams` are where runs were continued.
    """
    size, unit = choose_time_unit(float(table["seconds"].max()))
    for i, rows in table.groupby("variant"):
        style = {"color": svg.choose_series_colour(i), "linewidth": 1.5}
        sns.lineplot(x=rows["seconds"] / size, y=rows["staleness"], estimator=None, ax=axes, **style)
    axes.set(xlabel=f"{time} ({unit})", ylabel="mean staleness (updates)")
    axes.set_xlim(0, None)
    axes.set_ylim(0, 1.12 * float(table["staleness"].max()) or 1.0)
    draw_seams(axes, [seconds / size for series, seconds, _ in seams if series in names])
    if any(names.values()):
        ends = [(i, rows.iloc[-1]) for i, rows in table.groupby("variant")]
        label_ends(axes, [LabelAnchor(row["seconds"] / size, row["staleness"], names[i], int(i)) for i, row in ends])


def bin_shares(counts: Sequence[int], width: int) -> list[float]:
    """Return the shares of the total in bins of `width` values."""
    total = sum(counts)
    return [sum(counts[i : i + width]) / total for i in range(0, len(counts), width)]


def draw_shares(axes: Axes, rows: Sequence[tuple[str, Mapping[str, float]]], whole: str) -> None:
    """Draw a stacked bar for each row, of the fraction of the `whole` in each activity."""
    _prepare_bars(axes, len(rows))
    for y, (label, times) in enumerate(rows):
        left = 0.0
        for activity, fraction in times.items():
            axes.barh(y, fraction, left=left, height=0.42, color=svg.ACTIVITIES[activity], linewidth=0)
            if fraction >= 0.1:
                middle, colour = left + fraction / 2, svg.ON_ACTIVITIES[activity]
                axes.text(middle, y, format_share(fraction), ha="center", va="center", color=colour, fontsize=9.2)
            left += fraction
        label_row(axes, y, label)
    axes.set_xlabel(f"share of {whole}")


Loads = Sequence[tuple[str, Sequence[ResourceFact]]]
"""The servers and links of each variant; the name of a lone variant is ""."""
_HEADING = 0.95
"""The height of a variant's name, in bars."""


def measure_resources(groups: Loads) -> float:
    """Return the height in inches of a figure of these servers and links."""
    return 0.5 + _BAR * sum(len(found) + (_HEADING if name else 0.0) for name, found in groups)


def draw_resources(axes: Axes, groups: Loads) -> None:
    """Draw how busy each server and link was, with the mean number of requests that wait for it.

    The bars of a variant stand below its name.
    """
    y = 0.0
    for name, resources in groups:
        if name:
            text = axes.text(0, y + 0.12, name, va="center", fontsize=9.5, fontweight="bold")
            text.set_in_layout(False)
            y += _HEADING
        for found in resources:
            waiting = found.mean_queue or 0.0
            queue = f", {waiting:.{1 if waiting < 9.95 else 0}f} waiting" if waiting >= 0.05 else ""
            axes.barh(y, 1.0, height=0.78, color=svg.GRID, alpha=0.45, linewidth=0)
            axes.barh(y, found.busy, height=0.78, color=svg.MUTED, alpha=0.4, linewidth=0)
            text = axes.text(0.012, y, f"{found.name}: {format_share(found.busy)} busy{queue}", va="center", fontsize=9.2)
            text.set_in_layout(False)
            y += 1.0
    axes.set(xlim=(0, 1), ylim=(y - 0.5, -0.6), yticks=[], xlabel="share of time busy")
    axes.grid(visible=False)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=NBSP + "%"))


def _prepare_bars(axes: Axes, rows: int) -> None:
    """Prepare axes for horizontal bars of shares, one in each row, the first row on top."""
    axes.set(xlim=(0, 1), ylim=(rows - 0.7, -0.75), yticks=[])
    axes.grid(visible=False)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=NBSP + "%"))


def label_row(axes: Axes, y: float, label: str, above: float = 0.27) -> None:
    """Write a label above the middle of a row, from the left end of the axes on."""
    place = axes.get_yaxis_transform()
    text = axes.text(0, y - above, label, ha="left", va="bottom", fontsize=9.5, transform=place)
    text.set_in_layout(False)  # a long label must not narrow the bars
