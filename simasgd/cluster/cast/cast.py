"""Who takes part in a run: learners, what runs beside them, and the network between them."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simpy import Environment

from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.activity import Diary
from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.clock.pace import Spells
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.recording import Book
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.network.network import Network
from simasgd.protocols.base import Role
from simasgd.scenario.cluster.cluster import Cluster


class Fate(NamedTuple):
    """What became of gradients besides being applied, and what befell the server's barrier."""

    dropped: int
    in_flight: int
    barrier_timeouts: int = 0
    members_dropped: int = 0


@dataclass(frozen=True, eq=False)
class Ground:
    """What a run stands on: messages of `payload` bytes, those of a gradient of `gradient_payload`, which can be added up on
    the way or not; the compute times (s) of each learner, and its pace; an epoch of so many gradients."""

    env: Environment
    spec: Cluster
    book: Book
    seed: int
    payload: float
    gradient_payload: float
    gradients_add_up: bool
    times: Sequence[Iterator[float]]
    paces: Sequence[Spells | None]
    log: SpanLog | None
    gradients_per_epoch: float

    def network(
        self, *, servers: int, shared_nodes: bool, shared_ports: bool = False, intra_node_bandwidth: float = float("inf")
    ) -> Network:
        """A network with so many nodes for servers alone."""
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

    def diary(self, number: int, thread: str = "") -> Diary:
        return Diary(self.log, number, thread)


class AbstractStage(abc.ABC):
    """A protocol's cast. `threads` are the names of what runs beside a worker's compute thread."""

    network: Network
    workers: Sequence[AbstractWorker]
    threads: tuple[str, ...]

    @property
    @abc.abstractmethod
    def roles(self) -> Iterator[Callable[[], Role]]:
        """What runs from the beginning beside the workers."""

    @abc.abstractmethod
    def roles_of(self, worker: AbstractWorker) -> list[Callable[[], Role]]:
        """A worker's role under the protocol, and what its other threads do."""

    @property
    @abc.abstractmethod
    def messages(self) -> int:
        """About so many are sent at most between one gradient and the next, where nothing fails."""

    @property
    @abc.abstractmethod
    def trail(self) -> Trail:
        """Of the last update."""

    @abc.abstractmethod
    def servers(self, now: float) -> tuple[Usage, ...]:
        """How busy they were until `now` (s), the present."""

    @abc.abstractmethod
    def fate(self) -> Fate:
        """Of the gradients that were not applied."""

    def kept(self) -> int:
        """Gradients that were computed and are neither given up nor dropped nor lost: they are applied, or may be."""
        return sum(worker.computed - worker.cancelled - worker.lost for worker in self.workers) - self.fate().dropped
