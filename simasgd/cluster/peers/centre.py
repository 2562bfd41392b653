"""The centre: a model on the parameter server that nobody computes on, and that learners pull towards."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, final

from simpy import Environment, Event

from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.mailbox import Mailbox
from simasgd.cluster.cast.updater import make_updater
from simasgd.cluster.cast.waiting import wait_for
from simasgd.cluster.clock.activity import ActivityLog
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.trail import Trail
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

    def __init__(self, context: RunContext, holder: ModelHolder) -> None:
        self.num_learners = context.spec.learners
        self.holder = holder
        self._updater = make_updater(context, self._apply, context.payload)
        self._mailbox: Mailbox[Message] = Mailbox(context.env)
        self._copy_out = context.spec.costs.copy_seconds(context.payload / context.spec.architecture.parts)

    def collect(self, count: int) -> Generator[Event, None, Sequence[Message]]:
        """Return the next `count` messages, in order of arrival."""
        return self._mailbox.collect(count)

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

    def __init__(
        self, env: Environment, routes: CentreRoutes, number: int, messaging: Messaging, activity_log: ActivityLog
    ) -> None:
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
