"""The `cluster` section: the machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, final

from pydantic import Field, Tag

from simasgd.scenario.cluster.architecture import Architecture, Base
from simasgd.scenario.cluster.faults import Faults, Stragglers
from simasgd.scenario.cluster.network import Network, Tree
from simasgd.scenario.cluster.times import AbstractTimes, Distribution, Update, Variation
from simasgd.scenario.vocabulary.section import (
    LIST,
    MAPPING,
    Count,
    Inconsistency,
    ListOrMapping,
    NullForDefaults,
    Number,
    Rival,
    Section,
    Seed,
)
from simasgd.scenario.vocabulary.units import BytesPerSecond, Seconds

_MOST_PARTS = 10_000_000  # parts of messages under way at once, for each of which memory is needed
Speed = Annotated[Number, Field(gt=0.0, le=1e6)]


@final
class Efficiency(Section):
    """Small mini-batches use a processor badly: below `full_at` samples its efficiency is (µ/full_at)^exponent."""

    full_at: Count
    """The least mini-batch at which per_sample holds."""
    exponent: Annotated[Number, Field(gt=0.0, lt=1.0)]
    """0: none is lost; 1: a small mini-batch takes as long as one of full_at samples."""


@final
class Compute(AbstractTimes):
    """How long a learner computes on a mini-batch of µ samples: per_batch + µ · per_sample ÷ efficiency(µ) on average."""

    per_batch: Seconds = 0.0
    """The part of the time that does not depend on the mini-batch."""
    per_sample: Seconds | None = None
    """Time per sample. Absent with empirical times: these are taken as they are, whatever µ."""
    efficiency: Efficiency | None = None
    """How much slower a sample is in a small mini-batch."""

    def inconsistencies(self) -> list[Inconsistency]:
        found = self.law_inconsistencies()
        if self.per_sample is None and self.distribution != "empirical":
            found.append(Inconsistency(("per_sample",), "missing"))
        if self.per_sample is None and self.efficiency is not None:
            rivals = (Rival(("efficiency",), ("per_sample",)),)
            found.append(Inconsistency(("efficiency",), "needs per_sample, which is missing", rivals))
        if self.per_sample == 0.0 == self.per_batch:
            message = "a mini-batch would take no time at all; per_batch or per_sample must be positive"
            found.append(Inconsistency(("per_sample",), message))
        return found


@final
class Speeds(Section):
    """A law of the learners' speeds, which have mean 1 over many learners; a learner keeps its own for the whole run."""

    distribution: Literal["gamma", "lognormal"]
    cv: Variation
    """Coefficient of variation over the learners."""

    def inconsistencies(self) -> list[Inconsistency]:
        if self.cv >= 1e-6:
            return []
        return [Inconsistency(("cv",), f"{self.cv:g} is too small; it must be at least 1e-06 (without speeds, all are equal)")]


@final
class Server(Section):
    """The parameter server and its shared interface."""

    bandwidth: BytesPerSecond
    """Of the server's interface, per direction if duplex is full."""
    duplex: Literal["half", "full"] = "full"
    """half: one link for both directions. full: one each."""
    update: Seconds
    """Mean time of one update of the weights, however many gradients it uses."""
    update_law: Annotated[Update, NullForDefaults] = Update()
    """How that time varies."""
    per_gradient: Seconds = 0.0
    """Time to take up one message that arrives, a gradient or a sum of several, before an update can use it."""


@final
class Cluster(Section):
    """Learners, a network and a parameter server."""

    learners: Annotated[Count, Field(le=1_000_000)]
    """λ, the number of learners."""
    profile: str | None = None
    """A node profile whose values hold wherever this section gives none (`simasgd list` shows them)."""
    seed: Seed | None = None
    """Fixes everything random about the clock; the scenario's seed if absent."""
    learners_per_node: Annotated[Count, Field(le=10_000)] = 1
    """How many learners share a node and its interface; learner 0 and the next ones are on node 0."""
    compute: Compute
    speeds: Annotated[Annotated[tuple[Speed, ...], Tag(LIST)] | Annotated[Speeds, Tag(MAPPING)], ListOrMapping] | None = None
    """Of each learner: computing takes the time above ÷ its speed. A list of λ numbers, or a law over the learners."""
    stragglers: Stragglers | None = None
    """Learners that are slow for a while; each has spells of its own."""
    network: Network
    server: Server
    architecture: Architecture = Base()
    """Who sends to whom, and what overlaps with computing."""
    faults: Annotated[Faults, NullForDefaults] = Faults()
    start: Literal["together", "spread"] = "together"
    """together: every learner starts at time 0. spread: each at a moment of its own within its first cycle."""

    @property
    def nodes(self) -> int:
        """Nodes with learners."""
        return -(-self.learners // self.learners_per_node)

    @property
    def racks(self) -> int:
        topology = self.network.topology
        return -(-self.nodes // topology.nodes_per_rack) if isinstance(topology, Tree) else 0

    def inconsistencies(self) -> Iterator[Inconsistency]:
        def within(key: str, found: Iterable[Inconsistency]) -> Iterator[Inconsistency]:
            return (one.within(*key.split(".")) for one in found)

        yield from within("compute", self.compute.inconsistencies())
        yield from within("server.update_law", self.server.update_law.law_inconsistencies())
        if isinstance(self.speeds, tuple) and len(self.speeds) != self.learners:
            yield Inconsistency(("speeds",), f"there are {len(self.speeds)} speeds for {self.learners} learners")
        if isinstance(self.speeds, Speeds):
            yield from within("speeds", self.speeds.inconsistencies())
        if self.stragglers is not None:
            yield from within("stragglers", self.stragglers.inconsistencies())
        parts = self.learners * (self.architecture.shards if isinstance(self.architecture, Base) else 1)
        if parts > _MOST_PARTS:
            message = f"{self.learners:,} learners with {parts // self.learners:,} shards each are {parts:,} ways"
            yield Inconsistency(("architecture", "shards"), f"{message}; {_MOST_PARTS:,} are the most")
        yield from within("faults", self.faults.inconsistencies(self.learners, self.nodes, self.racks))


__all__ = ["Cluster", "Compute", "Distribution", "Efficiency", "Server", "Speeds"]
