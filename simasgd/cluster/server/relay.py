"""A server of the tree below the parameter server (Rudra-adv; docs/papers.md A1.5)."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from typing import Any, final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.clock.activity import ActivityLog
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.processor import Processor
from simasgd.cluster.clock.trail import START, Trail, wait_until
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.cluster.server.barrier_round import BarrierRound
from simasgd.cluster.server.interfaces import AbstractSink, AbstractSource
from simasgd.cluster.server.weights import CopyingFetch, Fetch, WeightsCache, fetch
from simasgd.tape.tape import Gradient

_NEVER = sys.maxsize


@final
class Relay(AbstractSource, AbstractSink):
    """Sends its children's gradients up, and weights down.

    Up: the gradients that arrive while the route up is in use, or while the parameter server is
    busy with the last message, go as one message, their sum. If the parameter server waits for one
    gradient of every member of its `round`, the sum leaves when the gradients of all members among
    `learners`, which are below this server, have arrived. A gradient that is not of the round waits
    for nothing. The sum is of decoded gradients, so it has the full payload even if the children's
    messages were compressed. If copies take time, the server's processor copies each message that
    comes or goes, and one of full payload takes `copy_seconds`.

    Down: a child gets weights as new as the newest of the run at its request, or those of a fetch
    that was under way. One fetch serves all requests that come meanwhile.
    """

    def __init__(
        self,
        env: Environment,
        sink: AbstractSink,
        source: AbstractSource,
        up: AbstractRoute,
        down: AbstractRoute,
        processor: Processor,
        round_: BarrierRound,
        learners: range,
        copy_seconds: float,
    ) -> None:
        self.deliver = self._receive
        self.cache = WeightsCache(env, source)
        self._copy_seconds = copy_seconds
        self._fetch: Fetch = CopyingFetch(self._take_in) if copy_seconds else fetch
        self._env = env
        self._sink = sink
        self._source = source
        self._up = up
        self._down = down
        self._processor = processor
        self._arriving = 0  # gradients that are being added up
        self._round = round_
        self._learners = learners
        self._held: list[Gradient] = []
        self._seen: set[int] = set()  # learners whose gradient of the round has been held
        self._seen_of = -1  # that round's timestamp
        self._oldest = _NEVER  # the least timestamp of the held gradients
        self._sending: Sequence[Gradient] = ()
        self._arrival = START
        self._idle: Signal | None = None
        self._wanted = -1  # the timestamp of the newest requested weights
        self._asked: Signal | None = None
        round_.watch(self._look_again)

    @property
    def timestamp(self) -> int:  # type: ignore[override]
        return self.cache.timestamp

    @property
    def newest(self) -> int:
        return self._source.newest

    @property
    def in_flight(self) -> int:
        """The number of gradients being added up, held or being sent."""
        return self._arriving + len(self._held) + len(self._sending)

    def _receive(self, gradients: Sequence[Gradient], trail: Trail) -> None:
        if self._round.is_open:
            self._round.arrive(gradients)
        if not self._processor.takes_messages:
            self._hold(gradients, trail)
            return
        self._arriving += len(gradients)
        done, trail = self._processor.take_up(trail)
        Timeout(self._env, done - self._env.now, (gradients, trail)).callbacks.append(self._added)

    def _added(self, event: Event) -> None:
        value: Any = event.value
        gradients, trail = value
        self._arriving -= len(gradients)
        self._hold(gradients, trail)

    def _hold(self, gradients: Sequence[Gradient], trail: Trail) -> None:
        self._held += gradients
        timestamp = self._round.timestamp
        if self._seen_of != timestamp:
            self._seen_of = timestamp
            self._seen.clear()
        for gradient in gradients:
            self._oldest = min(self._oldest, gradient.timestamp)
            if gradient.timestamp == timestamp:
                self._seen.add(gradient.learner)
        if self._idle is not None and self._may_go():
            self._go_on(trail)
        else:
            self._arrival = trail

    def _may_go(self) -> bool:
        """Return whether the held gradients may be sent now; false if none are held."""
        if not self._held:
            return False
        timestamp = self._round.timestamp
        is_of_the_round = self._seen_of == self._oldest == timestamp
        return not (self._round.is_open and is_of_the_round and self._round.awaits(self._learners, self._seen))

    def _look_again(self) -> None:
        """Send the held gradients if the change of the round allows that."""
        if self._idle is not None and self._may_go():
            self._go_on(wait_until(self._arrival, self._env.now, "timeout"))

    def _go_on(self, trail: Trail) -> None:
        assert self._idle is not None
        idle, self._idle = self._idle, None
        idle.call(trail)

    def absorbed(self) -> Event | None:
        return self._processor.idle()

    @property
    def adds(self) -> bool:
        """Whether it takes time to take a message up."""
        return self._processor.takes_messages

    def copy_out(self, trail: Trail) -> Event | None:
        return self._processor.copied(self._copy_seconds, trail)

    def _take_in(self, activity_log: ActivityLog) -> Generator[Event, Any, None]:
        copied = self._processor.copied(self._copy_seconds, activity_log.trail)
        if copied is not None:
            activity_log.trail = yield copied

    def usage(self, until: float) -> Usage:
        """Return how busy taking messages up kept the server until `until` (s)."""
        return self._processor.usage(until)

    def due(self, learner: int) -> int:
        return 0

    def ready(self, minimum: int, trail: Trail) -> Event | None:
        if self.cache.timestamp >= max(minimum, self.newest):
            return None
        self._wanted = max(self._wanted, minimum, self.cache.timestamp + 1)
        if self._asked is not None:
            asked, self._asked = self._asked, None
            asked.fire(trail)
        return self.cache.changed()

    def send_up(self) -> Generator[Event, Any, None]:
        """Run the thread that sends gradients to the parent."""
        trail, copies = START, self._copy_seconds > 0.0
        while True:
            if not self._may_go():
                self._idle = Signal(self._env)
                trail = yield self._idle
            self._sending, self._held, self._oldest = self._held, [], _NEVER
            if copies and (copied := self.copy_out(trail)) is not None:
                trail = yield copied
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
        """Run the thread that gets weights from the parent."""
        activity_log = ActivityLog()
        while True:
            if self._wanted <= self.cache.timestamp:
                self._asked = Signal(self._env)
                activity_log.trail = yield self._asked
            newer = yield from self._fetch(self._env, self._source, self._down, self._wanted, activity_log)
            self.cache.replace(newer.timestamp, activity_log.trail)
