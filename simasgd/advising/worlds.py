"""What would change the answer: the same candidates on a cluster with another network, or other stragglers, by timing alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simasgd.cluster.job import Job
from simasgd.scenario.cluster.cluster import Cluster, Compute
from simasgd.scenario.cluster.members import scaled
from simasgd.scenario.cluster.network import P775, Tree
from simasgd.scenario.cluster.stragglers import Stragglers
from simasgd.scenario.schema import Scenario

HERE = "this cluster"
"""The name of the cluster that the scenario has."""
_SLOWDOWN, _SLOW, _NORMAL = 4.0, 10.0, 90.0
"""Added stragglers: their slowdown, and the mean lengths of their slow and normal spells, in mini-batches."""


def list_worlds(base: Scenario) -> Mapping[str, Callable[[Cluster], Cluster]]:
    """Return the changes of the cluster by their names in words; those that change nothing of `base` are left out."""
    cluster = base.cluster
    cycle = max(Job.of(base).mean_cycles())

    def with_stragglers(one: Cluster) -> Cluster:
        spells = Stragglers.model_validate(
            {"slowdown": _SLOWDOWN, "mean_normal": f"{_NORMAL * cycle!r} s", "mean_slow": f"{_SLOW * cycle!r} s"}
        )
        there = one.stragglers if isinstance(one.stragglers, tuple) else () if one.stragglers is None else (one.stragglers,)
        return one.model_copy(update={"stragglers": (*there, spells)})

    worlds: dict[str, Callable[[Cluster], Cluster]] = {
        "twice the latency": _slower_messages,
        "half the bandwidth": _narrower_links,
        "twice the bandwidth": _wider_links,
        "steady compute times": _steady,
        "learners that are 4× as slow for a tenth of the time": with_stragglers,
    }
    return {name: change for name, change in worlds.items() if change(cluster) != cluster}


def in_world(scenario: Scenario, change: Callable[[Cluster], Cluster]) -> Scenario:
    """Return a scenario on a changed cluster."""
    return scenario.model_copy(update={"cluster": change(scenario.cluster)})


def _slower_messages(cluster: Cluster) -> Cluster:
    network = cluster.network
    changed: dict[str, Any] = {"latency": 2.0 * network.latency, "overhead": 2.0 * network.overhead}
    if isinstance(network.topology, Tree):
        core = 2.0 * network.topology.core_latency
        changed["topology"] = network.topology.model_copy(update={"core_latency": core})
    return cluster.model_copy(update={"network": network.model_copy(update=changed)})


def _narrower_links(cluster: Cluster) -> Cluster:
    return _scale_links(cluster, 0.5)


def _wider_links(cluster: Cluster) -> Cluster:
    return _scale_links(cluster, 2.0)


def _scale_links(cluster: Cluster, factor: float) -> Cluster:
    network = cluster.network
    changed: dict[str, Any] = {"bandwidth": scaled(network.bandwidth, factor)}
    if isinstance(network.topology, P775):
        links = {name: getattr(network.topology, name) * factor for name in ("local", "remote", "d_link")}
        changed["topology"] = network.topology.model_copy(update=links)
    server = cluster.server.model_copy(update={"bandwidth": cluster.server.bandwidth * factor})
    return cluster.model_copy(update={"network": network.model_copy(update=changed), "server": server})


def _steady(cluster: Cluster) -> Cluster:
    """Return the cluster without stragglers, and with compute times that do not vary; measured times stay."""
    compute = cluster.compute
    laws = tuple(map(_constant, compute)) if isinstance(compute, tuple) else _constant(compute)
    return cluster.model_copy(update={"compute": laws, "stragglers": None})


def _constant(law: Compute) -> Compute:
    return law if law.measured is not None else law.model_copy(update={"distribution": "constant", "cv": None})
