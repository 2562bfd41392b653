"""The cast of a protocol without a parameter server: learners that send to each other, or pull towards a centre."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import final

from simasgd.cluster.cast.cast import AbstractCast, UnappliedCounts
from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.own_work import ANSWER, AnswerThread
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.activity import ActivityLog
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.trail import Trail, add_pull, add_push
from simasgd.cluster.collectives.costly import OperationCosts
from simasgd.cluster.collectives.operations import AbstractOperations, OnFirst
from simasgd.cluster.collectives.patterns import Rounds, gathering, reduction
from simasgd.cluster.collectives.selection import make_operations
from simasgd.cluster.membership.attendance import Attendance
from simasgd.cluster.membership.member_inbox import MemberInbox
from simasgd.cluster.membership.membership import Membership
from simasgd.cluster.network.network import Network
from simasgd.cluster.network.peer_routes import PeerRoutes
from simasgd.cluster.peers.centre import Centre, CentreRoutes
from simasgd.cluster.peers.costly_messaging import MessagingCosts
from simasgd.cluster.peers.costly_peer import CostlyPeer
from simasgd.cluster.peers.ensemble import GradientEnsemble, MakeOperations, ModelEnsemble
from simasgd.cluster.peers.inbox import Inbox
from simasgd.cluster.peers.model_holder import ModelHolder
from simasgd.cluster.peers.peer import Peer
from simasgd.cluster.peers.peer_group import PeerGroup
from simasgd.cluster.supervision.supervise import Supervised, supervise
from simasgd.protocols.base import AbstractPeerProtocol, Meeting, Role
from simasgd.scenario.cluster.architecture import Base
from simasgd.scenario.cluster.costs import mean_cost
from simasgd.tape.mixing import Model


@final
class PeerCast(AbstractCast):
    """λ learners, and the centre if the protocol has one.

    If any two learners may send to each other at any time, a node's interface is a link that
    messages queue for or share. So is a learner's port within its node. In a meeting a learner has
    at most one message out and one in at a time, and so it has where it sends to the centre only.
    Interfaces and ports then only limit the pace.
    """

    def __init__(self, protocol: AbstractPeerProtocol, context: RunContext) -> None:
        spec = context.spec
        assert isinstance(spec.architecture, Base)
        shards = spec.architecture.shards
        self._protocol = supervise(protocol)
        self._recording = context.recording
        self.network = context.make_network(
            servers=spec.own_server_nodes if protocol.has_centre else 0,
            shared_nodes=protocol.has_direct_messages or spec.learners_per_node > 1,
            shared_ports=protocol.has_direct_messages,
            intra_node_bandwidth=spec.architecture.intra_node_bandwidth,
        )
        answers = protocol.has_direct_messages and (spec.costs.copies or mean_cost(spec.costs.mixing) > 0.0)
        self.threads = (*(() if protocol.thread is None else (protocol.thread,)), *((ANSWER,) if answers else ()))
        if protocol.has_own_models:
            context.recording.models(spec.learners, protocol.has_centre)
        rounds = () if protocol.meeting is None else _plan_meeting(protocol.meeting, context, spec.learners)
        buckets = 0 if protocol.meeting is None else protocol.meeting.buckets
        self._messages = 2 * spec.learners * shards + buckets * sum(len(messages.source) for messages in rounds)
        self._centre: Centre | None = None
        self._costly: list[CostlyPeer] = []
        self._group = self._make_group(protocol, context, rounds)
        for number in range(spec.learners):
            self._group.peers.append(Peer(context, self._group, number))
        self.workers = self._group.peers
        if spec.costs.any:
            self._add_costs(context)

    @property
    def roles(self) -> Iterator[Callable[[], Role]]:
        if self._centre is not None:
            yield partial(self._protocol.serve, self._centre)

    def roles_of(self, worker: AbstractWorker) -> list[Callable[[], Role]]:
        assert isinstance(worker, Peer)
        learner = self._costly[worker.number] if self._costly else worker
        learn = partial(self._protocol.learn, learner)
        if self._group.membership is not None:
            learn = partial(worker.live, self._protocol.learn)
        return [learn, *(thread.run for thread in worker.threads)]

    @property
    def messages(self) -> int:
        return self._messages

    @property
    def notices_absences(self) -> bool:
        return self._group.membership is not None

    @property
    def trail(self) -> Trail:
        return self._recording.trail

    @property
    def waiting(self) -> str:
        return self._protocol.describe_waiting() if isinstance(self._protocol, Supervised) else ""

    def servers(self, now: float) -> tuple[Usage, ...]:
        return () if self._centre is None else (self._centre.usage(now),)

    @property
    def dropped_of(self) -> Sequence[int]:
        gradients = self._group.gradients
        return [0] * len(self.workers) if gradients is None else gradients.dropped_of

    def unapplied(self) -> UnappliedCounts:
        outstanding = sum(peer.in_flight for peer in self.workers)
        pending = 0 if self._group.gradients is None else self._group.gradients.pending
        membership = self._group.membership
        return UnappliedCounts(
            dropped=sum(self.dropped_of),
            in_flight=outstanding + pending + self._recording.late,
            barrier_timeouts=0 if membership is None else membership.timeouts,
            members_dropped=0 if membership is None else membership.members_dropped,
        )

    def _make_group(self, protocol: AbstractPeerProtocol, context: RunContext, rounds: Rounds) -> PeerGroup:
        """Make what the learners share. The order of the steps fixes the order of tracks on the time line."""
        env, learners, meeting = context.env, context.spec.learners, protocol.meeting
        routes = PeerRoutes(self.network, context.payload)
        holders: list[ModelHolder] = []
        for number in range(learners + protocol.has_centre):
            holders.append(ModelHolder(context, number, holders))
        if context.hands_over and protocol.has_own_models:
            for holder in holders:
                holder.inherit()
        logs = [[context.make_activity_log(number, thread) for thread in ("", *self.threads)] for number in range(learners)]
        answering = [AnswerThread(env, of_learner[-1]) for of_learner in logs] if ANSWER in self.threads else []
        membership = _make_membership(context)
        attendance = None if membership is None or meeting is None else Attendance(env, membership)
        gradients, models = None, None
        if meeting is not None:
            operations = _prepare_operations(meeting, context, self.network, rounds, [of_learner[0] for of_learner in logs])
            if attendance is not None:
                make_group = partial(_make_group_of, meeting, context, self.network)
                operations = partial(attendance.make_operations, make_group)
            ensemble: GradientEnsemble | ModelEnsemble
            if meeting.of == "gradients":
                ensemble = gradients = GradientEnsemble(context, meeting, operations)
            else:
                ensemble = models = ModelEnsemble(context, operations)
            if attendance is not None:
                attendance.on_drop(ensemble.drop)
        centre: list[CentreRoutes] = []
        if protocol.has_centre:
            self._centre = Centre(context, holders[learners], membership)
            centre = _connect_centre(self._centre, context, self.network)
        return PeerGroup(
            holders=holders,
            logs=[of_learner[0] for of_learner in logs],
            second_logs=[of_learner[0 if protocol.thread is None else 1] for of_learner in logs],
            communicate=None if protocol.thread is None else self._communicate,
            inboxes=_make_inboxes(protocol, context, membership, holders, [of_learner[0] for of_learner in logs]),
            routes=routes,
            gradients=gradients,
            models=models,
            centre=centre,
            answering=answering,
            membership=membership,
            attendance=attendance,
        )

    def _communicate(self, peer: Peer) -> Role:
        return self._protocol.communicate(self._costly[peer.number] if self._costly else peer)

    def _add_costs(self, context: RunContext) -> None:
        """Make the learners that the protocol sees where steps, mixing or copies take time."""
        costs, group = context.spec.costs, self._group
        shared = MessagingCosts(
            copy_seconds=costs.copy_seconds(context.payload),
            centre_seconds=costs.copy_seconds(context.payload, context.spec.architecture.parts),
            costs=context.costs,
            workers=group.peers,
            holders=group.holders,
            answering=group.answering,
            routes=group.routes,
            centre=group.centre or None,
        )
        for peer in group.peers:
            self._costly.append(CostlyPeer(context.env, peer, shared, self._costly))


def _make_membership(context: RunContext) -> Membership | None:
    """Make the record of who is there, if learners may be away."""
    faults = context.spec.faults
    if not faults.makes_learners_leave and not context.spec.may_leave:
        return None
    return Membership(context.env, context.spec.learners, faults.patience)


def _make_inboxes(
    protocol: AbstractPeerProtocol,
    context: RunContext,
    membership: Membership | None,
    holders: Sequence[ModelHolder],
    logs: Sequence[ActivityLog],
) -> list[Inbox | MemberInbox]:
    learners = range(context.spec.learners)
    if membership is None:
        return [Inbox(context.env, logs[number]) for number in learners]
    progress = [0 for _ in learners]

    def sender_of(learner: int, number: int) -> int | None:
        return protocol.sender(learner, number, len(learners))

    def model_of(learner: int) -> Model:
        return holders[learner].model

    return [
        MemberInbox(context.env, number, membership, progress, partial(sender_of, number), partial(model_of, number))
        for number in learners
    ]


def _plan_meeting(meeting: Meeting, context: RunContext, learners: int) -> Rounds:
    """Return the rounds of the collective operation of `learners` learners; payloads that cannot be summed are gathered."""
    plan = reduction if context.gradients_add_up or meeting.of == "models" else gathering
    return plan(meeting.collective, learners, context.spec.learners_per_node)


def _prepare_operations(
    meeting: Meeting, context: RunContext, network: Network, rounds: Rounds, logs: Sequence[ActivityLog]
) -> MakeOperations:
    endpoints = [network.learner_endpoint(number) for number in range(context.spec.learners)]
    starts = [costs.collective_start for costs in context.costs]
    is_costly = context.spec.costs.copies or any(times is not None for times in starts)
    costs = OperationCosts(context.spec.costs, starts, logs) if is_costly else None
    return partial(make_operations, context.env, network, endpoints, rounds, _sizes(meeting, context), costs=costs)


def _make_group_of(
    meeting: Meeting, context: RunContext, network: Network, members: Sequence[int], on_first: OnFirst
) -> AbstractOperations:
    """Make the operations of some learners, whose ranks are in the order of their numbers."""
    rounds = _plan_meeting(meeting, context, len(members))
    endpoints = [network.learner_endpoint(number) for number in members]
    return make_operations(context.env, network, endpoints, rounds, _sizes(meeting, context), on_first)


def _sizes(meeting: Meeting, context: RunContext) -> list[float]:
    """Return the payload (bytes) of each operation of a meeting."""
    payload = context.gradient_payload if meeting.of == "gradients" else context.payload
    return [payload * meeting.size / meeting.buckets] * meeting.buckets


def _connect_centre(centre: Centre, context: RunContext, network: Network) -> list[CentreRoutes]:
    """Make each learner's routes to the centre and back."""
    assert isinstance(context.spec.architecture, Base)
    shards = network.shard_endpoints(context.spec.architecture.shards)
    routes = []
    for number in range(context.spec.learners):
        here = network.learner_endpoint(number)
        up = network.make_split_route([(here, shard) for shard in shards], context.payload, add_push, learner=number)
        down = network.make_split_route([(shard, here) for shard in shards], context.payload, add_pull, learner=number)
        routes.append(CentreRoutes(centre, up, down))
    return routes
