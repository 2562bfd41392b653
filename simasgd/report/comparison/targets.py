"""The target of a comparison: how it is chosen, and when a run reaches it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from simasgd.report.comparison.contenders import Reach
from simasgd.report.facts.metric import Metric

_ROUND_NUMBERS = ("1", "1.2", "1.5", "2", "2.5", "3", "4", "5", "6", "8")


def choose_target(levels: Iterable[float]) -> float | None:
    """Return the second-best level, or the only one, rounded up; None if there is none."""
    in_order = sorted(levels)
    return round_up(in_order[:2][-1]) if in_order else None


def round_up(value: float) -> float:
    """Round up to a number with few digits; return a number that is not positive unchanged."""
    if value <= 0.0:
        return value
    exponent = int(f"{value:e}".partition("e")[2])
    steps = (float(f"{step}e{power}") for power in (exponent, exponent + 1) for step in _ROUND_NUMBERS)
    return next(step for step in steps if step >= value)


def find_reach(evaluations: pd.DataFrame, metric: Metric, target: float) -> Reach | None:
    """Find the first evaluation at or below the target, without interpolation."""
    below = evaluations[evaluations[metric.key] <= target]
    if below.empty:
        return None
    first = below.iloc[0]
    sent = float(first["bytes"])
    return Reach(float(first["simulated_seconds"]), float(first["epoch"]), None if math.isnan(sent) else sent)


def find_level(tables: Sequence[pd.DataFrame], metric: Metric) -> float | None:
    """Return the best value that all seeds reach; None if a seed has none."""
    least = [float(table[metric.key].min()) for table in tables]
    return max(least) if least and all(value == value for value in least) else None
