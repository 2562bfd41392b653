"""A job for the simulated cluster: all that a scenario says about the clock."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import final

from simasgd.cluster.cast.start import mean_cycles
from simasgd.cluster.clock import compute
from simasgd.cluster.clock.recording import Limit
from simasgd.protocols.base import AbstractProtocol
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.schema import Scenario


@final
@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of a cluster under a protocol.

    Models are messages of `payload` bytes and gradients of `gradient_payload`. `gradients_add_up`
    says whether gradients can be summed on the way. `samples_per_epoch` is None if nothing defines
    an epoch.
    """

    cluster: Cluster
    protocol: AbstractProtocol
    seed: int
    mini_batch: int
    payload: float
    gradient_payload: float
    gradients_add_up: bool
    samples_per_epoch: int | None
    limit: Limit

    @classmethod
    def of(cls, scenario: Scenario) -> Job:
        """Return the job that a scenario describes."""
        return cls(
            cluster=scenario.cluster,
            protocol=scenario.protocol,
            seed=scenario.cluster_seed,
            mini_batch=scenario.workload.mini_batch,
            payload=scenario.payload,
            gradient_payload=scenario.gradient_payload,
            gradients_add_up=scenario.workload.compression.adds_up,
            samples_per_epoch=scenario.samples_per_epoch,
            limit=Limit(scenario.gradients_to_stop, scenario.stop.updates, scenario.stop.simulated_time),
        )

    @property
    def gradients_per_epoch(self) -> float:
        """The gradients of one epoch, infinite if nothing defines an epoch."""
        return inf if self.samples_per_epoch is None else self.samples_per_epoch / self.mini_batch

    def mean_cycles(self) -> list[float]:
        """Return the mean time (s) of each learner's cycle (`mean_cycle` in cast/start.py)."""
        means = compute.mean_times(self.cluster, self.mini_batch)
        sizes = self.gradient_payload, self.payload
        return mean_cycles(self.cluster, means, *sizes, self.seed, has_server=self.protocol.has_server)
