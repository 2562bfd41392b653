"""The network of a run: its ends, the links between them, and what was sent over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, final
from typing import Protocol as Structural

from simpy import Environment
from simpy.events import Timeout

from simasgd import exact
from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.clock.pace import ScheduledPace
from simasgd.cluster.clock.pipe import Pipe, Usage
from simasgd.cluster.clock.trail import Extend
from simasgd.cluster.network.composed_routes import LossyRoute, SplitRoute
from simasgd.cluster.network.fair import FairLink, FairLinks, FlowClass
from simasgd.cluster.network.inflow import Inflow
from simasgd.cluster.network.routes import (
    AbstractRoute,
    ByteCounts,
    FairRoute,
    FifoLinkRoute,
    FifoPathRoute,
    Hop,
    MessageSpec,
    PrivateRoute,
)
from simasgd.cluster.network.topology import Link, build_topology
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.cluster.faults import Degradation

_INFINITE = float("inf")


class Endpoint(NamedTuple):
    """Where messages start and end: a node, the links of an interface of its own (a server's) to other nodes, in and out, and
    those of its port within the node."""

    node: int
    inbound: tuple[Link, ...] = ()
    outbound: tuple[Link, ...] = ()
    port_in: tuple[Link, ...] = ()
    port_out: tuple[Link, ...] = ()


class PrivatePath(NamedTuple):
    """Between ends whose messages meet no others: one of n bytes takes overhead (s) + n ÷ bandwidth (bytes/s) + latency (s)."""

    overhead: float
    bandwidth: float
    latency: float


class _RoutePath(NamedTuple):
    """The links on the way, the paces (bytes/s) to which its two ends limit a message, and the travel time (s)."""

    links: Sequence[Link]
    source_pace: float
    target_pace: float
    latency: float


class ByteCounter(Structural):
    """What knows how many bytes it has sent."""

    def counts(self) -> ByteCounts: ...


@final
class Network:
    """Makes the routes of a run. A message passes the sender's and the receiver's interfaces and what the topology puts between
    them. Within a node it passes no interface: there every learner and server has a port of `intra_node_bandwidth` (bytes/s)
    each way, and nothing else limits it.

    A node's own interface is a link where several messages may use it at once (`shared_nodes`), and else only limits the pace;
    so does a learner's port (`shared_ports`). A server's port is always a link.
    """

    def __init__(
        self,
        env: Environment,
        spec: Cluster,
        *,
        servers: int,
        seed: int,
        shared_nodes: bool,
        shared_ports: bool = False,
        intra_node_bandwidth: float = _INFINITE,
        log: SpanLog | None = None,
    ) -> None:
        self._env = env
        self._spec = spec
        self._seed = seed
        self._shared_nodes = shared_nodes
        self._shared_ports = shared_ports
        self._intra_node_bandwidth = intra_node_bandwidth
        self._log = log
        self._topology = build_topology(spec.network, spec.nodes, servers)
        self._degraded = {one.link for one in spec.faults.degraded_links}
        self._pipes: dict[str, Pipe] = {}
        self._inflows: dict[str, Inflow] = {}
        self._fair: dict[str, FairLink] = {}
        self._homes: dict[str, FairLinks] = {}  # by link; links that some message passes together have one
        self._classes: dict[tuple[tuple[str, ...], float], FlowClass] = {}
        self._routes: list[ByteCounter] = []
        self._lossy = 0  # routes
        self._of_sender: dict[int, Iterator[float]] = {}  # what decides which of a learner's passages lose their message
        self.messages_lost = 0

    def learner_endpoint(self, learner: int) -> Endpoint:
        """A learner on its node."""
        node = learner // self._spec.learners_per_node
        return Endpoint(node, (), (), *self._ports(f"learner {learner}")) if self._shared_ports else Endpoint(node)

    def server_endpoint(self, node: int, name: str) -> Endpoint:
        """A server's interface, one link in half duplex or one each way, on a node."""
        bandwidth = self._spec.server.bandwidth
        if self._spec.server.duplex == "half":
            both = (Link(f"{name} nic", bandwidth),)
            return Endpoint(node, both, both, *self._ports(name))
        return Endpoint(node, (Link(f"{name} nic in", bandwidth),), (Link(f"{name} nic out", bandwidth),), *self._ports(name))

    def shard_endpoints(self, shards: int) -> list[Endpoint]:
        """Return the interfaces of the parameter server's shards, on the nodes after the learners'."""
        names = ["server"] if shards == 1 else [f"server {shard}" for shard in range(shards)]
        return [self.server_endpoint(self._spec.nodes + shard, name) for shard, name in enumerate(names)]

    def make_route(
        self, source: Endpoint, target: Endpoint, size: float, extend: Extend, *, learner: int = -1, interface: float = 1.0
    ) -> AbstractRoute:
        """The route of messages of `size` bytes between two ends, of which they get that share of a node's interface; one at a
        time. Its bytes are counted from now on."""
        made = self._make_direct_route(source, target, size, extend, learner, interface)
        self._routes.append(made)
        if not self.loses_messages:
            return made
        self._lossy += 1
        return self._lossy_route(made, exact.endless_uniforms(exact.stream(self._seed, exact.Purpose.LOSS, self._lossy - 1)))

    def make_uncounted_route(
        self, source: Endpoint, target: Endpoint, size: float, extend: Extend, *, learner: int
    ) -> AbstractRoute:
        """A route whose bytes the caller counts. Where messages get lost it is for one message, and the sender's losses are one
        sequence."""
        made = self._make_direct_route(source, target, size, extend, learner, 1.0)
        if not self.loses_messages:
            return made
        if learner not in self._of_sender:
            self._of_sender[learner] = exact.endless_uniforms(exact.stream(self._seed, exact.Purpose.PASSAGE, learner))
        return self._lossy_route(made, self._of_sender[learner])

    def _make_direct_route(
        self, source: Endpoint, target: Endpoint, size: float, extend: Extend, learner: int, interface: float
    ) -> AbstractRoute:
        path = self._path(source, target, interface)
        links, cap = path.links, min(path.source_pace, path.target_pace)
        slowest = min([cap, *(link.bandwidth for link in links)])
        overhead, latency = self._spec.network.overhead, path.latency
        if slowest == _INFINITE:
            # An unlimited link is open_folder by nothing.
            overhead, latency = 0.0, latency + overhead

        def seconds(pace: float) -> float:
            """What a part of the way takes: the overhead counts for as many bytes as the slowest part carries meanwhile."""
            if pace == slowest:
                return overhead + size / slowest
            return (size + overhead * slowest) / pace if pace < _INFINITE else 0.0

        message = MessageSpec(size, seconds(slowest), latency, extend, learner)
        if not links:
            return PrivateRoute(self._env, message)
        if self._spec.network.sharing == "fair" and slowest < _INFINITE:
            return FairRoute(self._env, message, self._flow_class(links, cap), size + overhead * slowest)
        if len(links) == 1 and links[0].bandwidth == slowest:
            return FifoLinkRoute(self._env, message, self._pipe(links[0]))
        hops = [Hop(self._pipe(link), seconds(link.bandwidth), self._inflow(link)) for link in links]
        at_source, at_target = seconds(path.source_pace), seconds(path.target_pace)
        if interface < 1.0:
            # Parts of a message come one after the other, since servers answer in different orders: the interface that they
            # share is in use from when the message was asked for.
            at_source, at_target = max(at_source, at_target), 0.0
        return FifoPathRoute(self._env, message, hops, at_source, at_target)

    def make_split_route(
        self, ends: Sequence[tuple[Endpoint, Endpoint]], size: float, extend: Extend, *, learner: int = -1
    ) -> AbstractRoute:
        """One route that carries equal parts of a message between several pairs of ends."""
        if len(ends) == 1:
            return self.make_route(*ends[0], size, extend, learner=learner)
        share = 1.0 / len(ends)
        routes = [self.make_route(*pair, size * share, extend, learner=learner, interface=share) for pair in ends]
        return SplitRoute(self._env, routes)

    def private_path(self, source: Endpoint, target: Endpoint) -> PrivatePath | None:
        """The way between two ends if messages pass no link on it and none gets lost."""
        path = self._path(source, target, 1.0)
        if path.links or self._spec.faults.message_loss is not None:
            return None
        return PrivatePath(self._spec.network.overhead, min(path.source_pace, path.target_pace), path.latency)

    def count_bytes_of(self, counter: ByteCounter) -> None:
        """Let the network's counts hold those of what carries messages without its routes."""
        self._routes.append(counter)

    def counts(self) -> ByteCounts:
        """Bytes sent so far."""
        nothing = ByteCounts(0.0, 0.0, 0.0)
        return ByteCounts(*(sum(column) for column in zip(nothing, *(route.counts() for route in self._routes), strict=True)))

    @property
    def loses_messages(self) -> bool:
        """Whether some may have to be sent again."""
        return self._spec.faults.message_loss is not None

    def usage(self, until: float) -> tuple[Usage, ...]:
        """What each link did before `until` (s), the present."""
        fifo = (pipe.usage(until) for pipe in self._pipes.values())
        return (*fifo, *(self._homes[name].usage(link, until) for name, link in self._fair.items()))

    def close(self, now: float) -> None:
        """The run ends."""
        for home in dict.fromkeys(self._homes.values()):
            home.close(now)

    def _path(self, source: Endpoint, target: Endpoint, interface: float) -> _RoutePath:
        if source.node == target.node:
            return _RoutePath([*source.port_out, *target.port_in], self._intra_node_bandwidth, self._intra_node_bandwidth, 0.0)
        way = self._topology.path(source.node, target.node)
        leaving, entering = self._interface(source.node, "out"), self._interface(target.node, "in")
        links = [*source.outbound, *leaving, *way.links, *entering, *target.inbound]
        return _RoutePath(
            links, self._private_pace(source.node, interface), self._private_pace(target.node, interface), way.latency
        )

    def _private_pace(self, node: int, share: float) -> float:
        """The pace (bytes/s) to which an interface limits a message that gets a share of it and meets no others there."""
        is_private = node < self._spec.nodes and not self._is_link(node)
        return self._spec.network.bandwidth * share if is_private else _INFINITE

    def _ports(self, name: str) -> tuple[tuple[Link, ...], tuple[Link, ...]]:
        """Within the node, in and out."""
        bandwidth = self._intra_node_bandwidth
        if bandwidth == _INFINITE:
            return (), ()
        return (Link(f"in node: to {name}", bandwidth),), (Link(f"in node: from {name}", bandwidth),)

    def _interface(self, node: int, side: str) -> tuple[Link, ...]:
        """A node's interface, if it is a link: that of a server's own node is the server's."""
        if node < self._spec.nodes and self._is_link(node):
            return (Link(f"node {node} {side}", self._spec.network.bandwidth),)
        return ()

    def _is_link(self, node: int) -> bool:
        """Whether a node's interface is a link of its own."""
        return self._shared_nodes or f"node {node}" in self._degraded

    def _pipe(self, link: Link) -> Pipe:
        if link.name not in self._pipes:
            slow = self._degradations(link.name)
            pace = ScheduledPace([(one.at, one.at + one.lasting, one.factor) for one in slow]) if slow else None
            self._pipes[link.name] = Pipe(link.name, pace=pace, log=self._log)
        return self._pipes[link.name]

    def _inflow(self, link: Link) -> Inflow:
        return self._inflows.setdefault(link.name, Inflow())

    def _flow_class(self, links: Sequence[Link], cap: float) -> FlowClass:
        key = tuple(link.name for link in links), cap
        if key not in self._classes:
            made = tuple(self._fair_link(link) for link in links)
            homes = list(dict.fromkeys(self._homes[link.name] for link in links))
            home = FairLinks(self._env, self._log) if len(homes) > 1 else homes.pop()
            if homes:
                # Links that were looked at alone so far, with all their classes and what is under way.
                home.take_over(homes)
                for name in [name for name, old in self._homes.items() if old in homes]:
                    self._homes[name] = home
                for one in self._classes.values():
                    one.home = home if one.home in homes else one.home
            self._classes[key] = FlowClass(home, made, cap)
        return self._classes[key]

    def _fair_link(self, link: Link) -> FairLink:
        if link.name not in self._fair:
            track = self._log.track("links", link.name) if self._log is not None else -1
            made = self._fair[link.name] = FairLink(link.name, link.bandwidth, track)
            self._homes[link.name] = FairLinks(self._env, self._log)
            for one in self._degradations(link.name):
                for at, factor in ((one.at, one.factor), (one.at + one.lasting, 1.0)):
                    self._set_capacity_at(at, made, factor)
        return self._fair[link.name]

    def _set_capacity_at(self, at: float, link: FairLink, factor: float) -> None:
        wait = max(0.0, at - self._env.now)  # a link may be made when it is first needed
        Timeout(self._env, wait).callbacks.append(lambda _: self._homes[link.name].set_capacity(link, factor))

    def _degradations(self, name: str) -> list[Degradation]:
        def is_meant(one: Degradation) -> bool:
            return name.startswith("server") if one.link == "server" else name.startswith(f"{one.link} ")

        return [one for one in self._spec.faults.degraded_links if is_meant(one)]

    def _lossy_route(self, route: AbstractRoute, uniforms: Iterator[float]) -> AbstractRoute:
        loss = self._spec.faults.message_loss
        assert loss is not None
        return LossyRoute(self._env, route, loss.probability, loss.resend_after, uniforms, self._lost)

    def _lost(self) -> None:
        self.messages_lost += 1
