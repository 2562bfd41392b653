"""The figures of a validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from simasgd.report.drawing import svg
from simasgd.report.drawing.figures import bin_shares
from simasgd.report.drawing.value_axes import use_percent_axis
from simasgd.report.facts.formats import choose_time_unit, format_number

_MAX_BARS = 60
MEASURED, SIMULATED = 0, 1
"""The numbers of the two series; they choose colours and dashes."""


def draw_progress(curves: Sequence[tuple[Sequence[float], Sequence[int]]], warm_ups: Sequence[float]) -> Figure:
    """Draw the gradients that were done against time, measured and simulated, and where each warm-up ends (s)."""
    size, unit = choose_time_unit(max(max(seconds) for seconds, _ in curves))
    with svg.open_figure(height=2.9) as figure:
        axes = figure.subplots()
        for number, ((seconds, gradients), warm_up) in enumerate(zip(curves, warm_ups, strict=True)):
            colour, dash = svg.choose_series_colour(number), svg.DASHES[number]
            axes.plot(np.asarray(seconds) / size, gradients, color=colour, linestyle=dash)
            if warm_up > 0.0:
                at = float(np.interp(warm_up, seconds, gradients))
                axes.plot([warm_up / size], [at], "o", color=colour, markersize=5.5)
        axes.set(xlabel=f"time ({unit})", ylabel="gradients since the start", xlim=(0, None), ylim=(0, None))
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_formatter(lambda value, _: format_number(value))
        return figure


def draw_staleness(measured: Sequence[int], simulated: Sequence[int]) -> Figure:
    """Draw the shares of each staleness, measured and simulated, beside each other."""
    longest = max(len(measured), len(simulated))
    width = max(1, -(-longest // _MAX_BARS))
    with svg.open_figure(height=2.9) as figure:
        axes = figure.subplots()
        for number, counts in enumerate((measured, simulated)):
            shares = np.array(bin_shares([*counts, *[0] * (longest - len(counts))], width))
            at = np.arange(len(shares)) * width + (width - 1) / 2 + (number - 0.5) * 0.42 * width
            axes.bar(at, shares, width=0.4 * width, color=svg.choose_series_colour(number), linewidth=0)
        use_percent_axis(axes)
        steps = "" if width == 1 else f", in steps of {width}"
        axes.set(xlabel=f"staleness σ (updates{steps})", ylabel="share of gradients")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
        return figure


def list_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """Return the shares of activities scaled to add up to 1, in the order of the legend; sums of several are left out."""
    known = {name: shares[name] for name in svg.ACTIVITIES if name in shares}
    whole = sum(known.values()) or 1.0
    return {name: share / whole for name, share in known.items()}
