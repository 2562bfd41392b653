"""The interface of routes: how a message gets from one endpoint to another."""

from __future__ import annotations

import abc
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from simpy import Event

from simasgd.cluster.clock.events import TimedEvent
from simasgd.cluster.clock.pipe import PipeMessage
from simasgd.cluster.clock.trail import Extend, Trail


class MessageSpec(NamedTuple):
    """The messages of a route.

    A message has `size` bytes. It takes `seconds` on a free path, and then `latency` (s). `extend`
    extends its trail, and `learner` is the learner concerned (−1: none).
    """

    size: float
    seconds: float
    latency: float
    extend: Extend
    learner: int = -1


class AbstractRoute(abc.ABC):
    """Carries messages of one size from one sender to one receiver, one at a time.

    A message may have to wait before it *enters* the path, that is before its first byte leaves.
    `send` is the whole journey. `enter` and `cross` are its two parts, for a sender that fixes the
    content on entering. An arrival is an event whose value is the arrival's trail; None means that
    the message has arrived already.
    """

    __slots__ = ()

    @abc.abstractmethod
    def enter(self, now: float, trail: Trail) -> tuple[float, Trail, Any]:
        """Take a place in the first link.

        Return when the message enters it (s), the trail of that instant, and the argument of
        `cross`.
        """

    @abc.abstractmethod
    def cross(self, place: Any) -> Event | None:
        """Carry the message, which enters now, and return its arrival."""

    @abc.abstractmethod
    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        """Send a message now; return when it enters the path (s), and its arrival."""

    def depart(self, now: float, trail: Trail) -> tuple[float, Event | None, Any]:
        """Send a message now if it enters the path at once; otherwise take a place as `enter` does.

        Return when it enters (s), and its arrival if that is now. The third is the trail of entering,
        or if it waits that trail and the argument of `cross`.
        """
        start, trail, place = self.enter(now, trail)
        return (start, None, (trail, place)) if start > now else (start, self.cross(place), trail)

    @abc.abstractmethod
    def reuse(self, arrival: TimedEvent) -> None:
        """Use this event for all arrivals, where the route knows them beforehand.

        No message will be abandoned, and the receiver sets the callbacks of each arrival.
        """

    @abc.abstractmethod
    def receive(self, start: float) -> float:
        """Receive the message that entered at `start` (s).

        Return the time (s) since which it has been moving without waiting for a link.
        """

    @abc.abstractmethod
    def abandon(self) -> None:
        """Abandon the message under way, if there is one: its receiver or its sender is gone."""

    @abc.abstractmethod
    def counts(self) -> ByteCounts:
        """Return the bytes sent so far."""


class ByteCounts(NamedTuple):
    """Numbers of bytes. Bytes that are neither received nor lost are under way."""

    sent: float
    received: float
    lost: float


_make_counts: Callable[[tuple[float, float, float]], ByteCounts]
_make_counts = partial(tuple.__new__, ByteCounts)  # twice as fast as ByteCounts: learners have λ² routes to each other


class AbstractDirectRoute(AbstractRoute):
    """A route that counts its messages itself."""

    __slots__ = ("_arrival", "_lost", "_message", "_received", "_sent")

    def __init__(self, message: MessageSpec) -> None:
        self._message: PipeMessage = (*message,)  # a plain tuple is unpacked faster
        self._arrival: TimedEvent | None = None  # of all messages, if there is one
        self._sent = 0
        self._received = 0
        self._lost = 0

    def reuse(self, arrival: TimedEvent) -> None:
        self._arrival = arrival

    def abandon(self) -> None:
        self._lost = self._sent - self._received

    def counts(self) -> ByteCounts:
        size = self._message[0]
        return _make_counts((size * self._sent, size * self._received, size * self._lost))
