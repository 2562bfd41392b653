"""The stage of a protocol without a parameter server: learners that talk to each other, or pull towards a centre."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import final

from simasgd.cluster.cast.cast import AbstractStage, Fate, Ground
from simasgd.cluster.cast.supervision import supervised
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.trail import Trail, pulled, pushed
from simasgd.cluster.collectives.collective import collective
from simasgd.cluster.collectives.patterns import gathering, reduction
from simasgd.cluster.network.mail import Mail
from simasgd.cluster.peers.centre import Centre
from simasgd.cluster.peers.ensemble import GradientEnsemble, Hall, ModelEnsemble
from simasgd.cluster.peers.model_holder import AbstractParty
from simasgd.cluster.peers.peer import Peer
from simasgd.cluster.server.cast import processor
from simasgd.protocols.base import AbstractPeerProtocol, Meeting, Role
from simasgd.scenario.cluster.architecture import Base


@final
class Peers(AbstractStage):
    """λ learners, and the centre if the protocol has one.

    Where any two may send to each other at any time, a node's interface is a link that messages wait for, or share, and so is a
    learner's port within its node. In meetings both have one message out and one in at a time, and so it is where only the
    centre is talked to.
    """

    def __init__(self, protocol: AbstractPeerProtocol, ground: Ground) -> None:
        spec, meeting = ground.spec, protocol.meeting
        assert isinstance(spec.architecture, Base)
        self._protocol = supervised(protocol)
        self._book = ground.book
        self.network = ground.network(
            servers=spec.architecture.shards if protocol.has_centre else 0,
            shared_nodes=protocol.talks or spec.learners_per_node > 1,
            shared_ports=protocol.talks,
            intra_node_bandwidth=spec.architecture.intra_node_bandwidth,
        )
        self.threads = () if protocol.thread is None else (protocol.thread,)
        if protocol.has_own_models:
            ground.book.models(spec.learners, protocol.has_centre)
        mail = Mail(self.network, ground.payload)
        parties: list[AbstractParty] = []
        self.workers: list[Peer] = []
        for number in range(spec.learners):
            peer = Peer(
                ground.env,
                ground.book,
                number,
                ground.diary(number),
                ground.times[number],
                ground.paces[number],
                self.workers,
                parties,
                mail,
                ground.seed,
            )
            if protocol.thread is not None:
                peer.talk_beside(ground.diary(number, protocol.thread), partial(self._protocol.communicate, peer))
            self.workers.append(peer)
            parties.append(peer)
        self._messages = 2 * spec.learners * spec.architecture.shards
        self._ensemble = None if meeting is None else self._meet(meeting, ground)
        self._centre = self._with_centre(spec.architecture.shards, ground, parties) if protocol.has_centre else None

    @property
    def roles(self) -> Iterator[Callable[[], Role]]:
        if self._centre is not None:
            yield partial(self._protocol.serve, self._centre)

    def roles_of(self, worker: AbstractWorker) -> list[Callable[[], Role]]:
        assert isinstance(worker, Peer)
        return [partial(self._protocol.learn, worker), *(thread.run for thread in worker.threads)]

    @property
    def messages(self) -> int:
        return self._messages

    @property
    def trail(self) -> Trail:
        return self._book.trail

    def servers(self, now: float) -> tuple[Usage, ...]:
        return () if self._centre is None else (self._centre.usage(now),)

    def fate(self) -> Fate:
        outstanding = sum(peer.in_flight for peer in self.workers)
        given = self._ensemble.pending if isinstance(self._ensemble, GradientEnsemble) else 0
        return Fate(dropped=0, in_flight=outstanding + given)

    def _meet(self, meeting: Meeting, ground: Ground) -> GradientEnsemble | ModelEnsemble:
        of_gradients = meeting.of == "gradients"
        payload = ground.gradient_payload if of_gradients else ground.payload
        messages = reduction if ground.gradients_add_up or not of_gradients else gathering
        rounds = messages(meeting.collective, len(self.workers), ground.spec.learners_per_node)
        self._messages += meeting.buckets * sum(len(one.source) for one in rounds)
        sizes = [payload * meeting.size / meeting.buckets] * meeting.buckets
        ends = [self.network.learner_end(peer.number) for peer in self.workers]
        operations = partial(collective, ground.env, self.network, ends, rounds, sizes)
        hall = Hall(ground.env, ground.book, len(self.workers), meeting, operations)
        ensemble = GradientEnsemble(hall) if of_gradients else ModelEnsemble(hall)
        for peer in self.workers:
            peer.meet_in(ensemble)
        return ensemble

    def _with_centre(self, shards: int, ground: Ground, parties: list[AbstractParty]) -> Centre:
        learners = len(self.workers)
        centre = Centre(ground.env, ground.book, learners, parties, processor(ground))
        parties.append(centre)
        names = ["server"] if shards == 1 else [f"server {shard}" for shard in range(shards)]
        ends = [self.network.server_end(ground.spec.nodes + shard, name) for shard, name in enumerate(names)]
        for peer in self.workers:
            me, number = self.network.learner_end(peer.number), peer.number
            up = self.network.parts([(me, end) for end in ends], ground.payload, pushed, learner=number)
            down = self.network.parts([(end, me) for end in ends], ground.payload, pulled, learner=number)
            peer.visit(centre, up, down)
        return centre
