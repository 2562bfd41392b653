"""Whether one candidate beats another beyond chance: paired differences over seeds.

A race compares many times. After every seed from LEAST_SEEDS on, it compares all finalists with the leader, which the same
costs choose. So its 5 % are divided by all that could be compared: every pair of finalists at every look (Bonferroni). Under
Student's assumptions, at most 5 % of races then find a difference between two finalists that cost the same. This holds
whichever candidate leads, and whenever the race ends. tests/advising/test_race.py simulates races of equal finalists.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from scipy.special import stdtrit

CONFIDENCE = 0.95
"""The probability with which all intervals of a race hold together."""
NARROW = 1.25
"""Costs are a tie if the whole interval of their ratio lies between 1 / NARROW and NARROW."""
LEAST_SEEDS = 3
"""With fewer seeds there is no interval that means anything."""


@final
@dataclass(frozen=True)
class SeedCost:
    """What a candidate cost at one seed until the target, and how coarsely that is known: spacing ÷ epochs of evaluations."""

    amount: float
    coarseness: float


@final
@dataclass(frozen=True)
class Ratio:
    """How many times as much one candidate costs as another: the mean (geometric), and the ends of its interval."""

    mean: float
    low: float
    high: float

    @property
    def is_more(self) -> bool:
        """Whether it costs more, beyond chance."""
        return self.low > 1.0

    @property
    def is_tie(self) -> bool:
        """Whether it costs as much: the interval is narrow about 1."""
        return 1.0 / NARROW <= self.low <= 1.0 <= self.high <= NARROW


def count_comparisons(finalists: int, seeds: int) -> int:
    """Return how many comparisons a race can make: each pair of its finalists after each seed from LEAST_SEEDS on."""
    return math.comb(finalists, 2) * max(0, seeds - LEAST_SEEDS + 1)


def compare_costs(other: Sequence[SeedCost], leader: Sequence[SeedCost], comparisons: int) -> Ratio:
    """Return the ratio of costs at the same seeds, with Student's interval of the logarithms.

    The interval is one of `comparisons` intervals, which all hold together with the CONFIDENCE (Bonferroni). A time to a
    target is known up to the spacing of evaluations only. So the variance of a difference is at least that of two uniform
    roundings, d²/12 each. With fewer than LEAST_SEEDS the interval is unlimited.
    """
    logs = [math.log(a.amount / b.amount) for a, b in zip(other, leader, strict=True)]
    many = len(logs)
    mean = math.fsum(logs) / many
    if many < LEAST_SEEDS:
        return Ratio(math.exp(mean), 0.0, math.inf)
    variance = math.fsum((one - mean) ** 2 for one in logs) / (many - 1)
    rounding = math.fsum(a.coarseness**2 + b.coarseness**2 for a, b in zip(other, leader, strict=True)) / many / 12.0
    error = math.sqrt(max(variance, rounding) / many)
    half = float(stdtrit(many - 1, 1.0 - (1.0 - CONFIDENCE) / 2.0 / max(1, comparisons))) * error
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half))
