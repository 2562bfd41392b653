"""What counts as a difference between means over seeds. The one place of these rules."""

from __future__ import annotations

from simasgd.report.facts.formats import Spread
from simasgd.report.facts.metric import ERROR, Metric

LEAST_DIFFERENCE = 0.015
"""Of test error: a smaller difference counts as none, whatever the seeds say."""
LEAST_RATIO = 0.1
"""Of test losses: the smallest difference that counts, as a part of the smaller loss."""
SAME_TIME = 0.02
"""Of times, bytes and epochs, likewise."""


def compute_least_difference(one: Spread, other: Spread, metric: Metric) -> float:
    """The smallest difference of two mean scores that counts, apart from their seeds."""
    return LEAST_DIFFERENCE if metric is ERROR else LEAST_RATIO * min(abs(one.mean), abs(other.mean))


def compute_score_tolerance(one: Spread, other: Spread, metric: Metric) -> float:
    """Up to which difference of their means two scores over seeds count as alike."""
    return max(compute_least_difference(one, other, metric), one.width, other.width)


def compute_amount_tolerance(one: Spread, other: Spread) -> float:
    """Up to which difference of their means two times, numbers of bytes or of epochs count as alike."""
    return max(SAME_TIME * min(one.mean, other.mean), one.width, other.width)


def is_same_work(one: float, other: float) -> bool:
    """Whether two numbers of applied samples are about the same, so that the times they took can be compared."""
    return min(one, other) > 0 and abs(one - other) <= 0.1 * max(one, other)
