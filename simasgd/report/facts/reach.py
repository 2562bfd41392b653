"""When a run reaches a target."""

from __future__ import annotations

import math
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
