"""The rules that decide which differences between means over seeds count."""

from __future__ import annotations

import math

from simasgd.report.facts.metric import ERROR, Metric
from simasgd.report.facts.spread import Spread

MOST_POINTS = 0.015
"""A difference of test errors above this counts, but for very small test sets."""
ERROR_RATIO = 0.25
"""The smallest difference of test errors that counts, as a ratio to the smaller error."""
LEAST_RATIO = 0.1
"""The smallest difference of test losses that counts, as a ratio to the smaller loss."""
SAME_TIME = 0.02
"""The smallest difference of times, bytes or epochs that counts, as a ratio to the smaller one."""
CLOSE_TIMES = 1.1
"""A ratio of times below this may be chance where there is one seed."""
_FEW_SAMPLES = 3.5
"""Three test samples more or less never count; the half keeps rounding out of it."""


def compute_least_difference(first: Spread, second: Spread, metric: Metric, test_samples: int | None) -> float:
    """Return the smallest difference of two mean scores that counts, whatever the seeds.

    Of errors it is a quarter of the smaller one, or two standard errors of a difference between two
    shares of `test_samples` if that is more (None: not known). It is at most 1.5 points, and at least
    three test samples. Of losses it is a tenth of the smaller one.
    """
    if metric is not ERROR:
        return LEAST_RATIO * min(abs(first.mean), abs(second.mean))
    least = min(first.mean, second.mean)
    if not test_samples:
        return min(MOST_POINTS, ERROR_RATIO * least)
    share = max(least, 1.0 / test_samples)
    by_chance = 2.0 * math.sqrt(2.0 * share * (1.0 - share) / test_samples)
    return max(min(MOST_POINTS, max(ERROR_RATIO * least, by_chance)), _FEW_SAMPLES / test_samples)


def compute_loss_of_quality(other: Spread, best: Spread, metric: Metric, test_samples: int | None) -> float:
    """Return how much a mean score may exceed the best one and still be no worse.

    That is the least difference that counts, or the range of the best one over its seeds if it is
    wider. A wide range of the other does not make it as good.
    """
    return max(compute_least_difference(other, best, metric, test_samples), best.width)


def compute_score_tolerance(first: Spread, second: Spread, metric: Metric, test_samples: int | None) -> float:
    """Return the largest difference of means at which two scores over seeds count as alike."""
    return max(compute_least_difference(first, second, metric, test_samples), first.width, second.width)


def compute_amount_tolerance(first: Spread, second: Spread) -> float:
    """Return the largest difference of means at which two times, bytes or epochs count as alike."""
    return max(SAME_TIME * min(first.mean, second.mean), first.width, second.width)


def is_same_work(first: float, second: float) -> bool:
    """Return whether two numbers of applied samples are so similar that times compare."""
    return min(first, second) > 0 and abs(first - second) <= 0.1 * max(first, second)
