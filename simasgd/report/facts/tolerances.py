"""The rules that decide which differences between means over seeds count."""

from __future__ import annotations

import math

from simasgd.report.facts.metric import ERROR, Metric
from simasgd.report.facts.spread import Spread

LEAST_POINTS, MOST_POINTS = 0.005, 0.015
"""A difference of test errors above the second always counts, but for very small test sets."""
ERROR_RATIOS = (0.1, 0.25)
"""A difference of test errors below the first ratio to the smaller one never counts, one above the second always."""
LOSS_RATIOS = (0.02, 0.1)
"""The two ratios of `ERROR_RATIOS`, for test losses."""
SAME_TIME = 0.02
"""The smallest difference of times, bytes or epochs that counts, as a ratio to the smaller one."""
CLOSE_TIMES = 1.1
"""A ratio of times below this may be chance where there is one seed."""
_FEW_SAMPLES, _ONE_SAMPLE = 3.5, 1.5
"""Three test samples, or one on the mean of several seeds, never count; the half keeps rounding out of it."""


def compute_chance(first: Spread, second: Spread, least_variance: float = 0.0) -> float:
    """Return twice the standard error of a difference of two means over seeds: 2 √(v₁ / n₁ + v₂ / n₂).

    v is the variance between n seeds, or `least_variance` if that is more. If two variants learn
    equally well, a given one exceeds the other by more in 9 % of cases with two seeds of each, in 6 %
    with three, and in 2 % with many (Student's t).
    """
    variances = (max(one.deviation**2, least_variance) / one.seeds for one in (first, second))
    return 2.0 * math.sqrt(math.fsum(variances))


def compute_least_difference(first: Spread, second: Spread, metric: Metric, test_samples: int | None) -> float:
    """Return the smallest difference of two mean scores that counts.

    That is twice its standard error, within limits. The variance of an error p between seeds counts as
    at least p (1 − p) / `test_samples` (None: not known), since few seeds may agree by chance. With
    several seeds of both, a tenth of the smaller error (or 0.5 points) never counts, and more than a
    quarter (or 1.5 points) always does. One seed does not tell what chance does: then a quarter never
    counts, and more than 1.5 points always do. Of losses the limits are a fiftieth and a tenth with
    several seeds, and with one seed it is a tenth. Of errors it is never below three test samples, or
    one in the mean of several seeds.
    """
    less = min(abs(first.mean), abs(second.mean))
    has_several = min(first.seeds, second.seeds) > 1
    if metric is not ERROR:
        least, most = (ratio * less for ratio in LOSS_RATIOS)
        return min(max(least, compute_chance(first, second)), most) if has_several else most
    least, most = min(LEAST_POINTS, ERROR_RATIOS[0] * less), min(MOST_POINTS, ERROR_RATIOS[1] * less)
    if not has_several:
        least, most = most, MOST_POINTS
    if not test_samples:
        return min(max(least, compute_chance(first, second)), most)
    share = max(less, 1.0 / test_samples)
    chance = compute_chance(first, second, share * (1.0 - share) / test_samples)
    return max(min(max(least, chance), most), (_ONE_SAMPLE if has_several else _FEW_SAMPLES) / test_samples)


def compute_score_tolerance(first: Spread, second: Spread, metric: Metric, test_samples: int | None) -> float:
    """Return the largest difference of means at which two scores are not clearly different.

    That is the least difference that counts, or twice the standard error over the seeds if it is more.
    """
    return max(compute_least_difference(first, second, metric, test_samples), compute_chance(first, second))


def compute_amount_tolerance(first: Spread, second: Spread) -> float:
    """Return the largest difference of means at which two times, bytes or epochs count as alike."""
    return max(SAME_TIME * min(first.mean, second.mean), first.width, second.width)


def is_same_work(first: float, second: float) -> bool:
    """Return whether two numbers of applied samples are so similar that times compare."""
    return min(first, second) > 0 and abs(first - second) <= 0.1 * max(first, second)
