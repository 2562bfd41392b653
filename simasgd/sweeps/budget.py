"""What one command of a sweep may spend: time, and points."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import final

from simasgd.scenario.sweep.section import Budget
from simasgd.sweeps.pools.work import PointGroup


@final
class Spending:
    """The spending of a budget, from now on."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._began = time.monotonic()

    @property
    def is_limited(self) -> bool:
        """Whether there is a budget."""
        return self._budget != Budget()

    def choose(self, missing: Sequence[PointGroup], kept: Collection[str]) -> Sequence[PointGroup]:
        """Return the first groups whose points are no more than the budget has; at least one.

        Points of a group that are there do not count, though the whole loop runs again.
        """
        left = self._budget.points
        if left is None:
            return missing
        chosen: list[PointGroup] = []
        for group in missing:
            left -= len(group.keys() - set(kept))
            if left < 0 and chosen:
                break
            chosen.append(group)
        return chosen

    def is_over(self) -> bool:
        """Return whether the time is spent."""
        return self._budget.time is not None and time.monotonic() - self._began >= self._budget.time

    def describe(self) -> str:
        """Return the budget in words."""
        return f"the budget of {self._budget.describe()}"
