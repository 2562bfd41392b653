"""Which links lie between two nodes. The learners' nodes have the numbers 0, 1, …; the servers' own nodes follow."""

from __future__ import annotations

import abc
from functools import singledispatch
from itertools import pairwise
from typing import NamedTuple, final

from simasgd.scenario.network import P775, Medium, Network, Ring, Star, Tree


class Link(NamedTuple):
    """A link that several messages may want at once: its name and its bandwidth (bytes/s), in one direction."""

    name: str
    bandwidth: float


class Way(NamedTuple):
    """The links between the interfaces of two nodes, and the travel time (s)."""

    links: tuple[Link, ...]
    latency: float


class AbstractTopology(abc.ABC):
    """How the nodes are connected."""

    @abc.abstractmethod
    def way(self, source: int, target: int) -> Way:
        """From one node to another one."""


def topology(network: Network, nodes: int, servers: int) -> AbstractTopology:
    """That of a network with `nodes` nodes of learners and, after them, `servers` of servers alone."""
    return _built(network.topology, network, nodes, servers)


@singledispatch
def _built(kind: object, network: Network, nodes: int, servers: int) -> AbstractTopology:
    raise TypeError(f"no topology {kind!r}")


@final
class StarTopology(AbstractTopology):
    """One switch."""

    def __init__(self, network: Network) -> None:
        self._way = Way((), network.latency)

    def way(self, source: int, target: int) -> Way:
        return self._way


@_built.register
def _(kind: Star, network: Network, nodes: int, servers: int) -> AbstractTopology:
    return StarTopology(network)


@final
class TreeTopology(AbstractTopology):
    """Racks with an uplink and a downlink each; the servers' nodes hang on the core."""

    def __init__(self, kind: Tree, network: Network, nodes: int) -> None:
        self._nodes = nodes
        self._per_rack = kind.nodes_per_rack
        self._bandwidth = kind.nodes_per_rack * network.bandwidth / kind.oversubscription
        self._within, self._across = network.latency, network.latency + kind.core_latency

    def way(self, source: int, target: int) -> Way:
        up, down = self._rack(source), self._rack(target)
        if up == down:
            return Way((), self._within)
        links = [
            Link(f"rack {rack} {side}", self._bandwidth) for rack, side in ((up, "up"), (down, "down")) if rack is not None
        ]
        return Way(tuple(links), self._across)

    def _rack(self, node: int) -> int | None:
        return node // self._per_rack if node < self._nodes else None


@_built.register
def _(kind: Tree, network: Network, nodes: int, servers: int) -> AbstractTopology:
    return TreeTopology(kind, network, nodes)


@final
class RingTopology(AbstractTopology):
    """Neighbours are connected both ways; the servers' nodes close the ring."""

    def __init__(self, network: Network, size: int) -> None:
        self._size = size
        self._bandwidth, self._latency = network.bandwidth, network.latency

    def way(self, source: int, target: int) -> Way:
        ahead = (target - source) % self._size
        step, hops = (1, ahead) if 2 * ahead <= self._size else (-1, self._size - ahead)
        stops = [(source + step * hop) % self._size for hop in range(hops + 1)]
        names = [f"ring {a} to {b}" for a, b in pairwise(stops)]
        return Way(tuple(Link(name, self._bandwidth) for name in names), hops * self._latency)


@_built.register
def _(kind: Ring, network: Network, nodes: int, servers: int) -> AbstractTopology:
    return RingTopology(network, nodes + servers)


@final
class MediumTopology(AbstractTopology):
    """One link for all messages, whatever their direction."""

    def __init__(self, network: Network) -> None:
        self._way = Way((Link("medium", network.bandwidth),), network.latency)

    def way(self, source: int, target: int) -> Way:
        return self._way


@_built.register
def _(kind: Medium, network: Network, nodes: int, servers: int) -> AbstractTopology:
    return MediumTopology(network)


@final
class P775Topology(AbstractTopology):
    """The two tiers of the Power 775: L links within a supernode, local and remote, and D links between supernodes. The D link
    from supernode S to T starts at the node of S with T's number (modulo their size) and ends at that of T with S's; nodes that
    are not its ends reach it over their L link."""

    def __init__(self, kind: P775, network: Network) -> None:
        self._drawer = kind.nodes_per_drawer
        self._supernode = kind.nodes_per_drawer * kind.drawers_per_supernode
        self._kind, self._latency = kind, network.latency

    def way(self, source: int, target: int) -> Way:
        a, b = source // self._supernode, target // self._supernode
        if a == b:
            links = [self._l_link(source, target)]
        else:
            gate, landing = a * self._supernode + b % self._supernode, b * self._supernode + a % self._supernode
            links = [
                *([self._l_link(source, gate)] if source != gate else []),
                Link(f"D {a} to {b}", self._kind.d_link),
                *([self._l_link(landing, target)] if landing != target else []),
            ]
        return Way(tuple(links), len(links) * self._latency)

    def _l_link(self, a: int, b: int) -> Link:
        local = a // self._drawer == b // self._drawer
        return Link(f"L {a} to {b}", self._kind.local if local else self._kind.remote)


@_built.register
def _(kind: P775, network: Network, nodes: int, servers: int) -> AbstractTopology:
    return P775Topology(kind, network)
