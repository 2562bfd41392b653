"""Which costs a scenario pays, and which of its keys have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from math import isinf

from simasgd.protocols import AbstractPeerProtocol, AbstractProtocol
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.cluster.costs import mean_cost
from simasgd.scenario.cluster.members import is_unlimited
from simasgd.scenario.cluster.network import P775
from simasgd.scenario.schema import Scenario


def own_work(protocol: AbstractProtocol, cluster: Cluster) -> float:
    """Return the mean time (s) that a learner spends on its own work besides computing, if it does each kind once."""
    costs = cluster.costs
    paid = [
        mean_cost(costs.step) if _steps(protocol) else 0.0,
        mean_cost(costs.mixing) if _mixes(protocol, cluster.learners) else 0.0,
        mean_cost(costs.collective_start) if _meets(protocol, cluster.learners) else 0.0,
    ]
    return sum(paid)


def find_unpaid(scenario: Scenario) -> Iterator[str]:
    """Yield a clause for each cost that has no effect: the key, and why not."""
    cluster, protocol = scenario.cluster, scenario.protocol
    costs, kind = cluster.costs, protocol.kind
    alone = " alone" if cluster.learners == 1 else ""
    if mean_cost(costs.step) and not _steps(protocol):
        yield f"cluster.costs.step has no effect: under {kind} no learner steps a model of its own"
    if mean_cost(costs.mixing) and not _mixes(protocol, cluster.learners):
        yield f"cluster.costs.mixing has no effect: under {kind} no learner{alone} mixes models"
    if mean_cost(costs.collective_start) and not _meets(protocol, cluster.learners):
        whose = "a learner alone needs" if alone else "there is"
        yield f"cluster.costs.collective_start has no effect: under {kind} {whose} no collective operation"
    if costs.copies and not _sends(protocol, cluster.learners):
        keys = [key for key in ("per_message", "copy_bandwidth") if getattr(costs, key) not in (0.0, float("inf"))]
        has = "has" if len(keys) == 1 else "have"
        yield f"cluster.costs.{' and '.join(keys)} {has} no effect: under {kind} a learner alone sends no message"
    if cluster.network.goodput < 1.0 and _is_unlimited(cluster):
        yield "cluster.network.goodput has no effect: every bandwidth between nodes is unlimited"


def _steps(protocol: AbstractProtocol) -> bool:
    """Return whether learners apply gradients to models, copies or replicas of their own."""
    return isinstance(protocol, AbstractPeerProtocol) or protocol.steps_copies


def _mixes(protocol: AbstractProtocol, learners: int) -> bool:
    if not isinstance(protocol, AbstractPeerProtocol) or not protocol.has_own_models:
        return False
    return learners > 1 or protocol.has_centre or protocol.meeting is not None


def _meets(protocol: AbstractProtocol, learners: int) -> bool:
    return isinstance(protocol, AbstractPeerProtocol) and protocol.meeting is not None and learners > 1


def _sends(protocol: AbstractProtocol, learners: int) -> bool:
    return protocol.has_server or learners > 1


def _is_unlimited(cluster: Cluster) -> bool:
    topology = cluster.network.topology
    links = [getattr(topology, name) for name in ("local", "remote", "d_link")] if isinstance(topology, P775) else []
    return is_unlimited(cluster.network.bandwidth) and all(map(isinf, (cluster.server.bandwidth, *links)))
