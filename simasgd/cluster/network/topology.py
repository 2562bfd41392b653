"""The links between two nodes. Learners' nodes have the numbers 0, 1, …; servers' own nodes follow."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from functools import singledispatch
from itertools import pairwise
from typing import NamedTuple, final

from simasgd.scenario.cluster.members import mean_of
from simasgd.scenario.cluster.network import P775, Medium, Network, Ring, Star, Tree


class Link(NamedTuple):
    """A link that several messages may use at once, in one direction: its name and bandwidth (bytes/s)."""

    name: str
    bandwidth: float


class TopologyPath(NamedTuple):
    """The links between the interfaces of two nodes, and the latency (s)."""

    links: tuple[Link, ...]
    latency: float


class AbstractTopology(abc.ABC):
    """The connections between nodes."""

    @abc.abstractmethod
    def path(self, source: int, target: int) -> TopologyPath:
        """Return the path from one node to another."""


def build_topology(network: Network, bandwidths: Sequence[float], servers: int) -> AbstractTopology:
    """Build the topology of a network with learner nodes of these bandwidths (bytes/s) and then `servers` server nodes."""
    return _built(network.topology, network, bandwidths, servers)


@singledispatch
def _built(kind: object, network: Network, bandwidths: Sequence[float], servers: int) -> AbstractTopology:
    raise TypeError(f"no topology {kind!r}")


@final
class StarTopology(AbstractTopology):
    """A single switch."""

    def __init__(self, network: Network) -> None:
        self._path = TopologyPath((), network.latency)

    def path(self, source: int, target: int) -> TopologyPath:
        return self._path


@_built.register
def _(kind: Star, network: Network, bandwidths: Sequence[float], servers: int) -> AbstractTopology:
    return StarTopology(network)


@final
class TreeTopology(AbstractTopology):
    """Racks with an uplink and a downlink each; the servers' nodes are connected to the core."""

    def __init__(self, kind: Tree, network: Network, bandwidths: Sequence[float]) -> None:
        self._nodes = len(bandwidths)
        self._per_rack = size = kind.nodes_per_rack
        means = [mean_of(bandwidths[first : first + size]) for first in range(0, len(bandwidths), size)]
        self._bandwidths = [size * mean / kind.oversubscription for mean in means]
        self._within, self._across = network.latency, network.latency + kind.core_latency

    def path(self, source: int, target: int) -> TopologyPath:
        up, down = self._rack(source), self._rack(target)
        if up == down:
            return TopologyPath((), self._within)
        links = [
            Link(f"rack {rack} {side}", self._bandwidths[rack])
            for rack, side in ((up, "up"), (down, "down"))
            if rack is not None
        ]
        return TopologyPath(tuple(links), self._across)

    def _rack(self, node: int) -> int | None:
        return node // self._per_rack if node < self._nodes else None


@_built.register
def _(kind: Tree, network: Network, bandwidths: Sequence[float], servers: int) -> AbstractTopology:
    return TreeTopology(kind, network, bandwidths)


@final
class RingTopology(AbstractTopology):
    """A ring whose neighbours are connected both ways; the servers' nodes close it."""

    def __init__(self, network: Network, bandwidths: Sequence[float], servers: int) -> None:
        self._size = len(bandwidths) + servers
        self._bandwidths = [*bandwidths, *[max(bandwidths)] * servers]
        self._latency = network.latency

    def path(self, source: int, target: int) -> TopologyPath:
        ahead = (target - source) % self._size
        step, hops = (1, ahead) if 2 * ahead <= self._size else (-1, self._size - ahead)
        stops = [(source + step * hop) % self._size for hop in range(hops + 1)]
        links = [Link(f"ring {a} to {b}", min(self._bandwidths[a], self._bandwidths[b])) for a, b in pairwise(stops)]
        return TopologyPath(tuple(links), hops * self._latency)


@_built.register
def _(kind: Ring, network: Network, bandwidths: Sequence[float], servers: int) -> AbstractTopology:
    return RingTopology(network, bandwidths, servers)


@final
class SharedMediumTopology(AbstractTopology):
    """One link for all messages in either direction, which they share as long as they last."""

    def __init__(self, network: Network, bandwidths: Sequence[float]) -> None:
        self._path = TopologyPath((Link("medium", max(bandwidths)),), network.latency)

    def path(self, source: int, target: int) -> TopologyPath:
        return self._path


@final
class TurnTakingMediumTopology(AbstractTopology):
    """One link that carries one message at a time, each at the bandwidth of the slower of its two nodes."""

    def __init__(self, network: Network, bandwidths: Sequence[float], servers: int) -> None:
        self._bandwidths = [*bandwidths, *[max(bandwidths)] * servers]
        self._latency = network.latency

    def path(self, source: int, target: int) -> TopologyPath:
        pace = min(self._bandwidths[source], self._bandwidths[target])
        return TopologyPath((Link("medium", pace),), self._latency)


@_built.register
def _(kind: Medium, network: Network, bandwidths: Sequence[float], servers: int) -> AbstractTopology:
    if network.sharing == "fair":
        return SharedMediumTopology(network, bandwidths)
    return TurnTakingMediumTopology(network, bandwidths, servers)


@final
class P775Topology(AbstractTopology):
    """The two tiers of the Power 775: L links within a supernode, local and remote, and D links between supernodes.

    Every pair of supernodes has k = ⌊d_links ÷ (supernodes − 1)⌋ D links, at least 1. Let S and T
    be supernodes of n nodes, S with the lower number. D link i joins node (T + i) mod n of S and
    node (S + i + ⌊i/n⌋) mod n of T. (We do not know the real wiring.)

    A message takes a D link that starts at its own node, if there is one, and among these one that
    ends at its target's node, if there is one. Otherwise it takes an L link to the D link with the
    number of its own node mod k. So a pair of nodes has one path.
    """

    def __init__(self, kind: P775, network: Network, nodes: int) -> None:
        self._drawer = kind.nodes_per_drawer
        self._size = kind.nodes_per_drawer * kind.drawers_per_supernode
        supernodes = -(-nodes // self._size)
        self._d_links = max(1, kind.d_links // max(1, supernodes - 1))
        self._kind, self._latency = kind, network.latency

    def path(self, source: int, target: int) -> TopologyPath:
        (a, x), (b, y) = divmod(source, self._size), divmod(target, self._size)
        if a == b:
            links = [self._l_link(source, target)]
        else:
            number = self._d_link(a, x, b, y)
            gate = a * self._size + self._end(number, a, b)
            landing = b * self._size + self._end(number, b, a)
            links = [
                *([self._l_link(source, gate)] if source != gate else []),
                Link(f"D {a} to {b} number {number}", self._kind.d_link),
                *([self._l_link(landing, target)] if landing != target else []),
            ]
        return TopologyPath(tuple(links), len(links) * self._latency)

    def _d_link(self, a: int, x: int, b: int, y: int) -> int:
        """Return the number of the D link from node x of supernode a to node y of supernode b."""
        count = self._d_links
        own = [number for number in self._starting_at(a, x, b) if number < count]
        if not own:
            return x % count
        straight = [number for number in own if self._end(number, b, a) == y]
        return straight[0] if straight else own[y % len(own)]

    def _starting_at(self, a: int, x: int, b: int) -> Iterator[int]:
        """Yield the numbers of the D links to supernode b that could start at node x of supernode a."""
        for turn in range(-(-self._d_links // self._size)):
            yield turn * self._size + (x - b - (turn if a > b else 0)) % self._size

    def _end(self, number: int, here: int, there: int) -> int:
        """Return the node of supernode `here`, counted within it, where a D link to supernode `there` starts."""
        return (there + number + (number // self._size if here > there else 0)) % self._size

    def _l_link(self, a: int, b: int) -> Link:
        local = a // self._drawer == b // self._drawer
        return Link(f"L {a} to {b}", self._kind.local if local else self._kind.remote)


@_built.register
def _(kind: P775, network: Network, bandwidths: Sequence[float], servers: int) -> AbstractTopology:
    return P775Topology(kind, network, len(bandwidths) + servers)
