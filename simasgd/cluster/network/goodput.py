"""Goodput: the fraction of each bandwidth that carries payload."""

from __future__ import annotations

from typing import Any

from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.cluster.members import scaled
from simasgd.scenario.cluster.network import P775


def at_goodput(cluster: Cluster) -> Cluster:
    """Return the cluster with the bandwidths that remain for payload, between nodes but not within them."""
    network, goodput = cluster.network, cluster.network.goodput
    if goodput == 1.0:
        return cluster
    changed: dict[str, Any] = {"bandwidth": scaled(network.bandwidth, goodput), "goodput": 1.0}
    if isinstance(network.topology, P775):
        links = {name: getattr(network.topology, name) * goodput for name in ("local", "remote", "d_link")}
        changed["topology"] = network.topology.model_copy(update=links)
    server = cluster.server.model_copy(update={"bandwidth": cluster.server.bandwidth * goodput})
    return cluster.model_copy(update={"network": network.model_copy(update=changed), "server": server})
