"""The same run on a faster cluster, or with learners that start apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, Literal, final

from simasgd.cluster.clock.recording import Limit
from simasgd.cluster.job import Job
from simasgd.cluster.simulation import run
from simasgd.results.summary import Speedup, StartComparison
from simasgd.scenario.cluster.cluster import Cluster, Compute
from simasgd.scenario.cluster.costs import CostTimes
from simasgd.scenario.cluster.measured import divided
from simasgd.scenario.cluster.members import scaled
from simasgd.scenario.cluster.network import P775, Tree
from simasgd.scenario.lock_step import may_lock_step
from simasgd.scenario.schema import Scenario
from simasgd.tape.recorder import SummaryRecorder

FACTOR = 2
# Each what-if run ends after _LEAST gradients, or _ROUNDS gradients for each learner if that is more.
_LEAST, _ROUNDS = 5_000, 3
_SAME = 0.03
"""Times that differ by less are the same, whatever the chance."""


@final
@dataclass(frozen=True)
class Start:
    """The simulated seconds of the first `gradients`, if learners start together and if they start apart.

    Learners that start apart each start at a time of their own within a `cycle` (s). By chance
    alone the two times differ by the fraction `chance`.
    """

    gradients: int
    seconds: float
    spread_seconds: float
    cycle: float
    chance: float

    @property
    def decides(self) -> bool:
        """Whether the two times differ by more than chance, and by more than the cycle in which learners start."""
        most = _SAME + self.chance
        return not (self.spread_seconds - self.cycle) * (1.0 - most) <= self.seconds <= self.spread_seconds * (1.0 + most)

    def comparison(self) -> StartComparison:
        """Return the comparison as run.json holds it."""
        return StartComparison(
            gradients=self.gradients, seconds=self.seconds, spread_seconds=self.spread_seconds, decides=self.decides
        )

    def sentence(self, variation: float) -> str:
        """Return the warning for readers; compute times have the coefficient of variation `variation`."""
        if variation == 0.0:
            why = "Compute times are constant, so learners that start together may stay in step for ever"
        else:
            why = f"Compute times vary by {variation:.2g} only, so a short run depends on how it starts"
        return (
            f"How learners start changes this run's speed: the first {self.gradients:,} gradients take {self.seconds:.4g} "
            f"simulated seconds, and {self.spread_seconds:.4g} with cluster.start=spread. {why}."
        )


@final
@dataclass(frozen=True)
class Answers:
    """The answers in run.json: a row for each faster part, and the effect of the start (None if it can have none)."""

    rows: tuple[Speedup, ...] | None
    start: Start | None


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


CHANGES: Mapping[Literal["network", "server", "node"], Callable[[Cluster], Cluster]] = {
    "network": faster_network,
    "server": faster_server,
    "node": faster_node,
}


def count_compared(scenario: Scenario, applied: int) -> int:
    """Return of how many gradients `what_if` compares the times, for a run that applied so many."""
    return min(applied, max(_LEAST, _ROUNDS * scenario.cluster.learners))


def what_if(scenario: Scenario, applied: int) -> Answers:
    """Return the effects of a faster network, server and node on a run that applied `applied` gradients.

    A row has the seconds of the first gradients with the change and without. A run that applied
    nothing has no rows, and a run without a server none for the server. If the start decides, or
    the answer depends on it, `spread_speedup` is the speed-up of learners that start apart;
    otherwise it is None.
    """
    gradients = count_compared(scenario, applied)
    if gradients == 0:
        return Answers(None, None)
    base = _seconds(scenario, scenario.cluster, gradients)
    start = None if base is None else _start(scenario, gradients, base)
    rows = []
    for change, faster in CHANGES.items():
        if change == "server" and not scenario.protocol.has_server:
            continue
        seconds = _seconds(scenario, faster(scenario.cluster), gradients)
        speedup, spread = _speedup(base, seconds), None
        if start is not None:
            spread = _speedup(start.spread_seconds, _seconds(scenario, _spread(faster(scenario.cluster)), gradients))
            spread = spread if start.decides or _differ(speedup, spread, start.chance) else None
        rows.append(
            Speedup(
                change=change,
                factor=FACTOR,
                seconds=seconds,
                base_seconds=base,
                speedup=speedup,
                spread_speedup=spread,
                gradients=gradients,
            )
        )
    return Answers(tuple(rows), start)


def _speedup(base: float | None, seconds: float | None) -> float | None:
    return base / seconds if base is not None and seconds else None


def _differ(one: float | None, other: float | None, chance: float) -> bool:
    return one is not None and other is not None and abs(one / other - 1.0) > _SAME + chance


def _spread(cluster: Cluster) -> Cluster:
    return cluster.model_copy(update={"start": "spread"})


def _start(scenario: Scenario, gradients: int, together: float) -> Start | None:
    """Return the effect of the start, or None if it cannot matter."""
    cluster = scenario.cluster
    if not may_lock_step(scenario):
        return None
    spread = _seconds(scenario, _spread(cluster), gradients)
    if spread is None:
        return None
    # A sum of n times has a coefficient of variation of cv/√n, and two of these are compared.
    chance = 2.0 * cluster.least_variation / sqrt(gradients)
    return Start(gradients, together, spread, max(Job.of(scenario).mean_cycles()), chance)


def _seconds(scenario: Scenario, cluster: Cluster, gradients: int) -> float | None:
    """Return the simulated seconds until `gradients` have been applied; None if they never are."""
    job = replace(Job.of(scenario), cluster=cluster, limit=Limit(gradients=gradients))
    clocked = run(job, SummaryRecorder())
    return clocked.simulated_seconds if clocked.gradients_applied >= gradients else None
