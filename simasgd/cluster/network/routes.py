"""The way of a message from one end to the other, over the links that it shares with others."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, NamedTuple, final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.pipe import Pipe
from simasgd.cluster.clock.trail import Extend, Trail
from simasgd.cluster.network.fair import Flow, FlowClass
from simasgd.cluster.network.inflow import Inflow


class MessageSpec(NamedTuple):
    """What a route carries: messages of `size` bytes that take `seconds` where nobody else is, then `latency` (s); how they
    extend a trail; and the learner concerned (−1: none)."""

    size: float
    seconds: float
    latency: float
    extend: Extend
    learner: int = -1


class AbstractRoute(abc.ABC):
    """Carries messages of one size from one sender to one receiver, one at a time.

    A message may have to wait before it *enters* the way, i.e. before its first byte leaves. `send` is the whole journey;
    `enter` and `cross` are its two parts, for a sender who says only on entering what the message holds. An arrival is an event
    whose value is the arrival's trail; None stands for one that has happened already.
    """

    __slots__ = ()

    @abc.abstractmethod
    def enter(self, now: float, trail: Trail) -> tuple[float, Trail, Any]:
        """Take a place in the way's first link: when the message enters it (s), the trail of that, and what `cross` wants."""

    @abc.abstractmethod
    def cross(self, place: Any) -> Event | None:
        """Carry on the message that enters now; its arrival."""

    @abc.abstractmethod
    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        """Send a message now; when it enters the way (s), and its arrival."""

    @abc.abstractmethod
    def receive(self, start: float) -> float:
        """The receiver has now got the message that entered at `start` (s): since when it was on its way, waiting for no
        link."""

    @abc.abstractmethod
    def abandon(self) -> None:
        """The message under way, if there is one, will find no receiver, or its sender is gone."""

    @abc.abstractmethod
    def counts(self) -> ByteCounts:
        """What has been sent so far."""


class ByteCounts(NamedTuple):
    """Bytes. What is neither received nor lost is under way."""

    sent: float
    received: float
    lost: float


class _AbstractDirectRoute(AbstractRoute):
    """A route of its own, which counts its messages."""

    __slots__ = ("_lost", "_message", "_received", "_sent")

    def __init__(self, message: MessageSpec) -> None:
        self._message = message
        self._sent = 0
        self._received = 0
        self._lost = 0

    def abandon(self) -> None:
        self._lost = self._sent - self._received

    def counts(self) -> ByteCounts:
        size = self._message.size
        return ByteCounts(size * self._sent, size * self._received, size * self._lost)


@final
class FifoLinkRoute(_AbstractDirectRoute):
    """Over one first-in-first-out link that is the slowest part of the way, in order of arrival there."""

    __slots__ = ("_env", "_pipe")

    def __init__(self, env: Environment, message: MessageSpec, pipe: Pipe) -> None:
        super().__init__(message)
        self._env = env
        self._pipe = pipe

    def receive(self, start: float) -> float:
        self._received += 1
        return start

    def enter(self, now: float, trail: Trail) -> tuple[float, Trail, Any]:
        self._sent += 1
        size, seconds, latency, extend, learner = self._message
        pipe = self._pipe
        start = pipe.request(now, seconds, size, learner)
        if start > now:
            trail = pipe.trail
        end = pipe.free
        pipe.last = extend, trail, end - start
        return start, trail, (start, end + latency, trail)

    def cross(self, place: Any) -> Event | None:
        start, arrival, trail = place
        rest = arrival - start
        return Timeout(self._env, rest, self._message.extend(trail, rest)) if rest > 0.0 else None

    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        # What `enter` and `cross` do, in line: every gradient of a base cluster comes this way.
        self._sent += 1
        size, seconds, latency, extend, learner = self._message
        pipe = self._pipe
        start = pipe.request(now, seconds, size, learner)
        if start > now:
            trail = pipe.trail
        end = pipe.free
        pipe.last = extend, trail, end - start
        arrival = end + latency
        if arrival > now:
            return start, Timeout(self._env, arrival - now, extend(trail, arrival - start))
        return start, None


class Hop(NamedTuple):
    """One link on the way: its pipe, the `seconds` for which a message occupies it, and what is still arriving there."""

    pipe: Pipe
    seconds: float
    inflow: Inflow


class _Progress(NamedTuple):
    """How far a message has come that was sent at `sent` (s): its last byte has passed the links so far at `end` (s), with the
    trail of that. Alone on its way it would have taken `moving` (s)."""

    sent: float
    end: float
    trail: Trail
    moving: float


@final
class FifoPathRoute(_AbstractDirectRoute):
    """Over first-in-first-out links one after another, between interfaces that nobody shares.

    A message occupies each link for its bytes ÷ the link's own bandwidth, in order of arrival there, and arrives at the pace of
    the slowest part of its way. It is passed on at once (cut-through): its first byte leaves a link as soon as all bytes have
    left that arrived there before, its last byte when the link has carried all that came first, and not before it has arrived.
    `source_seconds` and `target_seconds` are what it takes through the interfaces at its two ends.
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
        self._sent += 1
        seconds = self._source_seconds
        sent = _Progress(now, now + seconds, self._message.extend(trail, seconds), max(seconds, self._target_seconds))
        start, trail, progress = self._occupy(0, now, trail, sent)
        return start, trail, (progress, trail)

    def cross(self, place: Any) -> Event | None:
        progress, trail = place
        return self._go_on(1, progress, trail, None)

    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        start, trail, (progress, _) = self.enter(now, trail)
        if start <= now:
            return start, self._go_on(1, progress, trail, None)
        return start, self._go_on_at(start, 1, progress, trail, None)

    def _occupy(self, number: int, now: float, trail: Trail, progress: _Progress) -> tuple[float, Trail, _Progress]:
        """Take a place in one link that the first byte reaches now: when it leaves the link's queue, the trail of that, and how
        far the message has come then."""
        (pipe, seconds, inflow), (size, _, _, extend, learner) = self._hops[number], self._message
        start = pipe.request(now, seconds, size, learner)
        passed = pipe.free
        service = passed - start
        at_start = pipe.trail if start > now else trail
        pipe.last = extend, at_start, service
        first, at_first = start, at_start
        if start > now:
            # Bytes that have a place before this message and are still to come do not hold up its first byte.
            ahead = start - inflow.to_come(now)
            if ahead < start:
                first = max(now, ahead)
                at_first = extend(trail, first - now)
        inflow.add(now, progress.end, seconds)
        sent, end, at_end, moving = progress
        if passed > end:
            end, at_end = passed, extend(at_start, service)
        return first, at_first, _Progress(sent, end, at_end, max(moving, service))

    def _go_on(self, number: int, progress: _Progress, trail: Trail, arrived: Signal | None) -> Event | None:
        """From link `number` on, now, which is when the first byte is there."""
        now = self._env.now
        while number < len(self._hops):
            start, trail, progress = self._occupy(number, now, trail, progress)
            number += 1
            if start > now:
                return self._go_on_at(start, number, progress, trail, arrived)
        sent, end, at_end, moving = progress
        extend, latency = self._message.extend, self._message.latency
        if now + self._target_seconds > end:
            end, at_end = now + self._target_seconds, extend(trail, self._target_seconds)
        self._since = max(sent, end - moving)
        rest, at_arrival = end + latency - now, extend(at_end, latency)
        if arrived is not None:
            arrived.fire_later(rest, at_arrival)
            return arrived
        return Timeout(self._env, rest, at_arrival) if rest > 0.0 else None

    def _go_on_at(self, start: float, number: int, progress: _Progress, trail: Trail, arrived: Signal | None) -> Signal:
        signal = Signal(self._env) if arrived is None else arrived

        def go_on(_: Event) -> None:
            self._go_on(number, progress, trail, signal)

        Timeout(self._env, start - self._env.now).callbacks.append(go_on)
        return signal


class _AbstractOpenRoute(_AbstractDirectRoute):
    """A route on which nobody waits to enter."""

    __slots__ = ()

    def enter(self, now: float, trail: Trail) -> tuple[float, Trail, Any]:
        return now, trail, trail

    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        return now, self.cross(trail)

    def receive(self, start: float) -> float:
        self._received += 1
        return start


@final
class FairRoute(_AbstractOpenRoute):
    """Over links that share their bandwidth fairly: all are slower, and nobody waits."""

    __slots__ = ("_class", "_env", "_work")

    def __init__(self, env: Environment, message: MessageSpec, flow_class: FlowClass, work: float) -> None:
        super().__init__(message)
        self._env = env
        self._class = flow_class
        self._work = work  # bytes, with what the overhead is worth at the pace of the slowest link

    def cross(self, place: Any) -> Event | None:
        self._sent += 1
        size, _, latency, extend, learner = self._message
        arrived = Signal(self._env)
        flow_class = self._class
        flow_class.home.start(flow_class, self._work, size, Flow(arrived, self._env.now, latency, place, extend, learner))
        return arrived


@final
class PrivateRoute(_AbstractOpenRoute):
    """Over nothing that anybody else uses."""

    __slots__ = ("_env",)

    def __init__(self, env: Environment, message: MessageSpec) -> None:
        super().__init__(message)
        self._env = env

    def cross(self, place: Any) -> Event | None:
        self._sent += 1
        _, seconds, latency, extend, _ = self._message
        total = seconds + latency
        return Timeout(self._env, total, extend(place, total)) if total > 0.0 else None
