"""The `cluster.network` section: how bytes travel."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.vocabulary.section import Count, NameForKind, Number, Section
from simasgd.scenario.vocabulary.units import BytesPerSecond, Seconds


@final
class Star(Section):
    """Every node hangs on one switch that is never the bottleneck."""

    kind: Literal["star"] = "star"


@final
class Tree(Section):
    """Racks of nodes under a core switch, on which the servers' own nodes hang."""

    kind: Literal["tree"] = "tree"
    nodes_per_rack: Count = 16
    """Nodes 0 to nodes_per_rack − 1 are rack 0, and so on."""
    oversubscription: Annotated[Number, Field(gt=0.0, le=1e6)] = 1.0
    """A rack's uplink (and downlink) carries nodes_per_rack × network.bandwidth ÷ oversubscription."""
    core_latency: Seconds = 0.0
    """Added to the latency of a message that passes the core."""


@final
class Ring(Section):
    """Nodes in a circle, each with a link to both neighbours; a message takes the shorter way, and `latency` at every hop."""

    kind: Literal["ring"] = "ring"


@final
class Medium(Section):
    """One medium between all nodes, the air say: it carries every message, at `network.bandwidth`."""

    kind: Literal["medium"] = "medium"


@final
class P775(Section):
    """The two-tier direct network of the IBM Power 775: every pair of nodes in a supernode has its own link, and every pair of
    supernodes its part of the D links; `latency` for every link on the way (docs/papers.md A1.6)."""

    kind: Literal["p775"] = "p775"
    nodes_per_drawer: Count = 8
    """Nodes 0 to 7 are drawer 0, and so on."""
    drawers_per_supernode: Count = 4
    """Drawers 0 to 3 are supernode 0, and so on."""
    local: BytesPerSecond = 24e9
    """L-local link between two nodes of a drawer, per direction (recalled, unverified)."""
    remote: BytesPerSecond = 5e9
    """L-remote link between two nodes of different drawers of a supernode, per direction (recalled, unverified)."""
    d_link: BytesPerSecond = 10e9
    """D link between two supernodes, per direction (recalled, unverified)."""
    d_links: Annotated[Count, Field(le=1_000_000)] = 512
    """D links of a supernode, 16 a node (recalled, unverified). The other supernodes share them evenly, one each at least."""


Topology = Annotated[Star | Tree | Ring | Medium | P775, Field(discriminator="kind"), NameForKind]


@final
class Network(Section):
    """The way between the nodes."""

    latency: Seconds
    """Travel time of a message after its last byte was sent."""
    bandwidth: BytesPerSecond
    """Of a node's interface, per direction, which its learners share."""
    overhead: Seconds = 0.0
    """Time a message takes on its way besides that of its bytes, whatever its size."""
    sharing: Literal["fifo", "fair"] = "fifo"
    """fifo: a link carries one message after another. fair: all at once, at max-min fair rates."""
    topology: Topology = Star()
    """Which links a message passes."""
