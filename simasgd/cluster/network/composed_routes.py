"""Routes made of routes: for a message in parts, and for a message that is sent again if it gets lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.clock.events import Signal, TimedEvent
from simasgd.cluster.clock.trail import START, Trail, wait_until
from simasgd.cluster.network.routes import AbstractRoute, ByteCounts


@final
class SplitRoute(AbstractRoute):
    """Several routes that each carry a part of the message.

    The message enters when its first part does, and has arrived when all parts have.
    """

    __slots__ = ("_env", "_parts", "_version")

    def __init__(self, env: Environment, parts: Sequence[AbstractRoute]) -> None:
        self._env = env
        self._parts = parts
        self._version = 0  # of the message, so that an abandoned one stops

    def enter(self, now: float, trail: Trail) -> tuple[float, Trail, Any]:
        places = [part.enter(now, trail) for part in self._parts]
        start, at_start, _ = min(places, key=lambda place: place[0])
        return start, at_start, places

    def cross(self, place: Any) -> Event | None:
        parts = zip(self._parts, place, strict=True)
        return self._joined([self._cross_at(start, part, trail, its) for part, (start, trail, its) in parts])

    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        starts, arrivals = zip(*(part.send(now, trail) for part in self._parts), strict=True)
        return min(starts), self._joined(arrivals)

    def reuse(self, arrival: TimedEvent) -> None:
        """Do nothing: the parts of a message arrive one by one."""

    def receive(self, start: float) -> float:
        return max(part.receive(start) for part in self._parts)

    def abandon(self) -> None:
        self._version += 1
        for part in self._parts:
            part.abandon()

    def counts(self) -> ByteCounts:
        return ByteCounts(*(sum(column) for column in zip(*(part.counts() for part in self._parts), strict=True)))

    def _cross_at(self, start: float, part: AbstractRoute, trail: Trail, place: Any) -> Event | None:
        """Carry a part that enters its path at `start` (s), now or later, with that trail."""
        if start <= self._env.now:
            return part.cross(place)
        version, arrived = self._version, Signal(self._env)

        def enter(_: Event) -> None:
            if version != self._version:
                return
            arrival = part.cross(place)
            if arrival is None:
                arrived.fire(trail)
            else:
                arrival.callbacks.append(lambda event: arrived.fire(_trail(event)))

        Timeout(self._env, start - self._env.now).callbacks.append(enter)
        return arrived

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
class LossyRoute(AbstractRoute):
    """A route that loses a message with some probability.

    A lost message is sent again, unchanged, `resend_after` (s) after its arrival would have been. It
    moves only on its last way: the time before that is waiting. `uniforms` decides which messages
    are lost, and `on_loss` is called for each.
    """

    __slots__ = (
        "_env",
        "_on_loss",
        "_probability",
        "_resend_after",
        "_resending",
        "_restart",
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
        self._restart: float | None = None  # (s) when a message that was lost entered the path for the last time
        self._trail = START  # of the message's departure
        self._version = 0  # of the message, so that an abandoned one is not sent again

    def enter(self, now: float, trail: Trail) -> tuple[float, Trail, Any]:
        self._restart = None
        start, self._trail, place = self._route.enter(now, trail)
        return start, self._trail, place

    def cross(self, place: Any) -> Event | None:
        arrival = self._route.cross(place)
        return self._lost(arrival, Signal(self._env)) if self._is_lost() else arrival

    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        self._trail, self._restart = trail, None
        start, arrival = self._route.send(now, trail)
        return start, self._lost(arrival, Signal(self._env)) if self._is_lost() else arrival

    def reuse(self, arrival: TimedEvent) -> None:
        """Do nothing: a message may arrive again and again."""

    def receive(self, start: float) -> float:
        return self._route.receive(start if self._restart is None else self._restart)

    def abandon(self) -> None:
        if not self._resending:
            self._route.abandon()
        self._resending = False
        self._version += 1

    def counts(self) -> ByteCounts:
        return self._route.counts()

    def _is_lost(self) -> bool:
        return next(self._uniforms) < self._probability

    def _lost(self, arrival: Event | None, arrived: Signal) -> Signal:
        """Lose the message of this try; `arrived` happens when a later try succeeds."""
        version = self._version

        def missing(_: Event | None) -> None:
            if version == self._version:
                self._on_loss()
                self._route.abandon()
                self._resending = True
                Timeout(self._env, self._resend_after).callbacks.append(again)

        def again(_: Event) -> None:
            if version == self._version:
                self._resending = False
                self._trail = wait_until(self._trail, self._env.now, "resend")
                self._restart, arrival = self._route.send(self._env.now, self._trail)
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
