"""Links whose messages share the bandwidth, each at its max-min fair rate.

Messages over the same links under the same cap always have the same rate. So a *class* of them
needs one rate and one clock, which counts the bytes served to each of its messages. A message is
done when the clock has advanced by the message's size. If one class is busy, as where one link is
the bottleneck, an arrival or a departure costs a division and a heap operation. The rates of
several classes are found by progressive filling.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple, final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.log import TRANSFER, SpanLog
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.trail import Extend, Trail

_INFINITE = float("inf")


@final
class FairLink:
    """One link: its capacity (bytes/s), its messages, and what it has carried so far."""

    __slots__ = ("bandwidth", "busy", "busy_since", "bytes", "capacity", "flow_seconds", "flows", "name", "track", "used")

    def __init__(self, name: str, bandwidth: float, track: int = -1) -> None:
        self.name = name
        self.track = track
        self.bandwidth = bandwidth
        self.capacity = bandwidth  # the present bandwidth
        self.flows = 0
        self.bytes = 0.0
        self.used = 0.0  # seconds of full capacity used so far
        self.flow_seconds = 0.0  # summed over all messages
        self.busy = 0.0  # seconds with a message or more, up to `busy_since`
        self.busy_since = 0.0


@final
class FlowClass:
    """The messages of one path. `clock` counts the bytes served to each since the class was last empty."""

    __slots__ = ("cap", "clock", "flows", "home", "links", "rate")

    def __init__(self, home: FairLinks, links: tuple[FairLink, ...], cap: float) -> None:
        self.home = home
        self.links = links
        self.cap = cap
        self.clock = 0.0
        self.rate = 0.0
        self.flows: list[tuple[float, int, Flow]] = []  # a heap: the clock at which it is done, a tie-breaker, the message


class Flow(NamedTuple):
    """A message under way since `start` (s).

    It arrives `latency` (s) after its last byte was sent. Then `arrived` happens, with the trail of
    the arrival as its value.
    """

    arrived: Signal
    start: float
    latency: float
    trail: Trail
    extend: Extend
    learner: int


@final
class FairLinks:
    """Links that share messages and so are computed together; often a single link.

    A link gives each of its messages an equal share, but no message more than the slowest part of
    its path allows. The other messages get the rest. So the rates are max-min fair (Bertsekas and
    Gallager, Data Networks, section 6.5.2).
    """

    def __init__(self, env: Environment, log: SpanLog | None) -> None:
        self._env = env
        self._log = log
        self._now = 0.0
        self._active: list[FlowClass] = []
        self._next: FlowClass | None = None  # the class whose first message is done next
        self._due = _INFINITE  # (s) when that is
        self._timer: Event | None = None  # the valid one; earlier timers ring in vain
        self._rings_at = _INFINITE
        self._ties = count()

    def start(self, flow_class: FlowClass, size: float, bytes_: float, flow: Flow) -> None:
        """Serve a message of `size` bytes, including its overhead, from now on; `bytes_` of them are counted."""
        now = flow.start
        self._advance(now)
        for link in flow_class.links:
            if link.flows == 0:
                link.busy_since = now
            link.flows += 1
            link.bytes += bytes_
        flows = flow_class.flows
        if not flows:
            flow_class.clock = 0.0
            self._active.append(flow_class)
        heappush(flows, (flow_class.clock + size, next(self._ties), flow))
        self._share(now)

    def take_over(self, others: Iterable[FairLinks]) -> None:
        """Take over the links of others, with their messages under way."""
        now = self._env.now
        for other in others:
            other._advance(now)
            self._active += other._active
            self._ties = count(max(next(self._ties), next(other._ties)))  # no tie-breaker on a heap is used again
            other._active, other._timer, other._rings_at = [], None, _INFINITE
        self._now = now
        self._share(now)

    def set_capacity(self, link: FairLink, factor: float) -> None:
        """Give the link `factor` times its bandwidth from now on."""
        self._advance(self._env.now)
        link.capacity = factor * link.bandwidth
        self._share(self._env.now)

    def usage(self, link: FairLink, until: float) -> Usage:
        """Return the usage of the link until `until` (s), the present.

        `busy` is the used fraction of its capacity. `mean_queue` is the mean number of messages
        under way less one: the number that would wait if the link carried one message at a time.
        """
        self._advance(until)
        if until <= 0.0:
            return Usage(link.name, 0.0, 0.0, 0.0)
        used = link.used / until
        occupied = link.busy + (until - link.busy_since if link.flows else 0.0)
        return Usage(link.name, min(1.0, used), max(0.0, link.flow_seconds - occupied) / until, link.bytes)

    def close(self, now: float) -> None:
        """Log the messages that are still under way at the stop."""
        if self._log is not None:
            for flow_class in self._active:
                for _, _, flow in flow_class.flows:
                    self._note(self._log, flow_class, flow, now)

    def _advance(self, now: float) -> None:
        seconds = now - self._now
        if seconds > 0.0:
            for flow_class in self._active:
                served = flow_class.rate * seconds
                flow_class.clock += served
                number = len(flow_class.flows)
                for link in flow_class.links:
                    link.used += served * number / link.capacity
                    link.flow_seconds += seconds * number
            self._now = now

    def _share(self, now: float) -> None:
        """Compute the rates and the time at which the next message is done."""
        active = self._active
        if len(active) == 1:
            (only,) = active
            rate, number = only.cap, len(only.flows)
            for link in only.links:
                share = link.capacity / number
                if share < rate:
                    rate = share
            only.rate = rate
            self._next, self._due = only, now + (only.flows[0][0] - only.clock) / rate
        else:
            if active:
                _fill(active)
            self._next, self._due = None, _INFINITE
            for flow_class in active:
                done = now + (flow_class.flows[0][0] - flow_class.clock) / flow_class.rate
                if done < self._due:
                    self._next, self._due = flow_class, done
        if self._due < self._rings_at:
            self._set_timer(now)

    def _set_timer(self, now: float) -> None:
        self._rings_at = self._due
        self._timer = timer = Timeout(self._env, max(0.0, self._due - now))
        timer.callbacks.append(self._ring)

    def _ring(self, timer: Event) -> None:
        if timer is not self._timer:
            return  # another timer has been set since
        now = self._env.now
        if self._due > now and self._due != self._rings_at:  # the message has been slowed down since
            self._set_timer(now)
            return
        self._timer, self._rings_at = None, _INFINITE
        first = self._next
        if first is None:
            return
        self._advance(now)
        first.clock = max(first.clock, first.flows[0][0])  # rounding may leave it short
        self._finish(now)
        self._share(now)

    def _finish(self, now: float) -> None:
        for flow_class in tuple(self._active):
            flows, clock = flow_class.flows, flow_class.clock
            while flows and flows[0][0] <= clock:
                flow = heappop(flows)[2]
                for link in flow_class.links:
                    link.flows -= 1
                    if link.flows == 0:
                        link.busy += now - link.busy_since
                if self._log is not None:
                    self._note(self._log, flow_class, flow, now)
                flow.arrived.fire_later(flow.latency, flow.extend(flow.trail, now - flow.start + flow.latency))
            if not flows:
                self._active.remove(flow_class)

    @staticmethod
    def _note(log: SpanLog, flow_class: FlowClass, flow: Flow, now: float) -> None:
        for link in flow_class.links:
            log.add(link.track, TRANSFER, flow.start, now, flow.learner)


def _fill(active: list[FlowClass]) -> None:
    """Compute max-min fair rates by progressive filling.

    All rates grow alike until a cap or a full link stops some of them, and so on.
    """
    left: dict[FairLink, float] = {}
    crowd: dict[FairLink, int] = {}
    for flow_class in active:
        number = len(flow_class.flows)
        for link in flow_class.links:
            left[link] = link.capacity
            crowd[link] = crowd.get(link, 0) + number
    growing = list(active)
    while growing:
        shares = {link: left[link] / crowd[link] for link in left if crowd[link]}
        level = min(min(shares.values()), min(flow_class.cap for flow_class in growing))
        full = {link for link, share in shares.items() if share <= level}
        stopped = {flow_class for flow_class in growing if flow_class.cap <= level or not full.isdisjoint(flow_class.links)}
        for flow_class in growing:
            if flow_class not in stopped:
                continue
            flow_class.rate = level
            number = len(flow_class.flows)
            for link in flow_class.links:
                left[link] -= level * number
                crowd[link] -= number
        growing = [flow_class for flow_class in growing if flow_class not in stopped]
