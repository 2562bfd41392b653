"""The roles of a protocol under supervision.

A role gets a stand-in for its server or learner, which checks every call of a verb. Protocols of
simasgd itself get the original objects, so supervision costs them nothing.
"""

from __future__ import annotations

from math import inf
from typing import TypeVar, final

from simasgd.cluster.supervision.calls import get_stand_in
from simasgd.cluster.supervision.ledger import GradientLedger
from simasgd.cluster.supervision.role import MOST_USES, SupervisedRole
from simasgd.cluster.supervision.waiting import Waiting, describe_waiting
from simasgd.cluster.supervision.watchdog import Watchdog
from simasgd.protocols.base import AbstractPeerProtocol, AbstractServerProtocol, Role
from simasgd.protocols.foreign import is_foreign
from simasgd.protocols.verbs import CentreVerbs, LearnerVerbs, PeerVerbs, ServerVerbs

PATIENCE = 60.0  # seconds of CPU time
Supervisable = TypeVar("Supervisable", AbstractServerProtocol, AbstractPeerProtocol)


@final
class Supervised:
    """The roles of one protocol in one run. Their mistakes raise ProtocolFault.

    A role that computes for `patience` seconds of CPU time without waiting is a mistake, too, and so is one that uses
    servers and learners over `most_uses` times.
    """

    def __init__(
        self,
        protocol: AbstractServerProtocol | AbstractPeerProtocol,
        patience: float = PATIENCE,
        most_uses: float = MOST_USES,
    ) -> None:
        self._protocol = protocol
        self._most_uses = most_uses
        self._has_server = isinstance(protocol, AbstractServerProtocol)
        self._ledger = GradientLedger()
        self._watchdog = Watchdog(patience)
        self._roles: dict[tuple[str, int], SupervisedRole] = {}

    def serve(self, server: ServerVerbs | CentreVerbs) -> Role:
        """Run the role of the server or the centre."""
        return self._run("serve", -1, server, ServerVerbs if self._has_server else CentreVerbs)

    def learn(self, learner: LearnerVerbs | PeerVerbs) -> Role:
        """Run a learner's role. After a crash, the role starts without gradients."""
        self._ledger.clear(learner.number)
        return self._run("learn", learner.number, learner, LearnerVerbs if self._has_server else PeerVerbs)

    def communicate(self, peer: PeerVerbs) -> Role:
        """Run the role of a learner's second thread."""
        return self._run("communicate", peer.number, peer, PeerVerbs)

    def describe_waiting(self) -> str:
        """Return who waits in which verb at present; "" if nobody does."""
        return describe_waiting([Waiting(*place, role.call) for place, role in self._roles.items() if role.call])

    def _run(self, name: str, number: int, actor: object, verbs: type) -> Role:
        role = SupervisedRole(self._protocol.kind, name, self._ledger, self._watchdog, self._most_uses)
        self._roles[name, number] = role
        role.begin(getattr(self._protocol, name), get_stand_in(role, actor, verbs))
        try:
            value = None
            while True:
                value = yield role.resume(value)
        finally:
            role.close()


def supervise(protocol: Supervisable) -> Supervisable | Supervised:
    """Return the protocol, or its roles under supervision if it is from another package."""
    return Supervised(protocol) if is_foreign(type(protocol)) else protocol


def supervise_in_real_time(protocol: Supervisable) -> Supervisable | Supervised:
    """Do as `supervise` does, for roles that wait inside their verbs: nobody sees when they wait, so nothing is counted."""
    return Supervised(protocol, inf, inf) if is_foreign(type(protocol)) else protocol
