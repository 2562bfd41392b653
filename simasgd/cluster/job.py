"""A job for the simulated cluster: all that a scenario says about the clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import final

from simasgd import exact
from simasgd.cluster.cast.start import mean_cycles
from simasgd.cluster.clock import compute
from simasgd.cluster.clock.recording import Limit
from simasgd.cluster.clock.sizes import MiniBatch, mini_batch_sizes
from simasgd.cluster.network.goodput import at_goodput
from simasgd.protocols.base import AbstractProtocol
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.costs_paid import own_work
from simasgd.scenario.schema import Scenario


@final
@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of a cluster under a protocol.

    `mini_batch` has the samples of a gradient of all learners, or of each.
    Models are messages of `payload` bytes and gradients of `gradient_payload`. `gradients_add_up`
    says whether gradients can be summed on the way. `samples_per_epoch` is None if nothing defines
    an epoch.
    """

    cluster: Cluster
    protocol: AbstractProtocol
    seed: int
    mini_batch: MiniBatch
    payload: float
    gradient_payload: float
    gradients_add_up: bool
    samples_per_epoch: int | None
    limit: Limit
    computed: tuple[int, ...] = ()
    """The mini-batches that each learner computed in earlier parts; empty in the first part."""

    def continued(self, part: int, samples: int, computed: tuple[int, ...]) -> Job:
        """Return the job of a later part, which ends when so many samples are applied in it.

        `computed` are the mini-batches that each learner computed before.
        """
        size = self.mini_batch
        limit = Limit(gradients=-(-samples // size)) if isinstance(size, int) else Limit(samples=samples)
        return replace(self, seed=exact.seed_of_part(self.seed, part), limit=limit, computed=computed)

    @classmethod
    def of(cls, scenario: Scenario) -> Job:
        """Return the job that a scenario describes."""
        mini_batch = mini_batch_sizes(scenario.workload, scenario.cluster.learners, scenario.cluster_seed)
        return cls(
            cluster=scenario.cluster,
            protocol=scenario.protocol,
            seed=scenario.cluster_seed,
            mini_batch=mini_batch,
            payload=scenario.payload,
            gradient_payload=scenario.gradient_payload,
            gradients_add_up=scenario.workload.compression.adds_up,
            samples_per_epoch=scenario.samples_per_epoch,
            limit=_limit(scenario, mini_batch),
        )

    @property
    def gradients_per_epoch(self) -> float:
        """The gradients of one epoch, of mean size, infinite if nothing defines an epoch."""
        return inf if self.samples_per_epoch is None else self.samples_per_epoch / self.mean_mini_batch

    @property
    def mean_mini_batch(self) -> float:
        """The number of samples in a mini-batch, averaged over the learners."""
        return self.mini_batch if isinstance(self.mini_batch, int) else sum(self.mini_batch) / len(self.mini_batch)

    def mean_cycles(self) -> list[float]:
        """Return the mean time (s) of each learner's cycle (`mean_cycle` in cast/start.py)."""
        cluster, protocol = at_goodput(self.cluster), self.protocol
        own = own_work(protocol, cluster)
        means = [mean + own for mean in compute.mean_times(cluster, self.mini_batch)]
        sizes = self.gradient_payload, self.payload
        return mean_cycles(cluster, means, *sizes, self.seed, has_server=protocol.has_server)


def _limit(scenario: Scenario, mini_batch: MiniBatch) -> Limit:
    """Return where a run stops; where all gradients have equal samples, these are counted as gradients."""
    stop, samples = scenario.stop, scenario.samples_to_stop
    if samples is None or not isinstance(mini_batch, int):
        return Limit(stop.gradients, stop.updates, stop.simulated_time, samples)
    gradients = -(-samples // mini_batch)
    most = gradients if stop.gradients is None else min(gradients, stop.gradients)
    return Limit(most, stop.updates, stop.simulated_time)
