"""The cast of a protocol without a parameter server: learners that send to each other, or pull towards a centre."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import final

from simasgd.cluster.cast.cast import AbstractCast, UnappliedCounts
from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.updater import make_processor
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.trail import Trail, add_pull, add_push
from simasgd.cluster.collectives.patterns import gathering, reduction
from simasgd.cluster.collectives.selection import make_operations
from simasgd.cluster.network.peer_routes import PeerRoutes
from simasgd.cluster.peers.centre import Centre
from simasgd.cluster.peers.ensemble import GradientEnsemble, MeetingContext, ModelEnsemble
from simasgd.cluster.peers.model_holder import AbstractModelHolder
from simasgd.cluster.peers.peer import Peer
from simasgd.cluster.supervision.supervise import supervise
from simasgd.protocols.base import AbstractPeerProtocol, Meeting, Role
from simasgd.scenario.cluster.architecture import Base


@final
class PeerCast(AbstractCast):
    """λ learners, and the centre if the protocol has one.

    Where any two may send to each other at any time, a node's interface is a link that messages wait for, or share, and so is a
    learner's port within its node. In meetings both have one message out and one in at a time, and so it is where only the
    centre is talked to.
    """

    def __init__(self, protocol: AbstractPeerProtocol, context: RunContext) -> None:
        spec, meeting = context.spec, protocol.meeting
        assert isinstance(spec.architecture, Base)
        self._protocol = supervise(protocol)
        self._recording = context.recording
        self.network = context.make_network(
            servers=spec.architecture.shards if protocol.has_centre else 0,
            shared_nodes=protocol.has_direct_messages or spec.learners_per_node > 1,
            shared_ports=protocol.has_direct_messages,
            intra_node_bandwidth=spec.architecture.intra_node_bandwidth,
        )
        self.threads = () if protocol.thread is None else (protocol.thread,)
        if protocol.has_own_models:
            context.recording.models(spec.learners, protocol.has_centre)
        routes = PeerRoutes(self.network, context.payload)
        holders: list[AbstractModelHolder] = []
        self.workers: list[Peer] = []
        for number in range(spec.learners):
            peer = Peer(context, number, context.make_activity_log(number), self.workers, holders, routes)
            if protocol.thread is not None:
                peer.talk_beside(context.make_activity_log(number, protocol.thread), partial(self._protocol.communicate, peer))
            self.workers.append(peer)
            holders.append(peer)
        self._messages = 2 * spec.learners * spec.architecture.shards
        self._ensemble = None if meeting is None else self._meet(meeting, context)
        self._centre = self._with_centre(spec.architecture.shards, context, holders) if protocol.has_centre else None

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
        return self._recording.trail

    def servers(self, now: float) -> tuple[Usage, ...]:
        return () if self._centre is None else (self._centre.usage(now),)

    def unapplied(self) -> UnappliedCounts:
        outstanding = sum(peer.in_flight for peer in self.workers)
        given = self._ensemble.pending if isinstance(self._ensemble, GradientEnsemble) else 0
        return UnappliedCounts(dropped=0, in_flight=outstanding + given)

    def _meet(self, meeting: Meeting, context: RunContext) -> GradientEnsemble | ModelEnsemble:
        of_gradients = meeting.of == "gradients"
        payload = context.gradient_payload if of_gradients else context.payload
        messages = reduction if context.gradients_add_up or not of_gradients else gathering
        rounds = messages(meeting.collective, len(self.workers), context.spec.learners_per_node)
        self._messages += meeting.buckets * sum(len(one.source) for one in rounds)
        sizes = [payload * meeting.size / meeting.buckets] * meeting.buckets
        ends = [self.network.learner_endpoint(peer.number) for peer in self.workers]
        operations = partial(make_operations, context.env, self.network, ends, rounds, sizes)
        meeting_context = MeetingContext(context.env, context.recording, len(self.workers), meeting, operations)
        ensemble = GradientEnsemble(meeting_context) if of_gradients else ModelEnsemble(meeting_context)
        for peer in self.workers:
            peer.meet_in(ensemble)
        return ensemble

    def _with_centre(self, shards: int, context: RunContext, holders: list[AbstractModelHolder]) -> Centre:
        learners = len(self.workers)
        centre = Centre(context.env, context.recording, learners, holders, make_processor(context))
        holders.append(centre)
        ends = self.network.shard_endpoints(shards)
        for peer in self.workers:
            me, number = self.network.learner_endpoint(peer.number), peer.number
            up = self.network.make_split_route([(me, end) for end in ends], context.payload, add_push, learner=number)
            down = self.network.make_split_route([(end, me) for end in ends], context.payload, add_pull, learner=number)
            peer.visit(centre, up, down)
        return centre
