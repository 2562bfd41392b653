"""Vertical axes of per cent and of numbers, linear or logarithmic."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from simasgd.report.facts.formats import NBSP, format_number

_MAX_DECADES = 8
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


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
    power = logarithmic and _needs_powers(100 * axes.dataLim.minposy, 100 * axes.dataLim.ymax)
    form = _format_power if power else "{:.6g}".format
    axes.yaxis.set_major_formatter(FuncFormatter(lambda fraction, _: f"{form(100 * fraction)}{NBSP}%"))


def use_number_axis(axes: Axes, *, logarithmic: bool = False) -> None:
    """Make the vertical axis show plain numbers; a logarithmic one leaves out zeros."""
    if logarithmic:
        use_logarithmic_axis(axes)
    else:
        axes.set_ylim(min(0.0, axes.dataLim.ymin), None)
        axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.set_ylabel("")
    if logarithmic and _needs_powers(axes.dataLim.minposy, axes.dataLim.ymax):
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _format_power(value)))
    else:
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: format_number(value) if abs(value) < 1e6 else f"{value:.3g}")
        )


def _needs_powers(least: float, greatest: float) -> bool:
    """Return whether the ticks of a logarithmic axis are powers of ten: all, so that they are alike."""
    return least < 1e-3 or greatest >= 1e6


def _format_power(value: float) -> str:
    """Format a number on a logarithmic axis: `10⁻⁵`, `2×10⁻⁵`; numbers from 1 to 10 are plain."""
    factor, exponent = f"{value:.2e}".split("e")
    factor, power = f"{float(factor):g}", f"10{str(int(exponent)).translate(_RAISED)}" if int(exponent) else ""
    return "×".join(filter(None, (factor if factor != "1" or not power else "", power)))


def use_logarithmic_axis(axes: Axes) -> None:
    """Make the vertical axis logarithmic, with ticks at 1, 2, 5 or at some decades only."""
    axes.set_yscale("log", nonpositive="mask")
    low, high = math.floor(math.log10(axes.dataLim.minposy)), math.ceil(math.log10(axes.dataLim.ymax))
    # LogLocator would look for ticks beyond the greatest number there is.
    decades = range(low, min(high, 308) + 1, max(1, -(-(high - low) // _MAX_DECADES)))
    few = LogLocator(subs=(1.0, 2.0, 5.0))
    axes.yaxis.set_major_locator(few if high - low <= 4 else FixedLocator([10.0**decade for decade in decades]))
    axes.yaxis.set_minor_locator(NullLocator())
