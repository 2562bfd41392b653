"""The stage of a protocol with a parameter server: that server, and learners behind an architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import final

from simasgd.cluster import compute
from simasgd.cluster.architecture import Site, build
from simasgd.cluster.learner import Learner
from simasgd.cluster.log import UPDATE
from simasgd.cluster.pace import Scheduled
from simasgd.cluster.pipe import Pipe, Usage
from simasgd.cluster.server import Server
from simasgd.cluster.stage import AbstractStage, Fate, Ground
from simasgd.cluster.supervision import supervised
from simasgd.cluster.trail import Trail
from simasgd.cluster.worker import AbstractWorker
from simasgd.protocols.base import AbstractServerProtocol, Role


@final
class Served(AbstractStage):
    """λ learners and a parameter server."""

    def __init__(self, protocol: AbstractServerProtocol, ground: Ground) -> None:
        self._protocol = supervised(protocol)
        self._book = ground.book
        self._server = _server(ground)
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
        return (self._server.usage(now),)

    def fate(self) -> Fate:
        server = self._server
        on_the_way = sum(worker.in_flight for worker in self.workers) + sum(relay.in_flight for relay in self._built.relays)
        return Fate(
            dropped=server.dropped,
            in_flight=on_the_way + server.received - server.dropped - self._book.gradients,
            barrier_timeouts=server.barrier_timeouts,
            members_dropped=server.members_dropped,
        )


def processor(ground: Ground) -> Pipe:
    """What updates are served by, one at a time."""
    pauses = _pauses(ground)
    return Pipe("server", pace=Scheduled(pauses) if pauses else None, log=ground.log, group="servers", activity=UPDATE)


def update_times(ground: Ground) -> Iterator[float]:
    """How long each update takes (s)."""
    server = ground.spec.server
    return compute.update_times(server.update, compute.law(server.update_law), ground.seed)


def pause_end(ground: Ground) -> Callable[[float], float] | None:
    """When the server is there again, at a time (s); None where it always is."""
    pauses = _pauses(ground)
    return partial(Scheduled(pauses).end, work=0.0) if pauses else None


def _server(ground: Ground) -> Server:
    return Server(
        ground.env, ground.spec.learners, update_times(ground), processor(ground), ground.book.write, pause_end(ground)
    )


def _pauses(ground: Ground) -> list[tuple[float, float, float]]:
    return [(pause.at, pause.at + pause.lasting, 0.0) for pause in ground.spec.faults.server_pauses]
