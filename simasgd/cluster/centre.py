"""The centre: a model on the parameter server that nobody computes on, and that learners pull towards."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.book import Book
from simasgd.cluster.events import Signal
from simasgd.cluster.party import AbstractParty, Message
from simasgd.cluster.pipe import Pipe, Usage
from simasgd.cluster.trail import START, Trail, standing_still, updated


@final
class Centre(AbstractParty):
    """The centre as its protocol sees it; its verbs are `collect` and `move`. `num_learners` is λ.

    A move takes the next of `update_times` (s); its model changes when that is over. `steps` counts the moves.
    """

    def __init__(
        self,
        env: Environment,
        book: Book,
        learners: int,
        parties: Sequence[AbstractParty],
        update_times: Iterator[float],
        processor: Pipe,
        pause_end: Callable[[float], float] | None,
    ) -> None:
        super().__init__(env, book, learners, parties)
        self.num_learners = learners
        self._update_times = update_times
        self._processor = processor
        self._pause_end = pause_end
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
        work = next(self._update_times)
        now, processor = self._env.now, self._processor
        start = processor.request(now, work)
        before = processor.trail if start > now else self._arrival
        taken = processor.free - start
        extend = updated if self._pause_end is None else standing_still(updated, max(0.0, taken - work))
        processor.last = extend, before, taken
        trail = extend(before, taken)
        if processor.free > now:
            Timeout(self._env, processor.free - now).callbacks.append(lambda _: self._moved(messages, trail))
        else:
            self._moved(messages, trail)

    def deliver(self, message: Message, trail: Trail) -> None:
        """A message arrives."""
        self._inbox.append(message)
        self._arrival = trail
        if self._enough is not None and len(self._inbox) >= self._wanted:
            enough, self._enough = self._enough, None
            enough.call()

    def ready(self, moves: int) -> Event | None:
        """What to wait for before its model can be read after so many moves, with the trail of that or None; None for now."""
        if self.steps < moves:
            return self._reached.setdefault(moves, Signal(self._env))
        now = self._env.now
        if self._pause_end is not None and (end := self._pause_end(now)) > now:
            return Timeout(self._env, end - now)
        return None

    def usage(self, until: float) -> Usage:
        """How busy its moves kept the server."""
        return self._processor.usage(until)

    def _moved(self, messages: Sequence[Message], trail: Trail) -> None:
        for message in messages:
            self.add(message.model)
        self.steps += 1
        if (signal := self._reached.pop(self.steps, None)) is not None:
            signal.call(trail)
