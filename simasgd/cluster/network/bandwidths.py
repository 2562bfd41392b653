"""The bandwidth of each node's interface."""

from __future__ import annotations

from simasgd import exact
from simasgd.laws import member_factors
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.cluster.members import Bandwidths

_LEAST, _MOST = 1e-15, 1e15  # the range of a bandwidth in a scenario


def bandwidths(spec: Cluster, seed: int) -> list[float]:
    """Return the bandwidth (bytes/s) of each node with learners.

    One that is drawn from a law is a function of the seed and the node's number only.
    """
    bandwidth = spec.network.bandwidth
    if isinstance(bandwidth, tuple):
        return list(bandwidth)
    if not isinstance(bandwidth, Bandwidths):
        return [bandwidth] * spec.nodes
    factors = member_factors(bandwidth.distribution, bandwidth.cv, seed, exact.Purpose.BANDWIDTH, spec.nodes)
    return [min(max(bandwidth.mean * factor, _LEAST), _MOST) for factor in factors]
