"""How long a mini-batch takes: as long as the scenario's law says, or as long as the machine needs."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import ClassVar, Literal, NamedTuple, final

from simasgd.cluster.cast.stragglers import slow_spells
from simasgd.cluster.clock.compute import compute_times
from simasgd.cluster.clock.sizes import mini_batch_sizes
from simasgd.scenario.schema import Scenario


class Lateness(NamedTuple):
    """Mini-batches that took longer than the times drawn for them: their number, and the largest excess (s)."""

    number: int = 0
    excess: float = 0.0

    def and_one_of(self, excess: float) -> Lateness:
        """Return the count with one more, by `excess` (s)."""
        return Lateness(self.number + 1, max(self.excess, excess))


class AbstractPacing(abc.ABC):
    """The times of one learner's mini-batches. `pace` is the word for it, in results and on the command line."""

    pace: ClassVar[Literal["paced", "free"]]

    @classmethod
    @abc.abstractmethod
    def of(cls, scenario: Scenario, learner: int, done: int) -> AbstractPacing:
        """Return the pacing of a learner that has begun `done` mini-batches before."""

    @abc.abstractmethod
    def end(self, began: float) -> float | None:
        """Return when (s) the next mini-batch, which begins at `began` (s), shall end; None: when it is computed."""


@final
class FreePacing(AbstractPacing):
    """A mini-batch takes as long as the machine needs."""

    pace = "free"

    @classmethod
    def of(cls, scenario: Scenario, learner: int, done: int) -> AbstractPacing:
        del scenario, learner, done
        return cls()

    def end(self, began: float) -> float | None:
        return None


@final
class DrawnPacing(AbstractPacing):
    """A mini-batch takes as long as in the simulator: the same draws of the same streams, slow spells included.

    The first `done` draws are left out; a learner that was started again begins there. Raises EndOfTrace as the stream
    does.
    """

    pace = "paced"

    def __init__(self, scenario: Scenario, learner: int, done: int) -> None:
        seed, cluster = scenario.cluster_seed, scenario.cluster
        sizes = mini_batch_sizes(scenario.workload, cluster.learners, seed)
        self._times: Iterator[float] = islice(compute_times(cluster, seed, sizes)[learner], done, None)
        self._slowness = slow_spells(cluster, seed)[learner]

    @classmethod
    def of(cls, scenario: Scenario, learner: int, done: int) -> AbstractPacing:
        return cls(scenario, learner, done)

    def end(self, began: float) -> float | None:
        now, left = began, next(self._times)
        if self._slowness is None:
            return now + left
        while left:
            now, left = self._slowness.advance(now, left)
        return now


PACINGS: Mapping[str, type[AbstractPacing]] = MappingProxyType({one.pace: one for one in (DrawnPacing, FreePacing)})
"""The pacings by their words."""
