"""The messages of one thread of a learner to other holders of models."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, final
from typing import Protocol as Structural

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.cast.waiting import wait_for
from simasgd.cluster.clock.activity import Activity, Log
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import Trail, add_pull, add_push
from simasgd.cluster.membership.member_inbox import MemberInbox
from simasgd.cluster.network.peer_routes import PeerRoutes
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.cluster.peers.inbox import Inbox
from simasgd.cluster.peers.model_holder import ModelHolder
from simasgd.protocols.verbs import Message, PeerVerbs
from simasgd.tape.mixing import Model

_WAIT, _PUSH, _PULL = Activity.WAIT, Activity.PUSH, Activity.PULL


class HasModel(Structural):
    """A holder of a model, or a copy of its model."""

    @property
    def model(self) -> Model:
        """A handle on the model."""


class _Answer(NamedTuple):
    """The answer of an exchange: the other learner's model from before it, and the trail of the answer's arrival."""

    theirs: Model
    trail: Trail


@final
class Messaging:
    """The messaging verbs of one thread. At most one message of the thread is under way.

    `holder` is the learner's; `routes` and `inboxes` are those of all learners.
    """

    def __init__(
        self,
        env: Environment,
        holder: ModelHolder,
        activity_log: Log,
        routes: PeerRoutes,
        inboxes: Sequence[Inbox | MemberInbox],
    ) -> None:
        self.in_transit: list[Message] = []  # the message under way, and one that waits for its arrival
        self._env = env
        self._holder = holder
        self._activity_log = activity_log
        self._routes = routes
        self._inboxes = inboxes
        self._sent: Signal | None = None

    def fetch(self, source: PeerVerbs) -> Generator[Event, Any, Model]:
        """Return the model of another learner, as it is when the reply enters its first link. The request takes no time."""
        route = self._routes.between(source.number, self._holder.number, add_pull)
        return (yield from self.read(source, route))

    def read(self, source: HasModel, route: AbstractRoute) -> Generator[Event, Any, Model]:
        """Return the model of `source` as `fetch` does, over that route."""
        env, activity_log = self._env, self._activity_log
        now = env.now
        activity_log.begin(_WAIT, now)
        start, trail, place = route.enter(now, activity_log.trail)
        if start > now:
            yield Timeout(env, start - now)
            now = env.now
        activity_log.trail = trail  # not before: a crash may come first
        theirs = source.model
        activity_log.then(_PULL, now)
        arrival = route.cross(place)
        if arrival is not None:
            activity_log.trail = yield arrival
        activity_log.then(_PULL, route.receive(now))
        return theirs

    def send(self, target: PeerVerbs, model: Model, number: int = 0, weight: float = 1.0) -> Generator[Event, Any, None]:
        """Send a message with a model to the learner `target`, once the previous message has arrived."""
        route = self._routes.between(self._holder.number, target.number, add_push)
        message = Message(model, self._holder.number, number, weight)
        return self.carry(route, message, self._inboxes[target.number].deliver)

    def carry(
        self, route: AbstractRoute, message: Message, deliver: Callable[[Message, Trail], None]
    ) -> Generator[Event, Any, None]:
        """Send a message over that route, once the previous one has arrived; call `deliver` on its arrival."""
        self.in_transit.append(message)
        if len(self.in_transit) > 1:
            self._sent = Signal(self._env)
            yield from wait_for(self._env, self._sent, self._activity_log)
        start, arrival = route.send(self._env.now, self._activity_log.trail)

        def arrived(trail: Trail) -> None:
            route.receive(start)
            self.in_transit.pop(0)
            deliver(message, trail)
            if self._sent is not None:
                sent, self._sent = self._sent, None
                sent.call(trail)

        _on_arrival(arrival, self._activity_log.trail, arrived)

    def exchange(self, other: PeerVerbs, share: float) -> Generator[Event, Any, None]:
        """Set x ← x − share·(x − y) for this learner, y ← y + share·(x − y) for `other`.

        This learner sends x. `other` changes y at once and answers with the old y, and this learner
        waits for the answer. The sum x + y is kept, even if another learner changes x meanwhile.
        """
        env, activity_log, holder, routes = self._env, self._activity_log, self._holder, self._routes
        mine, now = holder.model, env.now
        answered = Signal(env)

        def answer(trail: Trail) -> None:
            theirs = other.model
            other.mix(mine, share)
            activity_log.begin(_WAIT, env.now)
            back = routes.between(other.number, holder.number, add_pull)
            start, arrival = back.send(env.now, trail)

            def arrived(event_trail: Trail) -> None:
                activity_log.then(_PULL, back.receive(start))
                answered.call(_Answer(theirs, event_trail))

            activity_log.then(_PULL, start)
            _on_arrival(arrival, trail, arrived)

        activity_log.begin(_WAIT, now)
        there = routes.between(holder.number, other.number, add_push)
        start, arrival = there.send(now, activity_log.trail)
        activity_log.then(_PUSH, start)

        def reached(trail: Trail) -> None:
            activity_log.then(_PUSH, there.receive(start))
            answer(trail)

        _on_arrival(arrival, activity_log.trail, reached)
        received: _Answer = yield answered
        activity_log.trail = received.trail
        if holder.changes == mine.changes:
            holder.mix(received.theirs, share)
        else:  # a third learner has exchanged with this one meanwhile
            holder.subtract(holder.difference(mine, received.theirs, share), received.theirs)


def _on_arrival(arrival: Event | None, trail: Trail, act: Callable[[Trail], None]) -> None:
    """Call `act` with the trail of a message's arrival; at once, with `trail`, if the message has arrived."""
    if arrival is None:
        act(trail)
    else:
        arrival.callbacks.append(lambda event: act(_trail(event)))


def _trail(event: Event) -> Trail:
    value: Any = event.value
    trail: Trail = value
    return trail
