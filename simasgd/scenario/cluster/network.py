"""The `cluster.network` section: the links between the nodes."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.cluster.members import NodeBandwidth
from simasgd.scenario.vocabulary.on_demand import ByKind
from simasgd.scenario.vocabulary.section import Count, NameForKind, Number, Section
from simasgd.scenario.vocabulary.units import BytesPerSecond, Seconds


@final
class Star(Section):
    """Every node is connected to one switch that is never the bottleneck."""

    kind: Literal["star"] = "star"


@final
class Tree(Section):
    """Racks of nodes under a core switch, to which the servers' own nodes are connected."""

    kind: Literal["tree"] = "tree"
    nodes_per_rack: Count = 16
    """Number of nodes in a rack. Nodes 0 to nodes_per_rack − 1 are rack 0, and so on."""
    oversubscription: Annotated[Number, Field(gt=0.0, le=1e6)] = 1.0
    """Oversubscription of a rack's uplink and downlink. Each carries nodes_per_rack · bandwidth ÷
    oversubscription, with the mean bandwidth of the rack's nodes."""
    core_latency: Seconds = 0.0
    """Additional latency of a message that passes the core."""


@final
class Ring(Section):
    """Nodes in a circle, each with a link to both neighbours.

    A message takes the shorter way, and `latency` at every hop. A link has the lower bandwidth of
    its two nodes. A server's own node has the greatest bandwidth of all.
    """

    kind: Literal["ring"] = "ring"


@final
class Medium(Section):
    """One medium between all nodes, such as the air, which carries every message at `bandwidth`.

    Where nodes differ, a message has the lower bandwidth of its two nodes. With `sharing: fifo` it
    occupies the medium for so much longer. With `sharing: fair` the medium carries the greatest
    bandwidth of all nodes in sum.
    """

    kind: Literal["medium"] = "medium"


@final
class P775(Section):
    """The two-tier direct network of the IBM Power 775 (docs/papers.md A1.6).

    Every pair of nodes in a supernode has its own link, and every pair of supernodes its part of
    the D links. A message takes `latency` on every link of its way. With profile `p775` this
    topology brings its hub's bandwidth of 96 GB/s.
    """

    kind: Literal["p775"] = "p775"
    nodes_per_drawer: Count = 8
    """Number of nodes in a drawer. Nodes 0 to nodes_per_drawer − 1 are drawer 0, and so on."""
    drawers_per_supernode: Count = 4
    """Number of drawers in a supernode, counted likewise."""
    local: BytesPerSecond = 24e9
    """Bandwidth of the L-local link between two nodes of a drawer, per direction (recalled,
    unverified)."""
    remote: BytesPerSecond = 5e9
    """Bandwidth of the L-remote link between two nodes of different drawers of a supernode, per
    direction (recalled, unverified)."""
    d_link: BytesPerSecond = 10e9
    """Bandwidth of a D link between two supernodes, per direction (recalled, unverified)."""
    d_links: Annotated[Count, Field(le=1_000_000)] = 512
    """Number of D links of a supernode, 16 a node (recalled, unverified). They are divided evenly
    among the other supernodes, with at least one for each."""


Topology = Annotated[Star | Tree | Ring | Medium | P775, ByKind(), NameForKind]


@final
class Network(Section):
    """The links between the nodes."""

    latency: Seconds
    """Travel time of a message after its last byte was sent."""
    bandwidth: Annotated[
        NodeBandwidth,
        Field(examples=["1 Gbit/s", ["1 Gbit/s", "20 Mbit/s"], {"mean": "1 Gbit/s", "distribution": "gamma", "cv": 0.5}]),
    ]
    """Bandwidth of a node's interface, per direction, which its learners share: one for all nodes,
    a list with one for each node with learners, or a law."""
    overhead: Seconds = 0.0
    """Time that any message takes on its way in addition to the time of its bytes."""
    goodput: Annotated[Number, Field(ge=1e-6, le=1.0)] = 1.0
    """Fraction of each bandwidth between nodes that carries payload; headers take the rest. It
    applies to nodes' and servers' interfaces and the links of the topology, not within a node."""
    sharing: Literal["fifo", "fair"] = "fifo"
    """`fifo`: a link carries one message after another. `fair`: all at once, at max-min fair rates."""
    topology: Topology = Star.by_default()
    """The links that a message passes."""
