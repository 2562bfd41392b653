"""The target of a sweep: the test error or loss to which the times of its points are measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from simasgd.results.outcome import Outcome
from simasgd.results.summary import Summary
from simasgd.targets import choose_target


@final
@dataclass(frozen=True)
class Target:
    """A value of `test_error` or `test_loss` (the `quantity`), and whether the user gave it."""

    quantity: str
    value: float
    given: bool

    def find_seconds(self, summary: Summary) -> float:
        """Return the simulated seconds at the first evaluation at or below the target; NaN if there is none."""
        scores = ((row.simulated_seconds, getattr(row, self.quantity)) for row in summary.evaluations)
        return next((seconds for seconds, score in scores if score is not None and score <= self.value), math.nan)


def find_target(settings: Sequence[Sequence[Summary]], given: float | None, stops: set[float | None]) -> Target | None:
    """Return the target of a sweep; None if no setting learns.

    `settings` holds the summaries of each setting at all its seeds, and `stops` the test errors at
    which the points are cut. The target is the one `given`, or the only stop. Otherwise it is chosen
    as in a comparison: the second-best level, rounded up. The level of a setting is the best score that
    all its seeds reach; only settings that finished at every seed count.
    """
    has_error = any(row.test_error is not None for found in settings for summary in found for row in summary.evaluations)
    quantity = "test_error" if has_error else "test_loss"
    if given is not None:
        return Target(quantity, given, given=True)
    if len(stops) == 1 and (stop := next(iter(stops))) is not None:
        return Target(quantity, stop, given=True)
    sound = [found for found in settings if all(summary.outcome is Outcome.FINISHED for summary in found)]
    levels = [level for found in sound if (level := _find_level(found, quantity)) is not None]
    value = choose_target(levels)
    return None if value is None else Target(quantity, value, given=False)


def _find_level(summaries: Sequence[Summary], quantity: str) -> float | None:
    """Return the best score that all seeds reach; None if a seed has none."""
    found = [[score for row in one.evaluations if (score := getattr(row, quantity)) is not None] for one in summaries]
    return max(map(min, found)) if found and all(found) else None
