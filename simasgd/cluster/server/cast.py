"""The cast of a protocol with a parameter server: the server, and learners behind an architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import final

from simasgd.cluster.cast.cast import AbstractCast, UnappliedCounts
from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.server.architecture import deploy
from simasgd.cluster.server.costly_learner import CostlyLearner
from simasgd.cluster.server.cycle import CyclicLearner
from simasgd.cluster.server.learner import Learner
from simasgd.cluster.server.server import Server
from simasgd.cluster.supervision.supervise import Supervised, supervise
from simasgd.protocols.base import AbstractServerProtocol, AbstractSoftsyncProtocol, Role
from simasgd.scenario.cluster.architecture import Base


@final
class ServerCast(AbstractCast):
    """A parameter server and λ learners."""

    def __init__(self, protocol: AbstractServerProtocol, context: RunContext) -> None:
        self._protocol = supervise(protocol)
        self._recording = context.recording
        cycle, any_count = None, None
        if isinstance(self._protocol, AbstractServerProtocol) and context.log is None:
            cycle = self._protocol.learner_cycle
            if isinstance(self._protocol, AbstractSoftsyncProtocol) and self._protocol.most_stale is None:
                any_count = self._protocol.gradients_per_update(context.spec.learners)
        self._has_role = any_count is None  # of the server
        self._server = Server(context, any_count)
        self._deployment = deploy(context.spec.architecture, context, self._server, cycle)
        self.network = self._deployment.network
        self.workers = self._deployment.learners
        self.threads = self._deployment.thread_names
        self._parts = context.spec.architecture.parts
        self._costly: Sequence[CostlyLearner] = ()
        if context.spec.costs.any:
            # A thread that pushes copies its messages itself.
            is_blocking = isinstance(context.spec.architecture, Base)
            seconds = context.spec.costs.copy_seconds(context.gradient_payload, self._parts) if is_blocking else 0.0
            self._costly = [
                CostlyLearner(context, learner, seconds)
                for learner in self._deployment.learners
                if isinstance(learner, Learner)
            ]

    @property
    def roles(self) -> Iterator[Callable[[], Role]]:
        if self._has_role:
            yield partial(self._protocol.serve, self._server)
        yield from self._deployment.threads

    def roles_of(self, worker: AbstractWorker) -> list[Callable[[], Role]]:
        if isinstance(worker, CyclicLearner):
            return [worker.run]
        assert isinstance(worker, Learner)
        learn = (
            partial(self._learn_at_cost, self._costly[worker.number]) if self._costly else partial(self._protocol.learn, worker)
        )
        return [learn, *(thread.run for thread in worker.threads)]

    def _learn_at_cost(self, learner: CostlyLearner) -> Role:
        learner.restart()
        return self._protocol.learn(learner)

    @property
    def messages(self) -> int:
        return 2 * len(self.workers) * self._parts  # a gradient from each learner, and weights to it

    @property
    def trail(self) -> Trail:
        return self._server.trail

    @property
    def waiting(self) -> str:
        return self._protocol.describe_waiting() if isinstance(self._protocol, Supervised) else ""

    def servers(self, now: float) -> tuple[Usage, ...]:
        return (self._server.usage(now), *(relay.usage(now) for relay in self._deployment.relays if relay.adds))

    @property
    def dropped_of(self) -> Sequence[int]:
        return self._server.dropped_of

    def unapplied(self) -> UnappliedCounts:
        server = self._server
        on_the_way = sum(worker.in_flight for worker in self.workers) + sum(
            relay.in_flight for relay in self._deployment.relays
        )
        dropped = sum(server.dropped_of)
        return UnappliedCounts(
            dropped=dropped,
            in_flight=on_the_way + server.received - dropped - self._recording.gradients,
            barrier_timeouts=server.rounds.timeouts,
            members_dropped=server.rounds.members_dropped,
        )
