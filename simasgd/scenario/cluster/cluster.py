"""The `cluster` section: the machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, final

from pydantic import Field, Tag

from simasgd.scenario.cluster.architecture import Architecture, Base
from simasgd.scenario.cluster.compute import Compute, Efficiency
from simasgd.scenario.cluster.costs import Costs
from simasgd.scenario.cluster.faults import Faults
from simasgd.scenario.cluster.measured import StoredTimes
from simasgd.scenario.cluster.members import AbstractMemberLaw, Bandwidths
from simasgd.scenario.cluster.network import Network, Tree
from simasgd.scenario.cluster.profile_file import ProfileFile
from simasgd.scenario.cluster.stragglers import MOST_KINDS, Stragglers
from simasgd.scenario.cluster.times import AbstractTimes, Distribution, Update
from simasgd.scenario.vocabulary.on_demand import WhenGiven
from simasgd.scenario.vocabulary.section import (
    LIST,
    MAPPING,
    NAME,
    NUMBER,
    Count,
    Inconsistency,
    ListOrMapping,
    NameOrList,
    NullForDefaults,
    Number,
    NumberOrList,
    Rival,
    Section,
    Seed,
)
from simasgd.scenario.vocabulary.units import BytesPerSecond, Seconds

_MOST_PARTS = 10_000_000  # parts of messages under way at once, for each of which memory is needed
Speed = Annotated[Number, Field(gt=0.0, le=1e6)]
NodeNumber = Annotated[int, Field(strict=True, ge=0, le=2**53)]


@final
class Speeds(AbstractMemberLaw):
    """A law of the learners' speeds, with mean 1 over many learners; a learner keeps its speed for the whole run."""

    def inconsistencies(self) -> Iterator[Inconsistency]:
        yield from self.law_inconsistencies("without speeds")


@final
class Server(Section):
    """The parameter server and its shared interface."""

    bandwidth: BytesPerSecond
    """Bandwidth of the server's interface, per direction in full duplex."""
    node: Annotated[
        Annotated[Annotated[NodeNumber, Tag(NUMBER)] | Annotated[tuple[NodeNumber, ...], Tag(LIST)], NumberOrList] | None,
        Field(examples=[0, [0, 1]]),
    ] = None
    """Node with learners that the server is on: one for all shards, or a list with one for each
    (architecture base). Its messages to other nodes pass its own interface and then that node's,
    which it shares with the learners there. Messages within the node pass ports of
    `intra_node_bandwidth`. A node of its own if absent."""
    duplex: Literal["half", "full"] = "full"
    """`half`: one link for both directions. `full`: one link for each."""
    update: Seconds
    """Mean time of one update of the weights, for any number of gradients. Shards divide it among
    them."""
    update_law: Annotated[Update, NullForDefaults, Field(examples=[{"distribution": "gamma", "cv": 0.2}])] = Update.by_default()
    """Law of the update time."""
    per_gradient: Seconds = 0.0
    """Time in which a server adds up one message that arrives: a gradient, a sum of several, or at
    a centre a difference. An update can use the message after it. Every server of a tree takes it,
    and shards divide it among them."""


@final
class Cluster(Section):
    """Learners, a network and a parameter server."""

    learners: Annotated[Count, Field(le=1_000_000, examples=[8])]
    """λ, the number of learners."""
    profile: (
        Annotated[Annotated[Annotated[str, Field(strict=True)], Tag(NAME)] | Annotated[ProfileFile, Tag(LIST)], NameOrList]
        | None
    ) = None
    """Name of a node profile, or a profile's file beside this one (`simasgd fit` writes them). Its
    values hold where this section gives none. `simasgd list` describes the profiles. A resolved
    scenario has a file's title and sources instead."""
    seed: Seed | None = None
    """Seed of everything random about the clock. The scenario's seed if absent."""
    learners_per_node: Annotated[Count, Field(le=10_000)] = 1
    """Number of learners that share a node and its interface. Node 0 has the first ones."""
    compute: Annotated[
        Annotated[Annotated[tuple[Compute, ...], Field(min_length=1)], Tag(LIST)] | Annotated[Compute, Tag(MAPPING)],
        ListOrMapping,
        Field(examples=[{"per_sample": "5 ms"}]),
    ]
    """Compute times of all learners, or a list of λ such sections, one for each learner."""
    speeds: Annotated[
        Annotated[Annotated[tuple[Speed, ...], Tag(LIST)] | Annotated[Speeds, Tag(MAPPING)], ListOrMapping] | None,
        Field(examples=[[1, 0.5, 2, 1], {"distribution": "gamma", "cv": 0.3}]),
    ] = None
    """Speed of each learner, by which its compute times are divided: a list of λ numbers, or a law.
    All 1 if absent."""
    stragglers: Annotated[
        Annotated[
            Annotated[Annotated[tuple[Annotated[Stragglers, WhenGiven()], ...], Field(max_length=MOST_KINDS)], Tag(LIST)]
            | Annotated[Stragglers, WhenGiven(), Tag(MAPPING)],
            ListOrMapping,
        ]
        | None,
        Field(examples=[{"slowdown": 10, "mean_normal": "5 min", "mean_slow": "10 s"}]),
    ] = None
    """Learners that are slow for a while: slow spells of one kind, or a list of kinds, whose
    slowdowns multiply. None if absent."""
    network: Network
    """Links between the nodes."""
    server: Server
    """The parameter server, or the centre."""
    architecture: Architecture = Base.by_default()
    """The servers that learners send to, and the messages that overlap with computing."""
    costs: Annotated[Costs, WhenGiven(), NullForDefaults] = Costs.by_default()
    """Steps, mixing and copies, which take no time by default."""
    faults: Annotated[Faults, WhenGiven(), NullForDefaults] = Faults.by_default()
    """Crashes, pauses, slow links and lost messages."""
    start: Literal["together", "spread"] = "together"
    """`together`: every learner starts at time 0. `spread`: learner 0 starts at time 0, and every
    other learner at a random time within one cycle."""

    @property
    def nodes(self) -> int:
        """Number of nodes with learners."""
        return -(-self.learners // self.learners_per_node)

    @property
    def server_nodes(self) -> tuple[int, ...]:
        """Nodes with learners that the servers are on, one for each shard; none if servers have nodes of their own."""
        places = self.server.node
        return () if places is None else places if isinstance(places, tuple) else (places,) * self.architecture.parts

    @property
    def own_server_nodes(self) -> int:
        """Number of nodes that hold a shard of the parameter server and no learners."""
        return 0 if self.server_nodes else self.architecture.parts

    @property
    def racks(self) -> int:
        """Number of racks of a tree; 0 in other topologies."""
        topology = self.network.topology
        return -(-self.nodes // topology.nodes_per_rack) if isinstance(topology, Tree) else 0

    @property
    def laws(self) -> tuple[Compute, ...]:
        """The laws of the compute times: one of each learner, or one that all have in common."""
        return self.compute if isinstance(self.compute, tuple) else (self.compute,)

    @property
    def least_variation(self) -> float:
        """The least coefficient of variation of the laws of the compute times."""
        return min(law.variation for law in self.laws)

    @property
    def may_leave(self) -> bool:
        """Whether the work of a learner may end with its trace."""
        return any(law.at_end == "stop" for law in self.laws)

    @property
    def kinds_of_stragglers(self) -> tuple[Stragglers, ...]:
        """The kinds of slow spells."""
        if self.stragglers is None:
            return ()
        return self.stragglers if isinstance(self.stragglers, tuple) else (self.stragglers,)

    @property
    def changes_in_time(self) -> bool:
        """Whether slow spells come and go, or faults come at times. Lost messages and lasting slowness do not."""
        faults = self.faults
        come = (faults.crashes, faults.absences, faults.absences_file, faults.server_pauses, faults.degraded_links)
        return any(come) or any(not kind.is_lasting for kind in self.kinds_of_stragglers)

    @property
    def stored_times(self) -> tuple[StoredTimes, ...]:
        """Measured times that have files of their own."""
        spells = [law for kind in self.kinds_of_stragglers for law in (kind.normal_law, kind.slow_law, kind.slowdown)]
        costs = (self.costs.step, self.costs.mixing, self.costs.collective_start)
        laws = (*self.laws, self.server.update_law, *spells, *costs)
        measured = [law.measured for law in laws if isinstance(law, AbstractTimes)]
        return tuple(times for times in measured if isinstance(times, StoredTimes))

    def count(self, hit: Literal["learner", "node", "rack", "all"]) -> int:
        """Return the number of members that slow spells may hit; with `all`, of learners that a spell may hit at once."""
        return {"learner": self.learners, "node": self.nodes, "rack": self.racks, "all": self.learners}[hit]

    def inconsistencies(self) -> Iterator[Inconsistency]:
        def within(key: str, found: Iterable[Inconsistency]) -> Iterator[Inconsistency]:
            return (one.within(*key.split(".")) for one in found)

        yield from self._compute_inconsistencies()
        yield from within("server.update_law", self.server.update_law.law_inconsistencies())
        yield from within("costs", self.costs.inconsistencies())
        if isinstance(self.speeds, tuple) and len(self.speeds) != self.learners:
            message = f"there are {len(self.speeds)} speeds for {self.learners} learners"
            law = "a law (distribution, cv) is for any number of learners, and 'simasgd fit --speeds law' fits one to a log"
            yield Inconsistency(("speeds",), f"{message}; {law}")
        if isinstance(self.speeds, Speeds):
            yield from within("speeds", self.speeds.inconsistencies())
        yield from self._unlike_nodes()
        for number, kind in enumerate(self.kinds_of_stragglers):
            path = ("stragglers", number) if isinstance(self.stragglers, tuple) else ("stragglers",)
            yield from (one.within(*path) for one in kind.inconsistencies(self.count(kind.hits)))
        parts = self.learners * (self.architecture.shards if isinstance(self.architecture, Base) else 1)
        if parts > _MOST_PARTS:
            message = f"{self.learners:,} learners with {parts // self.learners:,} shards each are {parts:,} ways"
            yield Inconsistency(("architecture", "shards"), f"{message}; at most {_MOST_PARTS:,} are allowed")
        yield from within("faults", self.faults.inconsistencies(self.learners, self.nodes, self.racks))

    def _compute_inconsistencies(self) -> Iterator[Inconsistency]:
        if not isinstance(self.compute, tuple):
            yield from (one.within("compute") for one in self.compute.inconsistencies())
            return
        if len(self.compute) != self.learners:
            message = f"the list has {len(self.compute):,} items, but there are {self.learners:,} learners"
            yield Inconsistency(("compute",), f"{message}; give one section for all, or one for each")
            return
        for number, law in enumerate(self.compute):
            yield from (one.within("compute", number) for one in law.inconsistencies())
            if law.per == "cluster":
                message = "a law of one learner is not shared; use learner, or one section for all learners"
                yield Inconsistency(("compute", number, "per"), message)

    def _unlike_nodes(self) -> Iterator[Inconsistency]:
        bandwidth, places = self.network.bandwidth, self.server.node
        nodes = f"{self.nodes} node{'s' if self.nodes > 1 else ''} with learners"
        if isinstance(bandwidth, tuple) and len(bandwidth) != self.nodes:
            yield Inconsistency(("network", "bandwidth"), f"there are {len(bandwidth)} bandwidths for {nodes}")
        if isinstance(bandwidth, Bandwidths):
            yield from (one.within("network", "bandwidth") for one in bandwidth.inconsistencies())
        if places is None:
            return
        if not isinstance(self.architecture, Base):
            message = f"{self.architecture.kind} places its servers itself (architecture.colocated); only base has this key"
            rivals = (Rival(("server", "node"), ("architecture",)),)
            yield Inconsistency(("server", "node"), message, rivals)
            return
        if isinstance(places, tuple) and len(places) != self.architecture.shards:
            message = f"there are {len(places)} nodes for {self.architecture.shards} shards (architecture.shards)"
            yield Inconsistency(("server", "node"), message)
        for number, node in enumerate(places if isinstance(places, tuple) else (places,)):
            if node >= self.nodes:
                path = ("server", "node", number) if isinstance(places, tuple) else ("server", "node")
                yield Inconsistency(path, f"there is no node {node}; there are {nodes}, counted from 0")


__all__ = ["Cluster", "Compute", "Distribution", "Efficiency", "Server", "Speeds"]
