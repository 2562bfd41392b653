"""The rules that decide which differences between means over seeds count."""

from __future__ import annotations

from simasgd.report.facts.metric import ERROR, Metric
from simasgd.report.facts.spread import Spread

LEAST_DIFFERENCE = 0.015
"""The smallest difference of test errors that counts, however little the seeds vary."""
LEAST_RATIO = 0.1
"""The smallest difference of test losses that counts, as a ratio to the smaller loss."""
SAME_TIME = 0.02
"""The smallest difference of times, bytes or epochs that counts, as a ratio to the smaller one."""


def compute_least_difference(first: Spread, second: Spread, metric: Metric) -> float:
    """Return the smallest difference of two mean scores that counts, whatever the seeds."""
    return LEAST_DIFFERENCE if metric is ERROR else LEAST_RATIO * min(abs(first.mean), abs(second.mean))


def compute_score_tolerance(first: Spread, second: Spread, metric: Metric) -> float:
    """Return the largest difference of means at which two scores over seeds count as alike."""
    return max(compute_least_difference(first, second, metric), first.width, second.width)


def compute_amount_tolerance(first: Spread, second: Spread) -> float:
    """Return the largest difference of means at which two times, bytes or epochs count as alike."""
    return max(SAME_TIME * min(first.mean, second.mean), first.width, second.width)


def is_same_work(first: float, second: float) -> bool:
    """Return whether two numbers of applied samples are so similar that times compare."""
    return min(first, second) > 0 and abs(first - second) <= 0.1 * max(first, second)
