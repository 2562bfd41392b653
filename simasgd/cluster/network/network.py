"""The network of a run: its endpoints, the routes between them, and the bytes that were sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, final
from typing import Protocol as Structural

from simpy import Environment

from simasgd import exact
from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.trail import Extend
from simasgd.cluster.network.bandwidths import bandwidths
from simasgd.cluster.network.composed_routes import LossyRoute, SplitRoute
from simasgd.cluster.network.fifo_routes import FifoLinkRoute, FifoPathRoute, Hop
from simasgd.cluster.network.links import Links
from simasgd.cluster.network.open_routes import FairRoute, PrivateRoute, UnlimitedRoute
from simasgd.cluster.network.routes import AbstractRoute, ByteCounts, MessageSpec
from simasgd.cluster.network.topology import Link, build_topology
from simasgd.scenario.cluster.cluster import Cluster

_INFINITE = float("inf")


class Endpoint(NamedTuple):
    """A place where messages start and end, on a node.

    A server has an interface of its own to other nodes, whose links are `inbound` and `outbound`. A
    port within the node has the links `port_in` and `port_out`.
    """

    node: int
    inbound: tuple[Link, ...] = ()
    outbound: tuple[Link, ...] = ()
    port_in: tuple[Link, ...] = ()
    port_out: tuple[Link, ...] = ()


class PrivatePath(NamedTuple):
    """A path between endpoints whose messages meet no others.

    A message of n bytes takes overhead (s) + n ÷ bandwidth (bytes/s) + latency (s).
    """

    overhead: float
    bandwidth: float
    latency: float


class _RoutePath(NamedTuple):
    """The links of a route, the paces (bytes/s) to which its two ends limit a message, and the latency (s)."""

    links: Sequence[Link]
    source_pace: float
    target_pace: float
    latency: float


class ByteCounter(Structural):
    """An object that counts the bytes it has sent."""

    def counts(self) -> ByteCounts: ...


@final
class Network:
    """Makes the routes of a run.

    A message passes the sender's interface, the links of the topology and the receiver's interface.
    Within a node it passes no interface: there each learner and server has a port of
    `intra_node_bandwidth` (bytes/s) each way, and nothing else limits the message.

    A node's own interface is a link if several messages may use it at once (`shared_nodes`, or a
    server on the node); otherwise it only limits the pace. The same holds for a learner's port (`shared_ports`). A
    server's port is always a link.
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
        self._bandwidths = bandwidths(spec, seed)
        self._topology = build_topology(spec.network, self._bandwidths, servers)
        places = {f"node {node}" for node in spec.server_nodes}
        self._node_links = places | {degradation.link for degradation in spec.faults.degraded_links}
        self._links = Links(env, spec.faults.degraded_links, log)
        self._routes: list[ByteCounter] = []
        self._lossy = 0  # number of lossy routes
        self._of_sender: dict[int, Iterator[float]] = {}  # random numbers that decide which of a learner's messages get lost
        self.messages_lost = 0

    def learner_endpoint(self, learner: int) -> Endpoint:
        """Return a learner's endpoint, on its node."""
        node = learner // self._spec.learners_per_node
        return Endpoint(node, (), (), *self._ports(f"learner {learner}")) if self._shared_ports else Endpoint(node)

    def server_endpoint(self, node: int, name: str) -> Endpoint:
        """Return a server's endpoint on a node; its interface is one link in half duplex, or one each way."""
        bandwidth = self._spec.server.bandwidth
        if self._spec.server.duplex == "half":
            both = (Link(f"{name} nic", bandwidth),)
            return Endpoint(node, both, both, *self._ports(name))
        return Endpoint(node, (Link(f"{name} nic in", bandwidth),), (Link(f"{name} nic out", bandwidth),), *self._ports(name))

    def shard_endpoints(self, shards: int) -> list[Endpoint]:
        """Return the interfaces of the parameter server's shards, on nodes with learners or on the nodes after them."""
        names = ["server"] if shards == 1 else [f"server {shard}" for shard in range(shards)]
        nodes = self._spec.server_nodes or range(self._spec.nodes, self._spec.nodes + shards)
        return [self.server_endpoint(node, name) for node, name in zip(nodes, names, strict=True)]

    def make_route(
        self, source: Endpoint, target: Endpoint, size: float, extend: Extend, *, learner: int = -1, interface: float = 1.0
    ) -> AbstractRoute:
        """Make a route for messages of `size` bytes, one at a time, between two endpoints.

        The messages get the share `interface` of a node's interface. The network counts the route's
        bytes.
        """
        made = self._make_direct_route(source, target, size, extend, learner, interface)
        self._routes.append(made)
        if not self.loses_messages:
            return made
        self._lossy += 1
        return self._lossy_route(made, exact.endless_uniforms(exact.stream(self._seed, exact.Purpose.LOSS, self._lossy - 1)))

    def make_uncounted_route(
        self, source: Endpoint, target: Endpoint, size: float, extend: Extend, *, learner: int
    ) -> AbstractRoute:
        """Make a route whose bytes the caller counts.

        If messages get lost, the route is for one message, and the losses of all messages of a
        sender are one sequence.
        """
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
            # Nothing occupies an unlimited link.
            overhead, latency = 0.0, latency + overhead

        def seconds(pace: float) -> float:
            """Return the seconds that a part of the path takes.

            The overhead counts as many bytes as the slowest part carries in that time.
            """
            if pace == slowest:
                return overhead + size / slowest
            return (size + overhead * slowest) / pace if pace < _INFINITE else 0.0

        message = MessageSpec(size, seconds(slowest), latency, extend, learner)
        if not links:
            return PrivateRoute(self._env, message)
        if self._spec.network.sharing == "fair" and slowest < _INFINITE:
            return FairRoute(self._env, message, self._links.flow_class(links, cap), size + overhead * slowest)
        if len(links) == 1 and slowest == _INFINITE:
            return UnlimitedRoute(self._env, message, self._links.pipe(links[0]))
        if len(links) == 1 and links[0].bandwidth == slowest:
            return FifoLinkRoute(self._env, message, self._links.pipe(links[0]))
        hops = [Hop(self._links.pipe(link), seconds(link.bandwidth), self._links.inflow(link)) for link in links]
        at_source, at_target = seconds(path.source_pace), seconds(path.target_pace)
        if interface < 1.0:
            # The parts of a message come one after another, since servers answer in different orders. The interface that
            # they share is in use from the request on.
            at_source, at_target = max(at_source, at_target), 0.0
        return FifoPathRoute(self._env, message, hops, at_source, at_target)

    def make_split_route(
        self, ends: Sequence[tuple[Endpoint, Endpoint]], size: float, extend: Extend, *, learner: int = -1
    ) -> AbstractRoute:
        """Make one route that carries equal parts of a message between several pairs of endpoints."""
        if len(ends) == 1:
            return self.make_route(*ends[0], size, extend, learner=learner)
        share = 1.0 / len(ends)
        routes = [self.make_route(*pair, size * share, extend, learner=learner, interface=share) for pair in ends]
        return SplitRoute(self._env, routes)

    def private_path(self, source: Endpoint, target: Endpoint) -> PrivatePath | None:
        """Return the path between two endpoints if it has no shared link and loses no message, otherwise None."""
        path = self._path(source, target, 1.0)
        if path.links or self._spec.faults.message_loss is not None:
            return None
        return PrivatePath(self._spec.network.overhead, min(path.source_pace, path.target_pace), path.latency)

    def count_bytes_of(self, counter: ByteCounter) -> None:
        """Add the counts of an object that carries messages without the network's routes."""
        self._routes.append(counter)

    def counts(self) -> ByteCounts:
        """Return the bytes sent so far."""
        nothing = ByteCounts(0.0, 0.0, 0.0)
        return ByteCounts(*(sum(column) for column in zip(nothing, *(route.counts() for route in self._routes), strict=True)))

    @property
    def loses_messages(self) -> bool:
        """Whether messages may get lost and have to be sent again."""
        return self._spec.faults.message_loss is not None

    def usage(self, until: float) -> tuple[Usage, ...]:
        """Return the usage of each link until `until` (s), the present."""
        return self._links.usage(until)

    def close(self, now: float) -> None:
        """End the run at `now` (s)."""
        self._links.close(now)

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
        """Return the pace (bytes/s) to which an interface limits a message that gets a share of it and meets no others."""
        is_private = node < self._spec.nodes and not self._is_link(node)
        return self._bandwidths[node] * share if is_private else _INFINITE

    def _ports(self, name: str) -> tuple[tuple[Link, ...], tuple[Link, ...]]:
        """Return the links of a port within the node, in and out."""
        bandwidth = self._intra_node_bandwidth
        if bandwidth == _INFINITE:
            return (), ()
        return (Link(f"in node: to {name}", bandwidth),), (Link(f"in node: from {name}", bandwidth),)

    def _interface(self, node: int, side: str) -> tuple[Link, ...]:
        """Return the link of a node's interface on one side; none if it is no link, or belongs to a server."""
        if node < self._spec.nodes and self._is_link(node):
            return (Link(f"node {node} {side}", self._bandwidths[node]),)
        return ()

    def _is_link(self, node: int) -> bool:
        """Return whether a node's interface is a link of its own."""
        return self._shared_nodes or f"node {node}" in self._node_links

    def _lossy_route(self, route: AbstractRoute, uniforms: Iterator[float]) -> AbstractRoute:
        loss = self._spec.faults.message_loss
        assert loss is not None
        return LossyRoute(self._env, route, loss.probability, loss.resend_after, uniforms, self._lost)

    def _lost(self) -> None:
        self.messages_lost += 1
