"""What one thread of a learner says to others: it fetches their models, sends its own, and waits for what they send."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NamedTuple, final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.clock.activity import Activity, ActivityLog
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import Trail, add_pull, add_push, wait_until
from simasgd.cluster.network.peer_routes import PeerRoutes
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.protocols.verbs import Message, ModelHolderVerbs, PeerVerbs
from simasgd.tape.mixing import Model

if TYPE_CHECKING:
    from simasgd.cluster.peers.peer import Peer

_WAIT, _PUSH, _PULL = Activity.WAIT, Activity.PUSH, Activity.PULL


class _Answer(NamedTuple):
    """What comes back of an exchange: the other's model from before it, and the trail of its arrival."""

    theirs: Model
    trail: Trail


@final
class Messaging:
    """The verbs of a learner's thread, whose day is `activity_log`, that take messages. One at most is on its way from it."""

    def __init__(self, env: Environment, me: Peer, activity_log: ActivityLog, routes: PeerRoutes) -> None:
        self.activity_log = activity_log
        self._env = env
        self._me = me
        self._routes = routes
        self.messages: list[Message] = []  # the one on its way, and one that waits for it to arrive
        self._sent: Signal | None = None

    def fetch(self, source: PeerVerbs) -> Generator[Event, Any, Model]:
        """The model of another learner. The request costs nothing; the model is read when the reply enters its first link."""
        route = self._routes.between(source.number, self._me.number, add_pull)
        return (yield from self.read(source, route))

    def read(self, source: ModelHolderVerbs, route: AbstractRoute) -> Generator[Event, Any, Model]:
        """As `fetch`, over that route."""
        env, activity_log = self._env, self.activity_log
        now = env.now
        activity_log.begin(_WAIT, now)
        start, activity_log.trail, place = route.enter(now, activity_log.trail)
        if start > now:
            yield Timeout(env, start - now)
            now = env.now
        theirs = source.model
        activity_log.then(_PULL, now)
        arrival = route.cross(place)
        if arrival is not None:
            activity_log.trail = yield arrival
        activity_log.then(_PULL, route.receive(now))
        return theirs

    def send(self, target: PeerVerbs, model: Model, number: int = 0, weight: float = 1.0) -> Generator[Event, Any, None]:
        """Send a model on its way as the message of that number, as soon as the last one has arrived."""
        route = self._routes.between(self._me.number, target.number, add_push)
        return self.carry(route, Message(model, self._me.number, number, weight), self._me.peers[target.number].deliver)

    def carry(
        self, route: AbstractRoute, message: Message, deliver: Callable[[Message, Trail], None]
    ) -> Generator[Event, Any, None]:
        """Send a message over that route as soon as the last one has arrived; `deliver` is called with it when it does."""
        self.messages.append(message)
        if len(self.messages) > 1:
            self._sent = Signal(self._env)
            yield from self.wait_for(self._sent)
        start, arrival = route.send(self._env.now, self.activity_log.trail)

        def arrived(trail: Trail) -> None:
            route.receive(start)
            self.messages.pop(0)
            deliver(message, trail)
            if self._sent is not None:
                sent, self._sent = self._sent, None
                sent.call(trail)

        _when(arrival, self.activity_log.trail, arrived)

    def exchange(self, other: PeerVerbs, share: float) -> Generator[Event, Any, None]:
        """x_i ← x_i − share·(x_i − x_j) and x_j ← x_j + share·(x_i − x_j) at once for the other: with `share` ½ both have the
        mean. The sum of the two is kept, whatever happens to this learner's model meanwhile.

        This learner's model goes to the other, which answers with its own from before, and this one waits for that.
        """
        env, activity_log, me, routes = self._env, self.activity_log, self._me, self._routes
        mine, now = me.model, env.now
        answered = Signal(env)

        def answer(trail: Trail) -> None:
            theirs = other.model
            other.mix(mine, share)
            activity_log.begin(_WAIT, env.now)
            back = routes.between(other.number, me.number, add_pull)
            start, arrival = back.send(env.now, trail)

            def arrived(event_trail: Trail) -> None:
                activity_log.then(_PULL, back.receive(start))
                answered.call(_Answer(theirs, event_trail))

            activity_log.then(_PULL, start)
            _when(arrival, trail, arrived)

        activity_log.begin(_WAIT, now)
        there = routes.between(me.number, other.number, add_push)
        start, arrival = there.send(now, activity_log.trail)
        activity_log.then(_PUSH, start)

        def reached(trail: Trail) -> None:
            activity_log.then(_PUSH, there.receive(start))
            answer(trail)

        _when(arrival, activity_log.trail, reached)
        found: _Answer = yield answered
        activity_log.trail = found.trail
        if me.changes == mine.changes:
            me.mix(found.theirs, share)
        else:  # a third one has exchanged with this learner meanwhile
            me.subtract(me.difference(mine, found.theirs, share), found.theirs)

    def wait_for(self, event: Event) -> Generator[Event, Any, Any]:
        """Wait for an event whose value is a trail, that of what is waited for."""
        self.activity_log.begin(_WAIT, self._env.now)
        trail: Trail | None = yield event
        self.activity_log.trail = trail or wait_until(self.activity_log.trail, self._env.now)


def _when(arrival: Event | None, trail: Trail, act: Callable[[Trail], None]) -> None:
    """Act on a message's arrival, with the trail of that: now, if it has arrived."""
    if arrival is None:
        act(trail)
    else:
        arrival.callbacks.append(lambda event: act(_trail(event)))


def _trail(event: Event) -> Trail:
    value: Any = event.value
    trail: Trail = value
    return trail
