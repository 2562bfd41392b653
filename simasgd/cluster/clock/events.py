"""The order of events at one instant, and SimPy's events and processes with less work for each.

Events at the same simulated time happen in the order in which they were scheduled; learners start
in the order of their numbers. All that an event causes without taking time happens before the next
event. So if two gradients arrive together, the first is applied, and its sender answered if it
waits, before the second is looked at. It is as if simultaneous events were an infinitesimal apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from heapq import heappop, heappush
from itertools import repeat
from typing import Any, Generic, TypeVar, final

from simpy import Environment, Event
from simpy.core import EmptySchedule
from simpy.events import NORMAL, URGENT, EventPriority

from simasgd.cluster.clock.trail import Trail

END_OF_TIME = 1e100
"""(s) Events after this time never happen. So sums of times, and their products with a bandwidth, are finite."""
Work = TypeVar("Work")
Serve = Callable[[float, float, Trail], tuple[float, Trail]]
_new = object.__new__


@final
class Clock(Environment):
    """SimPy's environment with a shorter way to the next event.

    `now` is the present (s). An event has its place in SimPy's queue: (time, priority, number, event).
    """

    now: float = 0.0  # no property, because it is read several times for each event

    @property
    def _now(self) -> float:
        return self.now

    @_now.setter
    def _now(self, now: float) -> None:
        self.now = now

    def count_events(self) -> int:
        """Return how many events have been scheduled, this question among them."""
        return next(self._eid)

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: float = 0.0) -> None:
        """Schedule an event. One that has failed ends the run, unless a process that waits for it takes the failure."""
        if not event._ok:
            event.callbacks.append(_end_the_run)
        heappush(self._queue, (self.now + delay, priority, next(self._eid), event))

    def step(self) -> None:
        """Run the next event."""
        self.run_events(1)

    def run_events(self, number: int) -> None:
        """Run so many events; raises EmptySchedule if there are fewer."""
        queue = self._queue
        for _ in repeat(None, number):
            try:
                self.now, _, _, event = heappop(queue)
            except IndexError:
                raise EmptySchedule from None
            callbacks = event.callbacks
            event.callbacks = None  # type: ignore[assignment]  # as SimPy marks a processed event
            for callback in callbacks:
                callback(event)


def _end_the_run(failed: Event) -> None:
    if not failed.defused:
        failure: Any = failed._value
        raise type(failure)(*failure.args) from failure


def start(env: Environment, role: Generator[Any, Any, None]) -> None:
    """Start a process that nobody interrupts and nobody waits for: SimPy's Process with less work for each event."""
    send = role.send

    def go_on(event: Event) -> None:
        while True:
            try:
                event = send(event._value)
            except StopIteration:
                return
            except BaseException as failure:  # noqa: BLE001  # whatever it is, it ends the run
                _fail(env, failure)
                return
            if event.callbacks is not None:
                event.callbacks.append(go_on)
                return

    begin = Signal(env)
    begin.callbacks.append(go_on)
    begin.fire()


def _fail(env: Environment, failure: BaseException) -> None:
    """End the run with a failure, after all that goes on now."""
    failed = Event(env)
    failed._ok, failed._value = False, failure
    env.schedule(failed)


@final
class TimedEvent(Event):
    """An event at a known time."""

    _ok = True


def timeout(env: Environment, seconds: float, value: Any = None) -> TimedEvent:
    """Return an event that happens in `seconds` (≥ 0) from now: SimPy's Timeout with less work."""
    event: TimedEvent = _new(TimedEvent)
    event.env = env
    event.callbacks = []
    event._value = value
    heappush(env._queue, (env.now + seconds, NORMAL, next(env._eid), event))
    return event


@final
class Line(Event, Generic[Work]):
    """Calls `act` with work and its trail when the work is done, in the order of the requests.

    Work takes the next of `times` (s). `serve` maps the present, such a time and the trail of the
    request to the end (s) and the trail of the end. SimPy's queue holds only the first work, so it
    stays short. The others keep their numbers, so they have the same places among all events as if
    each were an event in that queue.
    """

    _ok = True

    def __init__(self, env: Environment, serve: Serve, times: Iterator[float], act: Callable[[Work, Trail], None]) -> None:
        self.env = env
        self._value = None
        self._serve = serve
        self._times = times
        self._act = act
        self._callbacks: list[Callable[[Any], None]] = [self._happen]
        self._places: deque[tuple[float, int, Work, Trail]] = deque()

    def request(self, work: Work, cause: Trail) -> None:
        """Request work now, which an arrival with the trail `cause` brings about.

        If it takes no time, it is done at once, or at this instant after the work that ends now.
        """
        env = self.env
        now, places = env.now, self._places
        done, trail = self._serve(now, next(self._times), cause)
        rest = done - now
        if rest <= 0.0 and not places:
            self._act(work, trail)
            return
        time = now + rest
        if not places:
            number = next(env._eid)
            places.append((time, number, work, trail))
            self.callbacks = self._callbacks
            heappush(env._queue, (time, NORMAL, number, self))
        else:  # by a rounding error it might end before the work that is before it
            places.append((max(time, places[-1][0]), next(env._eid), work, trail))

    def _happen(self, happening: Event) -> None:
        places = self._places
        _, _, work, trail = places.popleft()
        if places:
            time, number, _, _ = places[0]
            self.callbacks = self._callbacks
            heappush(self.env._queue, (time, NORMAL, number, self))
        self._act(work, trail)


@final
class Signal(Event):
    """An event that is triggered by hand; its consequences precede everything else at that time."""

    _ok = True

    def fire(self, value: Any = None) -> None:
        """Let the waiting processes continue once the caller has finished its work of this instant."""
        self._value = value
        self.env.schedule(self, URGENT)

    def follow(self, value: Any = None) -> None:
        """Let the waiting processes continue at this time, after all that goes on now, the end of the run included."""
        self._value = value
        self.env.schedule(self, NORMAL)

    def fire_later(self, delay: float, value: Any = None) -> None:
        """Let the waiting processes continue in `delay` (s), as a time-out does."""
        self._value = value
        self.env.schedule(self, NORMAL if delay > 0.0 else URGENT, delay)

    def call(self, value: Any = None) -> None:
        """Let the waiting processes continue at once, before the caller, which must not be one of them."""
        self._value = value
        waiting = self.callbacks
        self.callbacks = None  # type: ignore[assignment]  # as SimPy marks a processed event
        for go_on in waiting:
            go_on(self)


def timed_event(env: Environment) -> TimedEvent:
    """Return an event that is to be scheduled. Its only user may schedule it again and again, each time with callbacks."""
    event: TimedEvent = _new(TimedEvent)
    event.env = env
    event.callbacks = []
    event._value = None
    return event


def signal(env: Environment) -> Signal:
    """Return `Signal(env)` with less work."""
    event: Signal = _new(Signal)
    event.env = env
    event.callbacks = []
    return event


def after(env: Environment, now: float, seconds: float) -> Event:
    """Return an event that happens in `seconds` from `now` (s), the present; beyond the end of time it never does."""
    return timeout(env, seconds) if now + seconds < END_OF_TIME else Event(env)


def first_of(env: Environment, *events: Event) -> Signal:
    """Return a signal that happens when the first of these events does, before anything else, with its value."""
    first = Signal(env)

    def happen(event: Event) -> None:
        if not first.triggered:
            first.call(event.value)

    for event in events:
        event.callbacks.append(happen)
    return first
