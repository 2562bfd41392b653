"""All that the learners of a run without a parameter server share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

from simpy import Environment

from simasgd.cluster.cast.own_work import AnswerThread
from simasgd.cluster.clock.activity import ActivityLog, Log
from simasgd.cluster.membership.attendance import Attendance
from simasgd.cluster.membership.member_inbox import MemberInbox
from simasgd.cluster.membership.membership import Membership
from simasgd.cluster.network.peer_routes import PeerRoutes
from simasgd.cluster.peers.centre import CentreRoutes
from simasgd.cluster.peers.ensemble import GradientEnsemble, ModelEnsemble
from simasgd.cluster.peers.inbox import Inbox
from simasgd.cluster.peers.member_messaging import MemberMessaging
from simasgd.cluster.peers.messaging import Messaging
from simasgd.cluster.peers.model_holder import ModelHolder
from simasgd.protocols.base import Role
from simasgd.tape.mixing import Model

if TYPE_CHECKING:
    from simasgd.cluster.peers.peer import Peer

Communicate = Callable[["Peer"], Role]


@final
@dataclass(frozen=True, eq=False)
class PeerGroup:
    """All that the learners of a run share, by number; in the end also the learners themselves (`peers`).

    A learner has an activity log for its compute thread and, if `communicate` is the role of a
    second thread, one for that. `answering` are the threads that answer requests of other learners;
    there are none unless that takes time. An ensemble is None unless all learners meet to average
    its values. `membership` is None if all learners are there at all times.
    """

    holders: Sequence[ModelHolder]
    logs: Sequence[ActivityLog]
    second_logs: Sequence[ActivityLog]
    communicate: Communicate | None
    inboxes: Sequence[Inbox | MemberInbox]
    routes: PeerRoutes
    gradients: GradientEnsemble | None
    models: ModelEnsemble | None
    centre: Sequence[CentreRoutes]
    answering: Sequence[AnswerThread]
    membership: Membership | None = None
    attendance: Attendance | None = None
    peers: list[Peer] = field(default_factory=list)

    def make_messaging(self, env: Environment, peer: Peer, log: Log) -> Messaging | MemberMessaging:
        """Make the messaging of the learner's thread that has this log."""
        messaging = self.make_plain_messaging(env, peer.number, log)
        if self.membership is None:
            return messaging
        return MemberMessaging(env, peer, messaging, log, self.membership, self._member_inbox)

    def make_plain_messaging(self, env: Environment, number: int, log: Log) -> Messaging:
        """Make messaging to holders of models that are there."""
        return Messaging(env, self.holders[number], log, self.routes, self.inboxes)

    def round_after(self, number: int, theirs: Model | None) -> int:
        """Return the round with which a learner begins that has come back with the model `theirs`.

        It is the number of the centre's moves, or of the next message of the model's holder.
        """
        if theirs is not None and self.centre:
            return theirs.steps
        progress = self._member_inbox(number).progress
        if theirs is not None:
            progress[number] = progress[theirs.holder]
        return progress[number]

    def _member_inbox(self, number: int) -> MemberInbox:
        inbox = self.inboxes[number]
        assert isinstance(inbox, MemberInbox)
        return inbox
