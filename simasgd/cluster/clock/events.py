"""Which of two events at one instant comes first.

The rule: events at the same simulated time happen in the order in which they were scheduled (the learners start in the order
of their numbers), and whatever an event brings about without taking time happens before the next one. So of two gradients
that arrive together the first is applied, and its sender answered if it waits, before the second is looked at. It is as if
simultaneous events were an infinitesimal apart.
"""

from __future__ import annotations

from typing import Any, final

from simpy import Environment, Event
from simpy.events import NORMAL, URGENT, Timeout

END_OF_TIME = 1e100
"""(s) What would happen later never does. So all sums of times are finite, and products with a bandwidth."""


@final
class Signal(Event):
    """An event that is triggered by hand, and whose consequences come before anything else that happens at that time."""

    def fire(self, value: Any = None) -> None:
        """Let those who wait go on as soon as the caller has finished what it does at this instant."""
        self._ok, self._value = True, value
        self.env.schedule(self, URGENT)

    def fire_later(self, delay: float, value: Any = None) -> None:
        """Let those who wait go on in `delay` (s), as a time-out does."""
        self._ok, self._value = True, value
        self.env.schedule(self, NORMAL if delay > 0.0 else URGENT, delay)

    def call(self, value: Any = None) -> None:
        """Let those who wait go on at once, before the caller does (who must not be among them)."""
        self._ok, self._value = True, value
        waiting, self.callbacks = self.callbacks, None  # type: ignore[assignment]  # as SimPy marks a processed event
        for go_on in waiting:
            go_on(self)


def after(env: Environment, seconds: float) -> Event:
    """Happens in so many seconds, or never: beyond the end of time."""
    return Timeout(env, seconds) if env.now + seconds < END_OF_TIME else Event(env)


def first_of(env: Environment, *events: Event) -> Signal:
    """Happens when the first of these does, before anything else, with its value."""
    first = Signal(env)

    def happen(event: Event) -> None:
        if not first.triggered:
            first.call(event.value)

    for event in events:
        event.callbacks.append(happen)
    return first
