"""The level that all seeds of a variant reach."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from simasgd.report.facts.metric import Metric


def find_level(tables: Sequence[pd.DataFrame], metric: Metric) -> float | None:
    """Return the best value that all seeds reach; None if a seed has none."""
    least = [float(table[metric.key].min()) for table in tables]
    return max(least) if least and all(value == value for value in least) else None
