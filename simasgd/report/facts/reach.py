"""When a run reaches a target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import pandas as pd

from simasgd.report.facts.metric import Metric


@final
@dataclass(frozen=True)
class Reach:
    """The simulated seconds, epochs and bytes at the first evaluation at or below the target."""

    seconds: float
    epoch: float
    bytes: float | None


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
