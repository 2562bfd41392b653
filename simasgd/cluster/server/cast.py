"""The stage of a protocol with a parameter server: that server, and learners behind an architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import final

from simasgd.cluster.cast.cast import AbstractStage, Fate, Ground
from simasgd.cluster.cast.supervision import supervised
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock import compute
from simasgd.cluster.clock.log import UPDATE
from simasgd.cluster.clock.pace import Scheduled
from simasgd.cluster.clock.pipe import Pipe, Usage
from simasgd.cluster.clock.processor import Processor
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.server.architecture import Site, build
from simasgd.cluster.server.learner import Learner
from simasgd.cluster.server.server import Server
from simasgd.protocols.base import AbstractServerProtocol, Role


@final
class Served(AbstractStage):
    """λ learners and a parameter server."""

    def __init__(self, protocol: AbstractServerProtocol, ground: Ground) -> None:
        self._protocol = supervised(protocol)
        self._book = ground.book
        self._server = Server(ground.env, ground.spec.learners, processor(ground), ground.book.write)
        self._built = build(ground.spec.architecture, Site(ground, self._server))
        self.network = self._built.network
        self.workers = self._built.learners
        self.threads = ground.spec.architecture.threads
        self._parts = ground.spec.architecture.parts

    @property
    def roles(self) -> Iterator[Callable[[], Role]]:
        yield partial(self._protocol.serve, self._server)
        yield from self._built.threads

    def roles_of(self, worker: AbstractWorker) -> list[Callable[[], Role]]:
        assert isinstance(worker, Learner)
        return [partial(self._protocol.learn, worker), *(thread.run for thread in worker.threads)]

    @property
    def messages(self) -> int:
        return 2 * len(self.workers) * self._parts  # each sends a gradient, and gets weights

    @property
    def trail(self) -> Trail:
        return self._server.trail

    def servers(self, now: float) -> tuple[Usage, ...]:
        return (self._server.usage(now), *(relay.usage(now) for relay in self._built.relays if relay.adds))

    def fate(self) -> Fate:
        server = self._server
        on_the_way = sum(worker.in_flight for worker in self.workers) + sum(relay.in_flight for relay in self._built.relays)
        return Fate(
            dropped=server.dropped,
            in_flight=on_the_way + server.received - server.dropped - self._book.gradients,
            barrier_timeouts=server.barrier_timeouts,
            members_dropped=server.members_dropped,
        )


def processor(ground: Ground) -> Processor:
    """What the parameter server works with: its shards share the work, each on its part of the weights."""
    server, shards, pauses = ground.spec.server, ground.spec.architecture.parts, _pauses(ground)
    pipe = Pipe("server", pace=Scheduled(pauses) if pauses else None, log=ground.log, group="servers", activity=UPDATE)
    times = compute.update_times(server.update / shards, compute.law(server.update_law), ground.seed)
    pause_end = partial(Scheduled(pauses).end, work=0.0) if pauses else None
    return Processor(ground.env, pipe, times, server.per_gradient / shards, pause_end)


def _pauses(ground: Ground) -> list[tuple[float, float, float]]:
    return [(pause.at, pause.at + pause.lasting, 0.0) for pause in ground.spec.faults.server_pauses]
