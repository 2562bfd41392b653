"""Keys of the cluster that a protocol without a parameter server leaves without a meaning."""

from __future__ import annotations

from collections.abc import Iterator

from simasgd.protocols import AbstractPeerProtocol
from simasgd.scenario.cluster.architecture import Base
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.vocabulary.section import Inconsistency, Rival


def check_without_server(protocol: AbstractPeerProtocol, cluster: Cluster) -> Iterator[Inconsistency]:
    """Yield the parts of a cluster that need a parameter server, under a protocol that has none."""
    kind = protocol.kind
    if not isinstance(cluster.architecture, Base):
        message = f"under {kind} learners send no gradients to a server, so {cluster.architecture.kind} has no tree to build"
        within = cluster.architecture.model_dump(mode="json")["intra_node_bandwidth"]
        base = {"kind": "base", "intra_node_bandwidth": within}
        rival = Rival(("cluster", "architecture"), ("protocol",), base)
        yield Inconsistency(("cluster", "architecture", "kind"), f"{message}; use base", (rival,))
    elif cluster.architecture.shards > 1 and not protocol.has_centre:
        message = f"under {kind} there is no server to split into shards"
        yield give_way_to_protocol(("cluster", "architecture", "shards"), message)
    if cluster.server.node is not None and not protocol.has_centre:
        yield give_way_to_protocol(("cluster", "server", "node"), f"under {kind} there is no server to place on a node")
    if cluster.faults.server_pauses and not protocol.has_centre:
        yield Inconsistency(("cluster", "faults", "server_pauses"), f"under {kind} there is no parameter server to pause")
    for number, link in enumerate(cluster.faults.degraded_links):
        if link.link == "server" and not protocol.has_centre:
            message = f"under {kind} learners do not use a server"
            yield Inconsistency(("cluster", "faults", "degraded_links", number, "link"), message)


def give_way_to_protocol(path: tuple[str, ...], message: str) -> Inconsistency:
    """Return the inconsistency of a value that a later choice of the protocol overrules."""
    return Inconsistency(path, message, (Rival(path, ("protocol",)),))
