"""A first-in-first-out resource: messages through a network interface, updates through a server."""

from __future__ import annotations

from heapq import heappush
from typing import NamedTuple, final

from simpy.events import NORMAL

from simasgd.cluster.clock.events import TimedEvent
from simasgd.cluster.clock.log import TRANSFER, SpanLog
from simasgd.cluster.clock.pace import AbstractPace
from simasgd.cluster.clock.trail import START, Extend, Trail, add_push, add_update

_FEWEST = 64
PipeMessage = tuple[float, float, float, Extend, int]
"""Bytes, seconds on the free link, latency (s), how it extends a trail, and the learner concerned (−1: none)."""


class Usage(NamedTuple):
    """The use of a resource until the stop: fraction of the time busy, mean number waiting, bytes carried."""

    name: str
    busy: float
    mean_queue: float
    bytes: float


@final
class Pipe:
    """Serves one request at a time in order of arrival.

    This needs no SimPy resource. A request that arrives now starts at max(now, free), which is
    exact if requests are made in order of arrival. `free` (s) is when all requests so far will be
    served. `last` describes the last request: how it extends a trail, the trail of its start, and
    its seconds. The work goes at a given pace; `log` gets a span of `activity` for each request.
    """

    __slots__ = (
        "_activity",
        "_busy_before",
        "_busy_since",
        "_bytes",
        "_log",
        "_most",
        "_pace",
        "_pending",
        "_track",
        "_waited",
        "free",
        "last",
        "name",
    )

    def __init__(
        self,
        name: str,
        *,
        pace: AbstractPace | None = None,
        log: SpanLog | None = None,
        group: str = "links",
        activity: int = TRANSFER,
    ) -> None:
        self.name = name
        self.free = 0.0
        self.last: tuple[Extend, Trail, float] = (add_push, START, 0.0)
        self._pace = pace
        self._log = log
        self._track = -1 if log is None else log.track(group, name)
        self._activity = activity
        self._busy_since = 0.0  # start of the present busy period, or of the last one
        self._busy_before = 0.0  # seconds served in earlier ones
        self._waited = 0.0
        self._bytes = 0.0
        # (arrival, start, size) of the requests that had not begun at the last update of the sums, or came since. The sums
        # hold only the others, so that requests far behind the stop are never added and subtracted again. They are updated
        # when there are more than `_most` requests.
        self._pending: list[tuple[float, float, float]] = []
        self._most = _FEWEST

    def request(self, now: float, seconds: float, size: float = 0.0, learner: int = -1) -> float:
        """Request `seconds` of service now for a message of `size` bytes; return when it starts (s)."""
        return self.serve(now, seconds, START, add_push, size, learner)[0]

    def serve(
        self,
        now: float,
        seconds: float,
        cause: Trail,
        extend: Extend,
        size: float = 0.0,
        learner: int = -1,
        activity: int | None = None,
    ) -> tuple[float, float, Trail]:
        """Request service as `request` does, which an arrival with the trail `cause` brings about.

        `extend` extends a trail by the service. `activity` is that of the span, if it is not the
        pipe's own. Return when the service starts and ends (s), and the trail of its start.
        """
        start = self.free
        if start > now:
            extend_last, trail, lasted = self.last
            cause = extend_last(trail, lasted)
            pending = self._pending
            pending.append((now, start, size))
            if len(pending) > self._most:
                self._begin(now)
                self._most = 2 * len(pending) + _FEWEST
        else:
            if self._pending:
                self._begin(now)
            self._busy_before += start - self._busy_since
            self._busy_since = start = now
            self._bytes += size
        self.free = end = start + seconds if self._pace is None else self._pace.end(start, seconds)
        self.last = extend, cause, end - start
        if self._log is not None:
            self._log.add(self._track, self._activity if activity is None else activity, start, end, learner)
        return start, end, cause

    def carry(self, now: float, cause: Trail, message: PipeMessage, arrival: TimedEvent) -> tuple[float, TimedEvent | None]:
        """Carry a message that is sent now, with the trail `cause`: `serve`, and the latency after it, with less work.

        `arrival` is then scheduled, with its trail. Return when the message starts (s), and `arrival`;
        None if the message has arrived already.
        """
        size, seconds, latency, extend, learner = message
        start = self.free
        if start > now:
            extend_last, cause, lasted = self.last
            cause = extend_last(cause, lasted)
            pending = self._pending
            pending.append((now, start, size))
            if len(pending) > self._most:
                self._begin(now)
                self._most = 2 * len(pending) + _FEWEST
        else:
            if self._pending:
                self._begin(now)
            self._busy_before += start - self._busy_since
            self._busy_since = start = now
            self._bytes += size
        self.free = end = start + seconds if self._pace is None else self._pace.end(start, seconds)
        self.last = extend, cause, end - start
        if self._log is not None:
            self._log.add(self._track, self._activity, start, end, learner)
        end += latency
        if end <= now:
            return start, None
        arrival._value = extend(cause, end - start)
        env = arrival.env
        heappush(env._queue, (now + (end - now), NORMAL, next(env._eid), arrival))
        return start, arrival

    def work(self, now: float, seconds: float, cause: Trail) -> tuple[float, Trail]:
        """Request `seconds` of an update now, which an arrival with the trail `cause` brings about.

        Return when it will be done (s), and the trail of that instant. This is `serve` with
        `add_update`, with less work.
        """
        start = self.free
        if start > now:
            extend_last, cause, lasted = self.last
            if lasted:
                cause = extend_last(cause, lasted)
            pending = self._pending
            pending.append((now, start, 0.0))
            if len(pending) > self._most:
                self._begin(now)
                self._most = 2 * len(pending) + _FEWEST
        else:
            if self._pending:
                self._begin(now)
            self._busy_before += start - self._busy_since
            self._busy_since = start = now
        self.free = end = start + seconds if self._pace is None else self._pace.end(start, seconds)
        compute, push, update, pull, other = cause
        trail = compute, push, update + (end - start), pull, other
        self.last = add_update, trail, 0.0
        if self._log is not None:
            self._log.add(self._track, self._activity, start, end)
        return end, trail

    def pass_by(self, size: float) -> None:
        """Count a message of `size` bytes that needs no time, on a resource whose requests all need none."""
        self._bytes += size

    @property
    def trail(self) -> Trail:
        """The trail of the instant at which the pipe will be free."""
        extend, trail, seconds = self.last
        return extend(trail, seconds)

    def usage(self, until: float) -> Usage:
        """Return the usage until `until` (s), which is not before the last request.

        A message that has begun counts with all its bytes.
        """
        if until <= 0.0:
            return Usage(self.name, 0.0, 0.0, 0.0)
        self._begin(until)
        # From the start of the present busy period to `free` the pipe is never idle: all requests have arrived.
        served = self._busy_before + min(self.free, until) - self._busy_since
        waiting = sum(until - arrival for arrival, _, _ in self._pending)
        return Usage(self.name, min(1.0, served / until), (self._waited + waiting) / until, self._bytes)

    def _begin(self, now: float) -> None:
        """Count the requests that have begun by `now`."""
        begun, waited, carried = 0, self._waited, self._bytes
        for arrival, start, size in self._pending:
            if start > now:
                break
            waited += start - arrival
            carried += size
            begun += 1
        self._waited, self._bytes = waited, carried
        del self._pending[:begun]
