"""The times of a learner's own work beside computing: steps, mixing, and the start of collective operations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from sys import float_info
from typing import NamedTuple

from simasgd import exact
from simasgd.cluster.clock import compute
from simasgd.scenario.cluster.costs import CostTimes, mean_cost

Cost = float | CostTimes


class LearnerCosts(NamedTuple):
    """Endless streams of times (s) of one learner; None if the work takes no time.

    Steps and mixing take these times at the learner's full speed.
    """

    step: Iterator[float] | None = None
    mixing: Iterator[float] | None = None
    collective_start: Iterator[float] | None = None


def make_costs(step: Cost, mixing: Cost, collective_start: Cost, speeds: Sequence[float], seed: int) -> list[LearnerCosts]:
    """Return the costs of each learner.

    A learner's k-th time of each kind is a function of the seed, the learner and k only.
    """
    return [
        LearnerCosts(
            _times(step, speed, seed, exact.Purpose.STEP, learner),
            _times(mixing, speed, seed, exact.Purpose.MIXING, learner),
            _times(collective_start, 1.0, seed, exact.Purpose.COLLECTIVE_START, learner),
        )
        for learner, speed in enumerate(speeds)
    ]


def _times(cost: Cost, speed: float, seed: int, purpose: exact.Purpose, learner: int) -> Iterator[float] | None:
    mean = min(mean_cost(cost) / speed, float_info.max)
    if mean == 0.0:
        return None
    if not isinstance(cost, CostTimes):
        return repeat(mean)
    return (mean * factor for factor in compute.law(cost).factors(exact.stream(seed, purpose, learner)))
