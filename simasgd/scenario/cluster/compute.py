"""The `cluster.compute` section: compute times of all learners, or of one of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, final

from pydantic import Field, model_validator

from simasgd.scenario.cluster.measured import series_of
from simasgd.scenario.cluster.times import MEASURED, AbstractTimes, Distribution
from simasgd.scenario.vocabulary.section import Count, Inconsistency, Number, Rival, Section
from simasgd.scenario.vocabulary.units import Seconds


@final
class Efficiency(Section):
    """Efficiency of a processor on small mini-batches: (µ/full_at)^exponent below `full_at` samples, else 1."""

    full_at: Annotated[Count, Field(examples=[16])]
    """Smallest mini-batch, in samples, at which `per_sample` holds."""
    exponent: Annotated[Number, Field(gt=0.0, lt=1.0)]
    """Between 0 and 1. Near 0 nothing is lost; near 1 a small mini-batch takes as long as one of
    `full_at` samples."""


@final
class Compute(AbstractTimes):
    """Compute time of a mini-batch of µ samples: per_batch + µ · per_sample ÷ efficiency(µ) on average."""

    distribution: Distribution = "constant"
    """Law of a random factor with mean 1. `constant`: always 1. `gamma` and `lognormal`: of any cv.
    `exponential`: with a cv of 1. `shifted-exponential`: (1 − cv) + cv·E with E exponential.
    `pareto`: with the shape, more than 2, that gives the cv. `empirical`: measured times ÷ their
    mean, drawn with replacement. `trace`: measured times in their order."""
    per_batch: Seconds = 0.0
    """Time that does not depend on the size of the mini-batch."""
    per_sample: Seconds | None = None
    """Time per sample. 0 if it is absent and `per_batch` is given. Empirical times and traces may
    leave out both; they are then the times of a mini-batch of any size. If it is given, only the
    ratios of the measured times count."""
    efficiency: Annotated[Efficiency | None, Field(examples=[{"full_at": 16, "exponent": 0.5}])] = None
    """Efficiency on small mini-batches; 1 at every size if absent."""
    per: Literal["learner", "cluster"] | None = None
    """Of a trace: `learner` (the default): each learner replays a series of its own. `cluster`: all
    learners take the times of one series, each the next when it begins a mini-batch."""
    at_end: Literal["repeat", "stop", "bootstrap"] | None = None
    """At the end of a trace: `repeat` (the default): replay it from its beginning. `stop`: the
    learner ends its work for good. `bootstrap`: go on with random blocks of the trace."""
    block: Count | None = None
    """Length of a block of the bootstrap, in mini-batches. ⌈√n⌉ for a series of n times if absent."""

    @model_validator(mode="before")
    @classmethod
    def _of_any_size(cls, value: Any) -> Any:
        """Add a time per sample of 0 where only the time of a mini-batch is given."""
        if not isinstance(value, dict) or value.get("per_batch") is None or value.get("efficiency") is not None:
            return value
        is_measured = value.get("measured") is not None or value.get("distribution") in MEASURED
        return value if is_measured or "per_sample" in value else {**value, "per_sample": 0.0}

    def inconsistencies(self) -> list[Inconsistency]:
        found = [*self.law_inconsistencies(), *self._trace_inconsistencies()]
        if self.per_sample is None and self.distribution not in MEASURED:
            found.append(
                Inconsistency(("per_sample",), "missing: give the time per sample, or per_batch, that of a mini-batch")
            )
        if self.per_sample is None and self.efficiency is not None:
            rivals = (Rival(("efficiency",), ("per_sample",)),)
            found.append(Inconsistency(("efficiency",), "needs per_sample, which is missing", rivals))
        if self.per_sample == 0.0 == self.per_batch:
            message = "a mini-batch would take no time at all; per_batch or per_sample must be positive"
            found.append(Inconsistency(("per_sample",), message))
        return found

    def _trace_inconsistencies(self) -> list[Inconsistency]:
        if self.distribution != "trace":
            given = [key for key in ("per", "at_end", "block") if getattr(self, key) is not None]
            message = f"is for traces, but the distribution is {self.distribution} (null unsets it)"
            return [Inconsistency((key,), message, (Rival((key,), ("distribution",)),)) for key in given]
        found = []
        series = () if self.measured is None else series_of(self.measured)
        shortest = min(map(len, series), default=0)
        if self.per == "cluster" and len(series) > 1:
            message = f"the trace has {len(series):,} series, and all learners can take their times from one only; use learner"
            found.append(Inconsistency(("per",), message))
        if self.block is not None and self.at_end != "bootstrap":
            rivals = (Rival(("block",), ("at_end",)),)
            found.append(Inconsistency(("block",), "is the length of a block of the bootstrap; set at_end: bootstrap", rivals))
        elif self.block is not None and series and self.block > shortest:
            message = f"{self.block:,} is more than the {shortest:,} times of the shortest series"
            found.append(Inconsistency(("block",), message))
        return found
