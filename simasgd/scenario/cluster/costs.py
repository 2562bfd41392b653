"""The `cluster.costs` section: what learners and servers do besides computing gradients and making updates."""

from __future__ import annotations

from typing import Annotated, final

from pydantic import Field, Tag

from simasgd.scenario.cluster.times import AbstractTimes, Law
from simasgd.scenario.vocabulary.section import MAPPING, NUMBER, Inconsistency, NumberOrMapping, Section
from simasgd.scenario.vocabulary.units import BytesPerSecond, Seconds

_UNLIMITED = float("inf")


@final
class CostTimes(AbstractTimes):
    """Random times of one kind of work: a mean, and a law."""

    distribution: Law = "constant"
    """Law of a random factor with mean 1, as in `cluster.compute`, except `trace`."""
    mean: Seconds | None = None
    """Mean time. Only empirical times may leave it out. If it is given, only the ratios of the
    measured times count."""

    @property
    def average(self) -> float:
        """The mean time in seconds."""
        return self.mean_measured if self.mean is None else self.mean

    def inconsistencies(self) -> list[Inconsistency]:
        """Return the contradictions between mean, law and measured times."""
        found = self.law_inconsistencies()
        if self.mean is None and self.distribution != "empirical":
            found.append(Inconsistency(("mean",), "missing"))
        return found


Cost = Annotated[Annotated[Seconds, Tag(NUMBER)] | Annotated[CostTimes, Tag(MAPPING)], NumberOrMapping]
"""A constant time, or random times."""
_EXAMPLES = Field(examples=["1.4 ms", {"mean": "1.4 ms", "distribution": "gamma", "cv": 0.2}])


def mean_cost(cost: float | CostTimes) -> float:
    """Return the mean time (s) of a cost."""
    return cost.average if isinstance(cost, CostTimes) else cost


@final
class Costs(Section):
    """Times of steps, of mixing and of copies. All are 0 by default, so that nothing of it takes time."""

    step: Annotated[Cost, _EXAMPLES] = 0.0
    """Time in which a learner applies a gradient to a model of its own: its own model, its copy of
    the weights, or its replica under `all-reduce`. At full speed: the learner's speed and slow
    spells apply to it."""
    mixing: Annotated[Cost, _EXAMPLES] = 0.0
    """Time in which a learner mixes two models, makes or subtracts a difference of models, or takes
    over a mean of all models. At full speed, as `step`."""
    per_message: Seconds = 0.0
    """Time that the sender of a message spends on copying and serializing it before it enters the
    network. Its receiver spends the same time before the message can be used."""
    copy_bandwidth: BytesPerSecond = _UNLIMITED
    """Rate at which a message is copied or serialized at its sender, and again at its receiver."""
    collective_start: Annotated[Cost, _EXAMPLES] = 0.0
    """Time from a learner's call of a collective operation to its first message. Each bucket is an
    operation."""

    @property
    def copies(self) -> bool:
        """Whether copying a message takes time."""
        return self.per_message > 0.0 or self.copy_bandwidth < _UNLIMITED

    @property
    def any(self) -> bool:
        """Whether anything takes time."""
        return self.copies or any(mean_cost(cost) > 0.0 for cost in (self.step, self.mixing, self.collective_start))

    @property
    def vary(self) -> bool:
        """Whether some of the times are random."""
        times = (self.step, self.mixing, self.collective_start)
        return any(isinstance(cost, CostTimes) and cost.variation > 0.0 for cost in times)

    def copy_seconds(self, size: float, parts: int = 1) -> float:
        """Return the time (s) of copying a message of `size` bytes in `parts` messages at one of its ends."""
        return parts * self.per_message + size / self.copy_bandwidth

    def inconsistencies(self) -> list[Inconsistency]:
        """Return the contradictions within each cost."""
        return [
            one.within(key)
            for key in ("step", "mixing", "collective_start")
            if isinstance(cost := getattr(self, key), CostTimes)
            for one in cost.inconsistencies()
        ]
