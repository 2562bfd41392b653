"""The messages of a learner to others that may be away."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, final

from simpy import Environment, Event, Interrupt

from simasgd.cluster.cast.waiting import wait_for
from simasgd.cluster.clock.activity import Log
from simasgd.cluster.membership.member_inbox import MemberInbox
from simasgd.cluster.membership.membership import Membership
from simasgd.cluster.peers.messaging import Messaging
from simasgd.protocols.verbs import Message, PeerVerbs
from simasgd.tape.mixing import NOBODY, Model


@final
class MemberMessaging:
    """The messaging verbs of one thread in one life of the learner `me`, by those of `messaging`.

    A learner that turns to one that is away waits until that one is back, or given up. Then it turns
    to the next learner that is there. If nobody else is there, it goes on alone. It sends no message
    to a learner that is given up, and keeps its push-sum weight.
    """

    def __init__(
        self,
        env: Environment,
        me: PeerVerbs,
        messaging: Messaging,
        log: Log,
        membership: Membership,
        inboxes: Callable[[int], MemberInbox],
    ) -> None:
        self._env = env
        self._me = me
        self._messaging = messaging
        self._log = log
        self._membership = membership
        self._inboxes = inboxes

    @property
    def in_transit(self) -> list[Message]:
        """The messages under way."""
        return self._messaging.in_transit

    def fetch(self, source: PeerVerbs) -> Generator[Event, Any, Model]:
        """Return the model of `source`, or of the next learner that is there; the learner's own model if nobody is."""
        found = yield from self._find(source)
        if found is None:
            return self._me.model._replace(holder=NOBODY)
        return (yield from self._messaging.fetch(found))

    def send(self, target: PeerVerbs, model: Model, number: int = 0, weight: float = 1.0) -> Generator[Event, Any, None]:
        """Send a model to `target`, unless that learner is given up."""
        inbox = self._inboxes(target.number)
        me = self._me.number
        inbox.progress[me] = number + 1
        if self._membership.is_given_up(target.number):
            self._me.weight += weight
            return
        inbox.expect(me, number)
        try:
            yield from self._messaging.send(target, model, number, weight)
        except Interrupt:  # this learner leaves before its message does
            inbox.expect_no_more(me, number)
            raise

    def exchange(self, other: PeerVerbs, share: float) -> Generator[Event, Any, None]:
        """Exchange with `other`, or with the next learner that is there; do nothing if nobody is."""
        found = yield from self._find(other)
        if found is not None:
            yield from self._messaging.exchange(found, share)

    def _find(self, other: PeerVerbs) -> Generator[Event, Any, PeerVerbs | None]:
        membership, me = self._membership, self._me
        while not membership.is_there(other.number):
            if membership.is_given_up(other.number):
                there = (number for number in membership.others_there(other.number) if number != me.number)
                number = next(there, None)
                return None if number is None else me.peers[number]
            yield from wait_for(self._env, membership.news(), self._log)
        return other


def only_messaging(messaging: Messaging | MemberMessaging) -> Messaging:
    """Return the messaging of a learner that is there at all times."""
    assert isinstance(messaging, Messaging)
    return messaging
