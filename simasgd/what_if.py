"""What a faster part of the cluster would do to the run time: the same run again, on the changed cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simasgd.cluster.book import Limit
from simasgd.cluster.simulation import Clocked, run
from simasgd.scenario.cluster import Cluster
from simasgd.scenario.network import P775
from simasgd.scenario.schema import Scenario
from simasgd.tape import SummaryRecorder

FACTOR = 2
# Gradients of a run that is short enough to be made again and again: so many, or so many of each learner.
_LEAST, _ROUNDS = 5_000, 3


def faster_network(cluster: Cluster) -> Cluster:
    """All links and interfaces (the servers' too) carry twice as much, and messages travel half as long."""
    network = cluster.network
    faster: dict[str, Any] = {
        "latency": network.latency / FACTOR,
        "bandwidth": network.bandwidth * FACTOR,
        "overhead": network.overhead / FACTOR,
    }
    if isinstance(network.topology, P775):
        links = {name: getattr(network.topology, name) * FACTOR for name in ("local", "remote", "d_link")}
        faster["topology"] = network.topology.model_copy(update=links)
    server = cluster.server.model_copy(update={"bandwidth": cluster.server.bandwidth * FACTOR})
    return cluster.model_copy(update={"network": network.model_copy(update=faster), "server": server})


def faster_server(cluster: Cluster) -> Cluster:
    """The servers' interfaces carry twice as much, and an update takes half as long."""
    faster = {"bandwidth": cluster.server.bandwidth * FACTOR, "update": cluster.server.update / FACTOR}
    return cluster.model_copy(update={"server": cluster.server.model_copy(update=faster)})


def faster_node(cluster: Cluster) -> Cluster:
    """Computing takes half as long."""
    compute = cluster.compute
    faster: dict[str, Any] = {"per_batch": compute.per_batch / FACTOR}
    if compute.per_sample is not None:
        faster["per_sample"] = compute.per_sample / FACTOR
    elif compute.measured is not None:
        faster["measured"] = tuple(time / FACTOR for time in compute.measured)
    return cluster.model_copy(update={"compute": compute.model_copy(update=faster)})


CHANGES: Mapping[str, Callable[[Cluster], Cluster]] = {
    "network": faster_network,
    "server": faster_server,
    "node": faster_node,
}


def what_if(scenario: Scenario, applied: int) -> list[dict[str, Any]] | None:
    """A row per change: the seconds that the first gradients take with it and without, of a run that applied `applied`. None
    for a run that applied nothing; no row for a server that there is none of."""
    gradients = min(applied, max(_LEAST, _ROUNDS * scenario.cluster.learners))
    if gradients == 0:
        return None
    base = _seconds(scenario, scenario.cluster, gradients)
    rows = []
    for change, faster in CHANGES.items():
        if change == "server" and not scenario.protocol.has_server:
            continue
        seconds = _seconds(scenario, faster(scenario.cluster), gradients)
        speedup = base / seconds if base is not None and seconds else None
        rows.append(
            {
                "change": change,
                "factor": FACTOR,
                "seconds": seconds,
                "base_seconds": base,
                "speedup": speedup,
                "gradients": gradients,
            }
        )
    return rows


def _seconds(scenario: Scenario, cluster: Cluster, gradients: int) -> float | None:
    """Simulated seconds until so many gradients have been applied; None if they never are."""
    clocked: Clocked = run(
        cluster,
        scenario.protocol,
        seed=scenario.cluster_seed,
        mini_batch=scenario.workload.mini_batch,
        payload=scenario.payload,
        gradients_add_up=scenario.workload.compression.adds_up,
        gradient_payload=scenario.gradient_payload,
        limit=Limit(gradients=gradients),
        recorder=SummaryRecorder(),
        samples_per_epoch=scenario.samples_per_epoch,
    )
    return clocked.simulated_seconds if clocked.gradients_applied >= gradients else None
