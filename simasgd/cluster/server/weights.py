"""How weights get from a source to another place, and a cache of them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.clock.activity import Activity, ActivityLog
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import START, Trail, wait_until
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.cluster.server.interfaces import AbstractSource
from simasgd.tape.tape import Weights

_WAIT, _PULL = Activity.WAIT, Activity.PULL


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
        activity_log.trail = trail or wait_until(activity_log.trail, now)
        ready = source.ready(minimum, activity_log.trail) if source.timestamp < minimum else None
    start, trail, place = route.enter(now, activity_log.trail)
    if start > now:
        yield Timeout(env, start - now)
        now = env.now
    activity_log.trail = trail  # not before: a learner that crashes meanwhile continues its present trail
    weights = Weights(source.timestamp)
    activity_log.then(_PULL, now)
    arrival = route.cross(place)
    if arrival is not None:
        activity_log.trail = yield arrival
    activity_log.then(_PULL, route.receive(now))
    return weights


@final
class WeightsCache(AbstractSource):
    """Weights that another participant made."""

    def __init__(self, env: Environment, source: AbstractSource) -> None:
        self.timestamp = -1
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

    def due(self, learner: int) -> int:
        return 0
