"""The cells of a table on the terminal: means, and ranges over the seeds."""

from __future__ import annotations

from collections.abc import Callable

from simasgd.report.facts.formats import NBSP, use_plain_spaces
from simasgd.report.facts.spread import Spread


def show_spread(spread: Spread | None, form: Callable[[float], str]) -> str:
    """Return `3.0 % (2.8–3.3)`: the mean and the range, without a unit that the mean has too; "" for nothing.

    The range is left out if both of its ends read the same.
    """
    if spread is None:
        return ""
    mean, low, high = form(spread.mean), form(spread.low), form(spread.high)
    if low == high:
        return use_plain_spaces(mean)
    unit = mean.partition(NBSP)[2]
    if unit and unit == low.partition(NBSP)[2] == high.partition(NBSP)[2]:
        low, high = low.partition(NBSP)[0], high.partition(NBSP)[0]
    return use_plain_spaces(f"{mean} ({low}–{high})")


def show_mean(spread: Spread | None, form: Callable[[float], str]) -> str:
    """Return the mean, or "" for nothing."""
    return "" if spread is None else use_plain_spaces(form(spread.mean))
