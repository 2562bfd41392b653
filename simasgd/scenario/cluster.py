"""The `cluster` section: the machine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simasgd.scenario.section import Count, Inconsistency, Number, Section, Seed
from simasgd.scenario.units import BytesPerSecond, Seconds


class Compute(Section):
    """How long a learner computes on a mini-batch of µ samples: per_batch + µ · per_sample on average."""

    per_batch: Seconds = 0.0
    """The part of the time that does not depend on the mini-batch."""
    per_sample: Seconds
    """Time per sample."""
    distribution: Literal["constant", "gamma", "lognormal", "exponential"] = "constant"
    """The law of the random factor, which has mean 1."""
    cv: Annotated[Number, Field(ge=0.0, le=10.0)] | None = None
    """Coefficient of variation: 0 for constant, 1 for exponential, to be given for the other two."""

    def mean(self, mini_batch: int) -> float:
        """Mean time (s) of a mini-batch of µ samples."""
        return self.per_batch + mini_batch * self.per_sample

    @property
    def variation(self) -> float:
        """The coefficient of variation."""
        if self.cv is not None:
            return self.cv
        return 1.0 if self.distribution == "exponential" else 0.0

    def inconsistencies(self, mini_batch: int) -> list[Inconsistency]:
        found = []
        if self.mean(mini_batch) <= 0.0:
            found.append(
                Inconsistency(
                    ("per_sample",), "a mini-batch would take no time at all; per_batch or per_sample must be positive"
                )
            )
        fixed = {"constant": 0.0, "exponential": 1.0}.get(self.distribution)
        if fixed is not None and self.variation != fixed:
            # Of the two, a profile has probably given the cv and the user the distribution.
            path = "distribution" if "distribution" in self.model_fields_set else "cv"
            found.append(
                Inconsistency(
                    (path,), f"{self.distribution} times have a cv of {fixed:g}, but cv is {self.cv:g} (null unsets it)"
                )
            )
        if fixed is None and 0.0 < self.variation < 1e-6:
            found.append(Inconsistency(("cv",), f"{self.cv:g} is too small; 0 or at least 1e-06 is wanted"))
        if fixed is None and self.cv is None:
            found.append(Inconsistency(("cv",), f"missing: {self.distribution} times need their coefficient of variation"))
        return found


class Network(Section):
    """The way between a learner and the server."""

    latency: Seconds
    """Travel time of a message after its last byte was sent."""
    bandwidth: BytesPerSecond
    """Of a learner's interface."""


class Server(Section):
    """The parameter server and its shared interface."""

    bandwidth: BytesPerSecond
    """Of the server's interface, per direction if duplex is full."""
    duplex: Literal["half", "full"] = "full"
    """half: one pipe for both directions. full: one each."""
    update: Seconds
    """Time of one update of the weights."""


class Cluster(Section):
    """Learners, a network and a parameter server."""

    learners: Annotated[Count, Field(le=10_000_000)]
    """λ, the number of learners."""
    profile: str | None = None
    """A node profile whose values hold wherever this section gives none (`simasgd list` shows them)."""
    seed: Seed | None = None
    """Fixes the random compute times; the scenario's seed if absent."""
    compute: Compute
    network: Network
    server: Server
