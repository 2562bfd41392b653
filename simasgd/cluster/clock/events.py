"""The order of events at one instant.

Events at the same simulated time happen in the order in which they were scheduled; learners start
in the order of their numbers. All that an event causes without taking time happens before the next
event. So if two gradients arrive together, the first is applied, and its sender answered if it
waits, before the second is looked at. It is as if simultaneous events were an infinitesimal apart.
"""

from __future__ import annotations

from typing import Any, final

from simpy import Environment, Event
from simpy.events import NORMAL, URGENT, Timeout

END_OF_TIME = 1e100
"""(s) Events after this time never happen. So sums of times, and their products with a bandwidth, are finite."""


@final
class Signal(Event):
    """An event that is triggered by hand; its consequences precede everything else at that time."""

    def fire(self, value: Any = None) -> None:
        """Let the waiting processes continue once the caller has finished its work of this instant."""
        self._ok, self._value = True, value
        self.env.schedule(self, URGENT)

    def follow(self, value: Any = None) -> None:
        """Let the waiting processes continue at this time, after all that goes on now, the end of the run included."""
        self._ok, self._value = True, value
        self.env.schedule(self, NORMAL)

    def fire_later(self, delay: float, value: Any = None) -> None:
        """Let the waiting processes continue in `delay` (s), as a time-out does."""
        self._ok, self._value = True, value
        self.env.schedule(self, NORMAL if delay > 0.0 else URGENT, delay)

    def call(self, value: Any = None) -> None:
        """Let the waiting processes continue at once, before the caller, which must not be one of them."""
        self._ok, self._value = True, value
        waiting, self.callbacks = self.callbacks, None  # type: ignore[assignment]  # as SimPy marks a processed event
        for go_on in waiting:
            go_on(self)


def after(env: Environment, now: float, seconds: float) -> Event:
    """Return an event that happens in `seconds` from `now` (s), the present; beyond the end of time it never does."""
    return Timeout(env, seconds) if now + seconds < END_OF_TIME else Event(env)


def first_of(env: Environment, *events: Event) -> Signal:
    """Return a signal that happens when the first of these events does, before anything else, with its value."""
    first = Signal(env)

    def happen(event: Event) -> None:
        if not first.triggered:
            first.call(event.value)

    for event in events:
        event.callbacks.append(happen)
    return first
