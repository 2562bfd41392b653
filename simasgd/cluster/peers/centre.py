"""The centre: a model on the parameter server that nobody computes on, and that learners pull towards."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, NamedTuple, final

from simpy import Environment, Event

from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.mailbox import Mailbox
from simasgd.cluster.cast.updater import make_updater
from simasgd.cluster.cast.waiting import wait_for
from simasgd.cluster.clock.activity import Log
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.membership.membership import Membership
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.cluster.peers.messaging import Messaging
from simasgd.cluster.peers.model_holder import ModelHolder
from simasgd.protocols.verbs import Message
from simasgd.tape.mixing import Model


@final
class Centre:
    """The centre. Its protocol sees it as `CentreVerbs`. `num_learners` is λ.

    A move takes the time of an update. The model changes when the move is done.
    """

    def __init__(self, context: RunContext, holder: ModelHolder, membership: Membership | None) -> None:
        self.num_learners = context.spec.learners
        self.holder = holder
        self._updater = make_updater(context, self._apply, context.payload)
        self._mailbox: Mailbox[Message] = Mailbox(context.env)
        self._copy_out = context.spec.costs.copy_seconds(context.payload / context.spec.architecture.parts)
        self._collect: Callable[[int], Generator[Event, None, Sequence[Message]]] = self._mailbox.collect
        if membership is not None:
            self._awaits_members = False
            membership.watch(self._look_again)
            self._collect = partial(self._collect_of_members, membership)

    def collect(self, count: int) -> Generator[Event, None, Sequence[Message]]:
        """Return the next `count` messages, in order of arrival."""
        return self._collect(count)

    def move(self, messages: Sequence[Message]) -> None:
        """Set x̃ ← x̃ + the sum of the differences in `messages`, after all earlier moves."""
        self._updater.update(messages, self._mailbox.arrival)

    def deliver(self, message: Message, trail: Trail) -> None:
        """Take in a message that arrives now."""
        if self._updater.counts_messages:
            self._updater.take_up(trail)  # before any move that the message causes
        self._mailbox.put((message,), trail)

    def ready(self, moves: int) -> Event | None:
        """Return an event to wait for before the model after `moves` moves can be read; None if it can be read now.

        The event's value is its trail, or None.
        """
        return self._updater.until_made(moves) if moves > self.holder.steps else self._updater.resumed()

    def copy_out(self, trail: Trail) -> Event | None:
        """Copy the model for a reply; return an event for the end of the copy, with its trail, or None if it takes no time."""
        return self._updater.copied(self._copy_out, trail)

    def usage(self, until: float) -> Usage:
        """Return how busy the moves kept the server until `until` (s)."""
        return self._updater.usage(until)

    def _collect_of_members(self, membership: Membership, count: int) -> Generator[Event, None, Sequence[Message]]:
        """Return the next `count` messages; for all learners, one of each that is not given up."""
        mailbox = self._mailbox
        if count < self.num_learners:
            return (yield from mailbox.collect(count))
        while True:
            here = {message.sender for messages in mailbox.messages for message in messages}
            members = [number for number in range(self.num_learners) if not membership.is_given_up(number)]
            if here and here.issuperset(members):
                return [message for _ in range(len(mailbox.messages)) for message in mailbox.take()]
            self._awaits_members = True
            yield mailbox.until_held(mailbox.held + 1)
            self._awaits_members = False

    def _look_again(self, _: int) -> None:
        """Let the centre see whom it still has to wait for."""
        if self._awaits_members:
            self._mailbox.wake()

    def _apply(self, messages: Sequence[Message], trail: Trail) -> None:
        for message in messages:
            self.holder.add(message.model)
        self.holder.count_step()
        if self._updater.awaited:
            self._updater.announce(self.holder.steps, trail)


class CentreRoutes(NamedTuple):
    """The centre, and a learner's routes to it (`up`) and back (`down`)."""

    centre: Centre
    up: AbstractRoute
    down: AbstractRoute


@final
class CentreMessaging:
    """The verbs `fetch_centre` and `push` of learner number `number`."""

    def __init__(self, env: Environment, routes: CentreRoutes, number: int, messaging: Messaging, activity_log: Log) -> None:
        self._env = env
        self._centre, self._up, self._down = routes
        self._number = number
        self._messaging = messaging
        self._activity_log = activity_log

    def fetch_centre(self, moves: int = 0) -> Generator[Event, Any, Model]:
        """Return the centre's model, once the centre has moved `moves` times."""
        while (ready := self._centre.ready(moves)) is not None:
            yield from wait_for(self._env, ready, self._activity_log)
        return (yield from self._messaging.read(self._centre.holder, self._down))

    def push(self, difference: Model) -> Generator[Event, Any, None]:
        """Send a difference to the centre, once the previous message has arrived."""
        return self._messaging.carry(self._up, Message(difference, self._number), self._centre.deliver)
