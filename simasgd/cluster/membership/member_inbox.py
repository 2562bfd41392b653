"""The inbox of a learner that may be away, and that may wait for messages of learners that are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.cast.waiting import wait_for
from simasgd.cluster.clock.activity import Log
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.membership.membership import Membership
from simasgd.protocols.verbs import Message
from simasgd.tape.mixing import NOBODY, Model


@final
class MemberInbox:
    """An inbox like `Inbox`, in which messages to a learner that is away are lost.

    `sender_of` maps the number of a message that the learner waits for to the learner that sends
    it. `progress` of a learner is the number of the next message that it may send, which all inboxes
    share. A wait ends without a message if the sender is given up, or has passed the message by.
    """

    def __init__(
        self,
        env: Environment,
        number: int,
        membership: Membership,
        progress: list[int],
        sender_of: Callable[[int], int | None],
        model: Callable[[], Model],
    ) -> None:
        self.messages: list[Message] = []
        self.progress = progress
        self.log: Log | None = None
        self._env = env
        self._number = number
        self._membership = membership
        self._sender_of = sender_of
        self._model = model
        self._coming: Counter[tuple[int, int]] = Counter()
        self._changed: Signal | None = None
        membership.watch(lambda _: self._look_again())

    def clear(self) -> None:
        """Lose all messages, those under way included."""
        self.messages.clear()
        self._coming.clear()
        self._changed = None

    def expect(self, sender: int, number: int) -> None:
        """Note that a message is under way."""
        if self._membership.is_there(self._number):
            self._coming[sender, number] += 1

    def expect_no_more(self, sender: int, number: int) -> None:
        """Note that a message will not be sent, after all."""
        self._coming[sender, number] = max(0, self._coming[sender, number] - 1)

    def deliver(self, message: Message, trail: Trail) -> None:
        """Take in a message that arrives now, unless it was sent in an earlier life of the learner."""
        sent = message.sender, message.number
        if self._coming[sent]:
            self._coming[sent] -= 1
            self.messages.append(message)
            if self._changed is not None:
                changed, self._changed = self._changed, None
                changed.call(trail)

    def take(self) -> Iterator[Message]:
        """Take the messages that have arrived, in order of arrival."""
        while self.messages:
            yield self.messages.pop(0)

    def receive(self, number: int) -> Generator[Event, Any, Message]:
        """Wait for the message with that number and return it; a message of no weight if it never comes."""
        sender = self._sender_of(number)
        while True:
            found = next((message for message in self.messages if message.number == number), None)
            if found is not None:
                self.messages.remove(found)
                return found
            if sender is not None and self._never_comes(sender, number):
                return Message(self._model()._replace(holder=NOBODY), sender, number, 0.0)
            assert self.log is not None
            self._changed = Signal(self._env)
            yield from wait_for(self._env, self._changed, self.log)

    def _never_comes(self, sender: int, number: int) -> bool:
        if self._coming[sender, number]:
            return False
        return self._membership.is_given_up(sender) or self.progress[sender] > number

    def _look_again(self) -> None:
        if self._changed is not None:
            changed, self._changed = self._changed, None
            changed.follow()
