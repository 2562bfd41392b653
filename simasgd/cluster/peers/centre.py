"""The centre: a model on the parameter server that nobody computes on, and that learners pull towards."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from typing import final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.processor import Processor
from simasgd.cluster.clock.recording import Recording
from simasgd.cluster.clock.trail import START, Trail
from simasgd.cluster.peers.model_holder import AbstractModelHolder
from simasgd.protocols.verbs import Message


@final
class Centre(AbstractModelHolder):
    """The centre as its protocol sees it; its verbs are `collect` and `move`. `num_learners` is λ.

    A move is an update of `processor`; the model changes when that is done. `steps` counts the moves.
    """

    def __init__(
        self,
        env: Environment,
        recording: Recording,
        learners: int,
        holders: Sequence[AbstractModelHolder],
        processor: Processor,
    ) -> None:
        super().__init__(env, recording, learners, holders)
        self.num_learners = learners
        self._processor = processor
        self._inbox: deque[Message] = deque()
        self._arrival = START
        self._wanted = 0
        self._enough: Signal | None = None
        self._reached: dict[int, Signal] = {}

    def collect(self, count: int) -> Generator[Event, None, Sequence[Message]]:
        """The next `count` messages, in order of arrival."""
        if len(self._inbox) < count:
            self._wanted = count
            self._enough = enough = Signal(self._env)
            yield enough
        return [self._inbox.popleft() for _ in range(count)]

    def move(self, messages: Sequence[Message]) -> None:
        """x̃ ← x̃ + the differences in these messages, when the earlier moves are done."""
        done, trail = self._processor.update(self._arrival)
        rest = done - self._env.now
        if rest > 0.0:
            Timeout(self._env, rest).callbacks.append(lambda _: self._moved(messages, trail))
        else:
            self._moved(messages, trail)

    def deliver(self, message: Message, trail: Trail) -> None:
        """A message arrives."""
        if self._processor.per_message:
            self._processor.add(trail)  # before any move that it brings about
        self._inbox.append(message)
        self._arrival = trail
        if self._enough is not None and len(self._inbox) >= self._wanted:
            enough, self._enough = self._enough, None
            enough.call()

    def ready(self, moves: int) -> Event | None:
        """What to wait for before its model can be read after so many moves, with the trail of that or None; None for now."""
        if self.steps < moves:
            return self._reached.setdefault(moves, Signal(self._env))
        return self._processor.resumed()

    def usage(self, until: float) -> Usage:
        """How busy its work kept the server."""
        return self._processor.usage(until)

    def _moved(self, messages: Sequence[Message], trail: Trail) -> None:
        for message in messages:
            self.add(message.model)
        self.steps += 1
        if (signal := self._reached.pop(self.steps, None)) is not None:
            signal.call(trail)
