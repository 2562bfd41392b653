"""The participants of a run: its learners, the processes beside them and the network between them."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.network.network import Network
from simasgd.protocols.base import Role


class UnappliedCounts(NamedTuple):
    """Counts of the gradients that were not applied, and of the time-outs of the server's barrier."""

    dropped: int
    in_flight: int
    barrier_timeouts: int = 0
    members_dropped: int = 0


class AbstractCast(abc.ABC):
    """A protocol's cast. `threads` names the threads of each worker beside its compute thread."""

    network: Network
    workers: Sequence[AbstractWorker]
    threads: tuple[str, ...]

    @property
    @abc.abstractmethod
    def roles(self) -> Iterator[Callable[[], Role]]:
        """The processes that run from time 0 beside the workers."""

    @abc.abstractmethod
    def roles_of(self, worker: AbstractWorker) -> list[Callable[[], Role]]:
        """Return the worker's role under the protocol and the processes of its other threads."""

    @property
    @abc.abstractmethod
    def messages(self) -> int:
        """The approximate maximum number of messages between two gradients if nothing fails."""

    @property
    @abc.abstractmethod
    def trail(self) -> Trail:
        """The trail of the last update."""

    @property
    def notices_absences(self) -> bool:
        """Whether the others find out that a learner is away, and go on without it."""
        return False

    @property
    def waiting(self) -> str:
        """A clause that names the roles that wait now and their verbs. It is empty if they are not known."""
        return ""

    @abc.abstractmethod
    def servers(self, now: float) -> tuple[Usage, ...]:
        """Return the usage of each server until `now` (s), the present."""

    @property
    @abc.abstractmethod
    def dropped_of(self) -> Sequence[int]:
        """The number of each learner's gradients that the protocol has dropped."""

    @abc.abstractmethod
    def unapplied(self) -> UnappliedCounts:
        """Count the gradients that were not applied."""

    def kept(self) -> int:
        """Count the computed gradients that are applied or may still be: not cancelled, dropped or lost."""
        return sum(worker.drawn - worker.cancelled - worker.lost for worker in self.workers) - self.unapplied().dropped
