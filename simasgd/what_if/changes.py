"""Clusters of which one part is faster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from simasgd.scenario.cluster.cluster import Cluster, Compute
from simasgd.scenario.cluster.costs import CostTimes
from simasgd.scenario.cluster.measured import divided
from simasgd.scenario.cluster.members import scaled
from simasgd.scenario.cluster.network import P775, Tree

Change: TypeAlias = Literal["network", "server", "node"]
FACTOR = 2
NO_GAIN = 1.005
"""A speed-up below this one reads as 1.00×."""


def faster_network(cluster: Cluster) -> Cluster:
    """Return a cluster whose links and interfaces, servers' too, carry twice as much, with half the latency."""
    network = cluster.network
    faster: dict[str, Any] = {
        "latency": network.latency / FACTOR,
        "bandwidth": scaled(network.bandwidth, FACTOR),
        "overhead": network.overhead / FACTOR,
    }
    if isinstance(network.topology, P775):
        links = {name: getattr(network.topology, name) * FACTOR for name in ("local", "remote", "d_link")}
        faster["topology"] = network.topology.model_copy(update=links)
    elif isinstance(network.topology, Tree):
        faster["topology"] = network.topology.model_copy(update={"core_latency": network.topology.core_latency / FACTOR})
    server = cluster.server.model_copy(update={"bandwidth": cluster.server.bandwidth * FACTOR})
    return cluster.model_copy(update={"network": network.model_copy(update=faster), "server": server})


def faster_server(cluster: Cluster) -> Cluster:
    """Return a cluster whose servers' interfaces carry twice as much, and whose servers work twice as fast."""
    server = cluster.server
    faster = {
        "bandwidth": server.bandwidth * FACTOR,
        "update": server.update / FACTOR,
        "per_gradient": server.per_gradient / FACTOR,
    }
    return cluster.model_copy(update={"server": server.model_copy(update=faster)})


def faster_node(cluster: Cluster) -> Cluster:
    """Return a cluster whose nodes work twice as fast, and whose links within nodes carry twice as much.

    They compute, step, mix, copy and start operations faster. Copies at a server are faster, too.
    """
    compute, architecture, costs = cluster.compute, cluster.architecture, cluster.costs
    within = {"intra_node_bandwidth": architecture.intra_node_bandwidth * FACTOR}
    work: dict[str, Any] = {
        "per_message": costs.per_message / FACTOR,
        "copy_bandwidth": costs.copy_bandwidth * FACTOR,
        **{key: _faster_cost(getattr(costs, key)) for key in ("step", "mixing", "collective_start")},
    }
    changed = {
        "compute": tuple(map(_faster, compute)) if isinstance(compute, tuple) else _faster(compute),
        "architecture": architecture.model_copy(update=within),
        "costs": costs.model_copy(update=work),
    }
    return cluster.model_copy(update=changed)


def _faster(compute: Compute) -> Compute:
    faster: dict[str, Any] = {"per_batch": compute.per_batch / FACTOR}
    if compute.per_sample is not None:
        faster["per_sample"] = compute.per_sample / FACTOR
    elif compute.measured is not None:
        faster["measured"] = divided(compute.measured, FACTOR)
    return compute.model_copy(update=faster)


def _faster_cost(cost: float | CostTimes) -> float | CostTimes:
    return cost.model_copy(update={"mean": cost.average / FACTOR}) if isinstance(cost, CostTimes) else cost / FACTOR


CHANGES: Mapping[Change, Callable[[Cluster], Cluster]] = {
    "network": faster_network,
    "server": faster_server,
    "node": faster_node,
}
