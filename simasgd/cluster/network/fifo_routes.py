"""Routes over first-in-first-out links."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappush
from typing import Any, NamedTuple, final

from simpy import Environment, Event
from simpy.events import NORMAL

from simasgd.cluster.clock.events import Signal, timed_event, timeout
from simasgd.cluster.clock.pipe import Pipe
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.network.inflow import Inflow
from simasgd.cluster.network.routes import AbstractDirectRoute, MessageSpec


@final
class FifoLinkRoute(AbstractDirectRoute):
    """A route over one first-in-first-out link, which is the slowest part of the path."""

    __slots__ = ("_env", "_pipe")

    def __init__(self, env: Environment, message: MessageSpec, pipe: Pipe) -> None:
        super().__init__(message)
        self._env = env
        self._pipe = pipe

    def receive(self, start: float) -> float:
        self._received += 1
        return start

    def depart(self, now: float, trail: Trail) -> tuple[float, Event | None, Any]:
        self._sent += 1
        pipe = self._pipe
        if pipe.free > now:  # as `enter`, without a call
            size, seconds, latency, extend, learner = self._message
            start, end, at_start = pipe.serve(now, seconds, trail, extend, size, learner)
            rest = end + latency - start
            return start, None, (at_start, (rest, extend(at_start, rest)))
        start, arrival = pipe.carry(now, trail, self._message, self._arrival or timed_event(self._env))
        return start, arrival, trail

    def enter(self, now: float, trail: Trail) -> tuple[float, Trail, Any]:
        self._sent += 1
        size, seconds, latency, extend, learner = self._message
        start, end, at_start = self._pipe.serve(now, seconds, trail, extend, size, learner)
        rest = end + latency - start
        return start, at_start, (rest, extend(at_start, rest))

    def cross(self, place: Any) -> Event | None:
        rest, trail = place
        if rest <= 0.0:
            return None
        arrival, env = self._arrival or timed_event(self._env), self._env
        arrival._value = trail
        heappush(env._queue, (env.now + rest, NORMAL, next(env._eid), arrival))
        return arrival

    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        self._sent += 1
        return self._pipe.carry(now, trail, self._message, self._arrival or timed_event(self._env))


class Hop(NamedTuple):
    """One link of a path: its pipe, the `seconds` for which a message occupies it, and its inflow."""

    pipe: Pipe
    seconds: float
    inflow: Inflow


_Progress = tuple[float, float, Trail, float]  # a plain tuple: three are made for every message
"""The progress of a message: (sent, end, trail, moving).

It was sent at `sent` (s). Its last byte leaves the links so far at `end` (s), with the trail
`trail`. Alone on its path it would have taken `moving` (s).
"""


@final
class FifoPathRoute(AbstractDirectRoute):
    """A route over first-in-first-out links one after another, between interfaces that are not shared.

    A message occupies each link for its bytes ÷ the link's own bandwidth, in order of arrival
    there. It arrives at the pace of the slowest part of its path. Links pass it on at once
    (cut-through). So its first byte leaves a link as soon as all bytes have left that arrived there
    before. Its last byte leaves when the link has carried all earlier bytes, but not before it has
    arrived. `source_seconds` and `target_seconds` are the times through the interfaces at the two
    ends.
    """

    __slots__ = ("_env", "_hops", "_since", "_source_seconds", "_target_seconds")

    def __init__(
        self, env: Environment, message: MessageSpec, hops: Sequence[Hop], source_seconds: float, target_seconds: float
    ) -> None:
        super().__init__(message)
        self._env = env
        self._hops = hops
        self._source_seconds = source_seconds
        self._target_seconds = target_seconds
        self._since = 0.0

    def receive(self, start: float) -> float:
        self._received += 1
        return self._since

    def enter(self, now: float, trail: Trail) -> tuple[float, Trail, Any]:
        _, start, trail, progress = self._pass(self._hops[:1], now, trail, self._begin(now, trail))
        return start, trail, (progress, trail)

    def cross(self, place: Any) -> Event | None:
        progress, trail = place
        return self._go_on(1, progress, trail, None)

    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        number, start, trail, progress = self._pass(self._hops, now, trail, self._begin(now, trail))
        if start > now:
            return (start if number == 1 else now), self._go_on_at(start, number, progress, trail, None)
        return now, self._arrive(now, trail, progress, None)

    def _begin(self, now: float, trail: Trail) -> _Progress:
        """Return the progress of a message that is sent now."""
        self._sent += 1
        seconds = self._source_seconds
        return now, now + seconds, self._message[3](trail, seconds), max(seconds, self._target_seconds)

    def _pass(self, hops: Sequence[Hop], now: float, trail: Trail, progress: _Progress) -> tuple[int, float, Trail, _Progress]:
        """Take places in these links, whose first the first byte reaches now, up to one in whose queue it waits.

        Return the number of places, when the first byte leaves the last one (s), the trail of that
        instant, and the message's progress then.
        """
        (sent, end, at_end, moving), (size, _, _, extend, learner) = progress, self._message
        number, first = 0, now
        for pipe, seconds, inflow in hops:
            number += 1
            start, passed, at_start = pipe.serve(now, seconds, trail, extend, size, learner)
            if start > now:
                first, since, trail = start, trail, at_start
                # Bytes that are queued before this message and have not arrived yet do not delay its first byte.
                ahead = start - inflow.to_come(now)
                if ahead < start:
                    first = max(now, ahead)
                    trail = extend(since, first - now)
            if end - now > seconds:
                inflow.add(now, end, seconds)
            service = passed - start
            if passed > end:
                end, at_end = passed, extend(at_start, service)
            if service > moving:
                moving = service
            if first > now:
                break
        return number, first, trail, (sent, end, at_end, moving)

    def _go_on(self, number: int, progress: _Progress, trail: Trail, arrived: Signal | None) -> Event | None:
        """Continue from link `number`, which the first byte reaches now."""
        now = self._env.now
        places, start, trail, progress = self._pass(self._hops[number:], now, trail, progress)
        if start > now:
            return self._go_on_at(start, number + places, progress, trail, arrived)
        return self._arrive(now, trail, progress, arrived)

    def _arrive(self, now: float, trail: Trail, progress: _Progress, arrived: Signal | None) -> Event | None:
        """Return the arrival of a message whose first byte leaves the last link now."""
        sent, end, at_end, moving = progress
        _, _, latency, extend, _ = self._message
        if now + self._target_seconds > end:
            end, at_end = now + self._target_seconds, extend(trail, self._target_seconds)
        self._since = max(sent, end - moving)
        rest, at_arrival = end + latency - now, extend(at_end, latency)
        if arrived is not None:
            arrived.fire_later(rest, at_arrival)
            return arrived
        return timeout(self._env, rest, at_arrival) if rest > 0.0 else None

    def _go_on_at(self, start: float, number: int, progress: _Progress, trail: Trail, arrived: Signal | None) -> Signal:
        signal = Signal(self._env) if arrived is None else arrived

        def go_on(_: Event) -> None:
            self._go_on(number, progress, trail, signal)

        timeout(self._env, start - self._env.now).callbacks.append(go_on)
        return signal
