"""A quantity over seeds: its mean and its range."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """A mean over seeds, with the lowest and the highest value.

    `deviation` is the standard deviation between the seeds (divisor `seeds` − 1); 0 for one seed.
    """

    mean: float
    low: float
    high: float
    deviation: float = 0.0
    seeds: int = 1

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """Return the spread of values, or None if there are none."""
        if not values:
            return None
        mean = math.fsum(values) / len(values)
        squares = math.fsum((value - mean) ** 2 for value in values)
        return cls(mean, min(values), max(values), math.sqrt(squares / max(1, len(values) - 1)), len(values))

    @property
    def total(self) -> float:
        """The sum over the seeds."""
        return self.mean * self.seeds

    @property
    def width(self) -> float:
        """The highest value minus the lowest."""
        return self.high - self.low

    def range(self, form: Callable[[float], str]) -> str:
        """Return `low – high`, or nothing if both read the same."""
        low, high = form(self.low), form(self.high)
        return f"{low} – {high}" if low != high else ""

    def say(self, form: Callable[[float], str]) -> str:
        """Return `mean (low – high)`, without the range if both of its ends read the same."""
        between = self.range(form)
        return f"{form(self.mean)} ({between})" if between else form(self.mean)
