"""The throughput of a lone learner, to compare a cluster's with, and the time that learners were present."""

from __future__ import annotations

from simasgd.cluster.clock.compute import mean_times
from simasgd.cluster.clock.sizes import mini_batch_sizes, size_of_each
from simasgd.cluster.result import ClockResult
from simasgd.scenario.schema import Scenario


def lone_rate(scenario: Scenario) -> float | None:
    """Return the samples per second of one learner of speed 1 that computes alone, on average.

    Where learners have laws or mini-batches of their own, it is the fastest of them. None if a
    mini-batch takes no time.
    """
    cluster = scenario.cluster
    mini_batch = mini_batch_sizes(scenario.workload, cluster.learners, scenario.cluster_seed)
    sizes, means = size_of_each(mini_batch, cluster.learners), mean_times(cluster, mini_batch)
    return max((size / mean for size, mean in zip(sizes, means, strict=True) if mean > 0.0), default=None)


def present_seconds(clock: ClockResult, learners: int) -> float:
    """Return the seconds that learners were present, summed over them: neither down nor at the end of their traces."""
    end = clock.simulated_seconds
    return learners * end - clock.fault_counts.down_seconds - sum(end - min(at, end) for at in clock.left.values())
