"""The messages that have come to a learner."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.cast.waiting import wait_for
from simasgd.cluster.clock.activity import ActivityLog
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import Trail
from simasgd.protocols.verbs import Message


@final
class Inbox:
    """Messages that have arrived, and the verbs `take` and `receive` of the learner's compute thread."""

    def __init__(self, env: Environment, activity_log: ActivityLog) -> None:
        self.messages: list[Message] = []
        self._env = env
        self._activity_log = activity_log
        self._awaited: int | None = None
        self._arrived: Signal | None = None

    def deliver(self, message: Message, trail: Trail) -> None:
        """Take in a message that arrives now."""
        self.messages.append(message)
        if self._arrived is not None and message.number == self._awaited:
            arrived, self._arrived = self._arrived, None
            arrived.call(trail)

    def take(self) -> Iterator[Message]:
        """Take the messages that have arrived, in order of arrival."""
        while self.messages:
            yield self.messages.pop(0)

    def receive(self, number: int) -> Generator[Event, Any, Message]:
        """Wait for the message with that number and return it."""
        if not any(message.number == number for message in self.messages):
            self._awaited, self._arrived = number, Signal(self._env)
            yield from wait_for(self._env, self._arrived, self._activity_log)
        received = next(message for message in self.messages if message.number == number)
        self.messages.remove(received)
        return received
