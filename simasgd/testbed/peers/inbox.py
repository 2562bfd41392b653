"""The messages that have come to a learner or to the centre."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import final

from simasgd.cluster.clock.activity import Activity
from simasgd.protocols.verbs import Message, Timed
from simasgd.testbed.learner.activities import Activities
from simasgd.testbed.peers.process_lock import ProcessLock


@final
class RealInbox:
    """Messages that have arrived, and the verbs `take` and `receive` of the learner's compute thread."""

    def __init__(self, gate: ProcessLock, activities: Activities) -> None:
        self._gate = gate
        self._activities = activities
        self._messages: list[Message] = []

    def deliver(self, message: Message) -> None:
        """Take in a message that arrives now."""
        with self._gate.changed:
            self._messages.append(message)
            self._gate.received += 1
            self._gate.changed.notify_all()

    def take(self) -> Iterator[Message]:
        """Take the messages that have arrived, in order of arrival."""
        while self._messages:
            yield self._messages.pop(0)

    def receive(self, number: int) -> Timed[Message]:
        """Wait for the message with that number and return it."""
        yield from ()
        self._activities.begin(Activity.WAIT, self._gate.clock.now)
        self._gate.wait_for(lambda: any(message.number == number for message in self._messages))
        with self._gate.changed:
            received = next(message for message in self._messages if message.number == number)
            self._messages.remove(received)
            return received

    def collect(self, count: int) -> Sequence[Message]:
        """Wait for the next `count` messages, and return them in order of arrival."""
        self._gate.wait_for(lambda: len(self._messages) >= count)
        with self._gate.changed:
            taken, self._messages = self._messages[:count], self._messages[count:]
            return taken
