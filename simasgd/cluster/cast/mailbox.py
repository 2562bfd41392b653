"""The mailbox of a server or a centre."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from typing import Any, Generic, TypeVar, final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import START, Trail

Item = TypeVar("Item")


@final
class Mailbox(Generic[Item]):
    """Messages that have arrived and wait to be taken, in order of arrival. A message holds one or several items.

    `held` counts the items of `messages`, and `received` all items that have arrived so far. A
    message that `collect` waits for is in neither of the first two: it is handed over. `arrival` is
    the trail of the last message's arrival.
    """

    __slots__ = ("_collected", "_enough", "_env", "_needed", "arrival", "held", "messages", "received")

    def __init__(self, env: Environment) -> None:
        self.messages: deque[Sequence[Item]] = deque()
        self.held = 0
        self.received = 0
        self.arrival = START
        self._env = env
        self._needed = 0
        self._enough: Signal | None = None
        self._collected = Signal(env)  # that of `collect`, used again and again

    def put(self, message: Sequence[Item], trail: Trail) -> None:
        """Put an arriving message in, and wake the process that waits if its items suffice."""
        items = len(message)
        self.received += items
        self.arrival = trail
        enough, held = self._enough, self.held + items
        if enough is None or held < self._needed:
            self.held = held
            self.messages.append(message)
            return
        self._enough = None
        if held > items or enough is not self._collected:
            self.held = held
            self.messages.append(message)
            enough.call()
        else:
            enough.call(message)  # it is handed over, because nearly every message comes alone

    def take(self) -> Sequence[Item]:
        """Take the oldest message."""
        message = self.messages.popleft()
        self.held -= len(message)
        return message

    def clear(self) -> None:
        """Discard all messages."""
        self.messages.clear()
        self.held = 0

    def collect(self, count: int) -> Generator[Event, Any, Sequence[Item]]:
        """Take the next messages until they hold `count` items; a message is never split."""
        if self.held < count:
            self._needed = count
            self._enough = enough = self._collected
            enough.callbacks = []
            message: Sequence[Item] | None = yield enough
            if message is not None:
                return message
        items = self.messages.popleft()
        self.held -= len(items)
        if len(items) < count:
            several = [*items]
            while len(several) < count:
                several += self.take()
            items = several
        return items

    def until_held(self, count: int, deadline: float | None = None) -> Signal:
        """Return a signal that happens when `count` items are here, or at the deadline (s)."""
        self._needed = count
        self._enough = enough = Signal(self._env)
        if deadline is not None:

            def give_up(_: Event) -> None:
                if self._enough is enough:
                    self.wake()

            Timeout(self._env, max(0.0, deadline - self._env.now)).callbacks.append(give_up)
        return enough

    def wake(self) -> None:
        """Wake the process that waits for items, if there is one."""
        if self._enough is not None:
            enough, self._enough = self._enough, None
            enough.call()
