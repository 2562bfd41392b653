"""Routes made of routes: a message in parts, and one that gets lost and is sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.events import Signal
from simasgd.cluster.routes import AbstractRoute, Counts
from simasgd.cluster.trail import START, Trail, until


@final
class Parts(AbstractRoute):
    """Several routes, each of which carries a part of the message; it has arrived when all parts have."""

    __slots__ = ("_env", "_parts")

    def __init__(self, env: Environment, parts: Sequence[AbstractRoute]) -> None:
        self._env = env
        self._parts = parts

    def enter(self, now: float, trail: Trail) -> tuple[float, Trail, Any]:
        start, at_start, place = self._parts[0].enter(now, trail)
        return start, at_start, (place, at_start)

    def cross(self, place: Any) -> Event | None:
        first, trail = place
        now = self._env.now
        return self._joined([self._parts[0].cross(first), *(part.send(now, trail)[1] for part in self._parts[1:])])

    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        starts, arrivals = zip(*(part.send(now, trail) for part in self._parts), strict=True)
        return min(starts), self._joined(arrivals)

    def receive(self, start: float) -> float:
        return max(part.receive(start) for part in self._parts)

    def abandon(self) -> None:
        for part in self._parts:
            part.abandon()

    def counts(self) -> Counts:
        return Counts(*(sum(column) for column in zip(*(part.counts() for part in self._parts), strict=True)))

    def _joined(self, arrivals: Sequence[Event | None]) -> Event | None:
        pending = [arrival for arrival in arrivals if arrival is not None]
        if not pending:
            return None
        left, all_here = len(pending), Signal(self._env)

        def one_more(arrival: Event) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                all_here.fire(arrival.value)

        for arrival in pending:
            arrival.callbacks.append(one_more)
        return all_here


@final
class Lossy(AbstractRoute):
    """A route on which messages get lost with a probability; one that has not arrived is sent again, as it was, `resend_after`
    (s) later. `uniforms` decides, and `on_loss` is told of each."""

    __slots__ = (
        "_env",
        "_on_loss",
        "_probability",
        "_resend_after",
        "_resending",
        "_route",
        "_trail",
        "_uniforms",
        "_version",
    )

    def __init__(
        self,
        env: Environment,
        route: AbstractRoute,
        probability: float,
        resend_after: float,
        uniforms: Iterator[float],
        on_loss: Callable[[], None],
    ) -> None:
        self._on_loss = on_loss
        self._env = env
        self._route = route
        self._probability = probability
        self._resend_after = resend_after
        self._uniforms = uniforms
        self._resending = False  # lost and not yet sent again
        self._trail = START  # of the message's departure
        self._version = 0  # of the message, so that one that was abandoned is not sent again

    def enter(self, now: float, trail: Trail) -> tuple[float, Trail, Any]:
        start, self._trail, place = self._route.enter(now, trail)
        return start, self._trail, place

    def cross(self, place: Any) -> Event | None:
        arrival = self._route.cross(place)
        return self._lost(arrival, Signal(self._env)) if self._is_lost() else arrival

    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        self._trail = trail
        start, arrival = self._route.send(now, trail)
        return start, self._lost(arrival, Signal(self._env)) if self._is_lost() else arrival

    def receive(self, start: float) -> float:
        return self._route.receive(start)

    def abandon(self) -> None:
        if not self._resending:
            self._route.abandon()
        self._resending = False
        self._version += 1

    def counts(self) -> Counts:
        return self._route.counts()

    def _is_lost(self) -> bool:
        return next(self._uniforms) < self._probability

    def _lost(self, arrival: Event | None, arrived: Signal) -> Signal:
        """This try will not arrive; `arrived` happens when a later one does."""
        version = self._version

        def missing(arrival: Event | None) -> None:
            if version == self._version:
                self._on_loss()
                self._route.abandon()
                self._resending = True
                if arrival is not None:
                    self._trail = _trail(arrival)
                Timeout(self._env, self._resend_after).callbacks.append(again)

        def again(_: Event) -> None:
            if version == self._version:
                self._resending = False
                self._trail = until(self._trail, self._env.now)
                arrival = self._route.send(self._env.now, self._trail)[1]
                if self._is_lost():
                    self._lost(arrival, arrived)
                elif arrival is None:
                    arrived.fire(self._trail)
                else:
                    arrival.callbacks.append(lambda event: arrived.fire(_trail(event)))

        if arrival is None:
            missing(None)
        else:
            arrival.callbacks.append(missing)
        return arrived


def _trail(arrival: Event) -> Trail:
    value: Any = arrival.value
    trail: Trail = value
    return trail
