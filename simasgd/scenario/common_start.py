"""Lock step: learners that move in step only because they start together."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

from simasgd.scenario.cluster.members import Bandwidths, is_unlimited

if TYPE_CHECKING:
    from simasgd.scenario.cluster.stragglers import Stragglers
    from simasgd.scenario.schema import Scenario

# From this coefficient of variation on, learners drift apart within a few cycles (docs/papers.md,
# closed queues).
_DRIFTS_APART = 0.7


def may_lock_step(scenario: Scenario) -> bool:
    """Return whether the start may decide how fast a run is.

    It may where several learners start together, their protocol has no rounds, and their compute
    times vary little on links that share fairly. With constant compute times it may on any links.
    """
    cluster = scenario.cluster
    variation = cluster.least_variation
    return (
        cluster.start == "together"
        and cluster.learners > 1
        and all(kind.is_lasting or _hits_everyone(kind) for kind in cluster.kinds_of_stragglers)
        and not scenario.protocol.has_rounds
        and variation < _DRIFTS_APART
        and (variation == 0.0 or cluster.network.sharing == "fair")
    )


def _hits_everyone(kind: Stragglers) -> bool:
    return kind.hits == "all" and kind.members is None and kind.share is None


def will_probably_lock_step(scenario: Scenario) -> bool:
    """Return whether nothing in the run is random, while its links share fairly and carry bytes at a finite rate."""
    cluster = scenario.cluster
    return (
        may_lock_step(scenario)
        and not isinstance(cluster.compute, tuple)
        and cluster.compute.variation == 0.0
        and cluster.network.sharing == "fair"
        and cluster.speeds is None
        and isinstance(scenario.workload.mini_batch, int)
        and not cluster.kinds_of_stragglers
        and cluster.server.update_law.variation == 0.0
        and not cluster.costs.vary
        and not (isinf(cluster.server.bandwidth) and is_unlimited(cluster.network.bandwidth))
        and not isinstance(cluster.network.bandwidth, Bandwidths)
        and scenario.payload > 0.0
    )
