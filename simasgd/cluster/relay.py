"""A server of the tree below the parameter server (Rudra-adv; docs/papers.md A1.5)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.diary import Diary
from simasgd.cluster.events import Signal
from simasgd.cluster.routes import AbstractRoute
from simasgd.cluster.server import AbstractSink
from simasgd.cluster.trail import START, Trail
from simasgd.cluster.weights import AbstractSource, Copy, fetch
from simasgd.tape import Gradient


@final
class Relay(AbstractSource, AbstractSink):
    """Sends its children's gradients up, and weights down.

    Up: what has come while the way up was taken, or the parameter server busy with the last message, goes as one message, their
    sum. That is of decoded gradients, so it has the full payload however its children's were compressed. Down: a child that
    asks gets weights as new as the newest there are when it asked, or those of a fetch that was under way; if they have to be
    fetched, once for all that ask meanwhile.
    """

    def __init__(
        self, env: Environment, sink: AbstractSink, source: AbstractSource, up: AbstractRoute, down: AbstractRoute
    ) -> None:
        self.copy = Copy(env, source)
        self._env = env
        self._sink = sink
        self._source = source
        self._up = up
        self._down = down
        self._held: list[Gradient] = []
        self._sending: Sequence[Gradient] = ()
        self._arrival = START
        self._idle: Signal | None = None
        self._wanted = -1  # the timestamp of the weights that somebody waits for
        self._asked: Signal | None = None

    @property
    def timestamp(self) -> int:  # type: ignore[override]
        return self.copy.timestamp

    @property
    def newest(self) -> int:
        return self._source.newest

    @property
    def in_flight(self) -> int:
        """Gradients held or being sent."""
        return len(self._held) + len(self._sending)

    def deliver(self, gradients: Sequence[Gradient], trail: Trail) -> None:
        self._held += gradients
        self._arrival = trail
        if self._idle is not None:
            idle, self._idle = self._idle, None
            idle.call()

    def absorbed(self) -> Event | None:
        return None  # it adds up whatever comes

    def due(self, learner: int) -> int:
        return 0

    def ready(self, minimum: int, trail: Trail) -> Event | None:
        if self.copy.timestamp >= max(minimum, self.newest):
            return None
        self._wanted = max(self._wanted, minimum, self.copy.timestamp + 1)
        if self._asked is not None:
            asked, self._asked = self._asked, None
            asked.fire(trail)
        return self.copy.changed()

    def send_up(self) -> Generator[Event, Any, None]:
        """The thread that sends gradients to the parent."""
        trail = START
        while True:
            if not self._held:
                self._idle = Signal(self._env)
                yield self._idle
                trail = self._arrival
            self._sending, self._held = self._held, []
            start, arrival = self._up.send(self._env.now, trail)
            if arrival is not None:
                trail = yield arrival
            self._up.receive(start)
            sent, self._sending = self._sending, ()
            self._sink.deliver(sent, trail)
            absorbed = self._sink.absorbed()
            if absorbed is not None:
                trail = yield absorbed

    def fetch_weights(self) -> Generator[Event, Any, None]:
        """The thread that gets weights from the parent."""
        diary = Diary()
        while True:
            if self._wanted <= self.copy.timestamp:
                self._asked = Signal(self._env)
                diary.trail = yield self._asked
            newer = yield from fetch(self._env, self._source, self._down, self._wanted, diary)
            self.copy.replace(newer.timestamp, diary.trail)
