"""How weights get from a source to another place, and a cache of them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, final
from typing import Protocol as Structural

from simpy import Environment, Event

from simasgd.cluster.cast.own_work import AnswerThread, copy
from simasgd.cluster.clock.activity import Activity, ActivityLog
from simasgd.cluster.clock.events import Signal, timeout
from simasgd.cluster.clock.trail import START, Trail, wait_until
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.cluster.server.interfaces import AbstractSource
from simasgd.tape.tape import Weights, make_weights

_WAIT, _PULL = Activity.WAIT.value, Activity.PULL.value


def fetch(
    env: Environment, source: AbstractSource, route: AbstractRoute, minimum: int, activity_log: ActivityLog
) -> Generator[Event, Any, Weights]:
    """Get weights of at least timestamp `minimum` from a source over a route.

    The request takes no time. The reply takes its place in the route's first link, and the weights
    are read when it enters that link.
    """
    now = env.now
    activity_log.begin(_WAIT, now)
    ready = source.ready(minimum, activity_log.trail)
    while ready is not None:
        trail = yield ready
        now = env.now
        activity_log.trail = trail or wait_until(activity_log.trail, now, "pause")
        ready = source.ready(minimum, activity_log.trail) if source.timestamp < minimum else None
    start, trail, place = route.enter(now, activity_log.trail)
    if start > now:
        yield timeout(env, start - now)
        now = env.now
    activity_log.trail = trail  # not before: a learner that crashes meanwhile continues its present trail
    weights = make_weights((source.timestamp, (), 0))
    activity_log.then(_PULL, now)
    arrival = route.cross(place)
    if arrival is not None:
        activity_log.trail = yield arrival
    since = route.receive(now)
    if since != now:
        activity_log.then(_PULL, since)
    return weights


class Fetch(Structural):
    """How weights get from a source to another place: `fetch`, or `CopyingFetch`."""

    def __call__(
        self, env: Environment, source: AbstractSource, route: AbstractRoute, minimum: int, activity_log: ActivityLog
    ) -> Generator[Event, Any, Weights]: ...


@final
class CopyingFetch:
    """`fetch`, with a copy of the message at both its ends.

    The weights are read when the source has copied them. `take_in` makes the receiver's copy.
    """

    def __init__(self, take_in: Callable[[ActivityLog], Generator[Event, Any, None]]) -> None:
        self._take_in = take_in

    def __call__(
        self, env: Environment, source: AbstractSource, route: AbstractRoute, minimum: int, activity_log: ActivityLog
    ) -> Generator[Event, Any, Weights]:
        activity_log.begin(_WAIT, env.now)
        ready = source.ready(minimum, activity_log.trail)
        while ready is not None:
            trail = yield ready
            activity_log.trail = trail or wait_until(activity_log.trail, env.now, "pause")
            ready = source.ready(minimum, activity_log.trail) if source.timestamp < minimum else None
        copied = source.copy_out(activity_log.trail)
        if copied is not None:
            activity_log.trail = yield copied
        weights, now = Weights(source.timestamp), env.now
        start, trail, place = route.enter(now, activity_log.trail)
        if start > now:
            yield timeout(env, start - now)
            now = env.now
        activity_log.trail = trail
        activity_log.then(_PULL, now)
        arrival = route.cross(place)
        if arrival is not None:
            activity_log.trail = yield arrival
        activity_log.then(_PULL, route.receive(now))
        yield from self._take_in(activity_log)
        return weights


@final
class WeightsCache(AbstractSource):
    """Weights that another participant made.

    If copies take time, a copy for a reply takes `copy_seconds` of the thread `answering`.
    """

    def __init__(
        self, env: Environment, source: AbstractSource, answering: AnswerThread | None = None, copy_seconds: float = 0.0
    ) -> None:
        self.timestamp = -1
        self._answering = answering
        self._copy_seconds = copy_seconds
        self.trail = START
        self._env = env
        self._source = source
        self._changed: Signal | None = None

    @property
    def newest(self) -> int:
        return self._source.newest

    def replace(self, timestamp: int, trail: Trail) -> None:
        """Replace the weights by newer ones."""
        self.timestamp, self.trail = timestamp, trail
        if self._changed is not None:
            changed, self._changed = self._changed, None
            changed.call(trail)

    def ready(self, minimum: int, trail: Trail) -> Event | None:
        if self.timestamp >= minimum:
            return None
        return self.changed()

    def changed(self) -> Signal:
        """Return a signal that happens when newer weights are here."""
        if self._changed is None:
            self._changed = Signal(self._env)
        return self._changed

    def copy_out(self, trail: Trail) -> Event | None:
        if self._answering is None:
            return None
        copied = Signal(self._env)
        asked = self._answering.ask(lambda log: copy(self._env, log, self._copy_seconds), trail)
        asked.callbacks.append(lambda event: copied.call(_trail(event)))
        return copied

    def due(self, learner: int) -> int:
        return 0


def _trail(answered: Event) -> Trail:
    answer: Any = answered.value
    trail: Trail = answer.trail
    return trail
