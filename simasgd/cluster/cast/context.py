"""The context of one run, which its parts share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import final

from simpy import Environment

from simasgd.cluster.clock.activity import ActivityLog
from simasgd.cluster.clock.costs import LearnerCosts
from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.clock.recording import AbstractRecording
from simasgd.cluster.clock.spells import AbstractSlowness
from simasgd.cluster.network.network import Network
from simasgd.scenario.cluster.cluster import Cluster


@final
@dataclass(frozen=True, eq=False)
class RunContext:
    """The environment, cluster, recording and random streams of one run.

    Models have `payload` bytes and gradients `gradient_payload`. `gradients_add_up` says whether
    gradients can be summed on the way. Each learner has an iterator of compute `times` (s) and a
    pace, and the times of its own `costs`. An epoch has `gradients_per_epoch` gradients. `computed`
    counts the mini-batches that each learner computed in earlier parts; it is empty in the first part.
    """

    env: Environment
    spec: Cluster
    recording: AbstractRecording
    seed: int
    payload: float
    gradient_payload: float
    gradients_add_up: bool
    times: Sequence[Iterator[float]]
    paces: Sequence[AbstractSlowness | None]
    costs: Sequence[LearnerCosts]
    log: SpanLog | None
    gradients_per_epoch: float
    computed: Sequence[int]

    @property
    def hands_over(self) -> bool:
        """Whether an earlier part of the run hands its models over."""
        return bool(self.computed)

    def make_network(
        self, *, servers: int, shared_nodes: bool, shared_ports: bool = False, intra_node_bandwidth: float = inf
    ) -> Network:
        """Make the run's network, with `servers` nodes that hold servers only."""
        return Network(
            self.env,
            self.spec,
            servers=servers,
            seed=self.seed,
            shared_nodes=shared_nodes,
            shared_ports=shared_ports,
            intra_node_bandwidth=intra_node_bandwidth,
            log=self.log,
        )

    def make_activity_log(self, learner: int, thread: str = "") -> ActivityLog:
        """Make the activity log of a learner's thread; an empty name is the compute thread."""
        return ActivityLog(self.log, learner, thread, has_costs=self.spec.costs.any)
