"""The process of the parameter server: the calls that learners and the driver make."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, final

from simasgd.cluster.job import Job
from simasgd.errors import SimasgdError
from simasgd.protocols.base import AbstractServerProtocol
from simasgd.scenario.schema import Scenario
from simasgd.tape.recorder import TapeRecorder
from simasgd.tape.tape import Gradient
from simasgd.testbed.server.presence import Presence
from simasgd.testbed.server.server import RealServer
from simasgd.testbed.server.updates import Message, Updates
from simasgd.testbed.system.clock import Clock, reading
from simasgd.testbed.system.messages import Pulled, Report, Span, Stopped
from simasgd.testbed.system.pacing import Lateness
from simasgd.testbed.system.parcels import Parcel
from simasgd.testbed.system.role import play
from simasgd.testbed.system.weights import make_weights


class ServerRecord(NamedTuple):
    """What the server knows at the end of a run."""

    end: float
    last_at: float
    is_hung: bool
    recorder: TapeRecorder
    updates: Sequence[tuple[float, float]]
    computed: Sequence[int]
    cancelled: Sequence[int]
    dropped: Sequence[int]
    arrived: Sequence[int]
    pulls: int
    left: Mapping[int, float]
    late: Sequence[Lateness]
    spans: Sequence[Sequence[Span]]
    endless: Sequence[int]
    barrier_timeouts: int
    members_dropped: int
    final: Parcel
    """The weights that the server ended with."""


@final
class ServerProcess:
    """A parameter server whose methods are called from other processes, each call in a thread of its own."""

    def __init__(self, scenario: Scenario) -> None:
        job = Job.of(scenario)
        assert isinstance(scenario.protocol, AbstractServerProtocol)
        self._protocol = scenario.protocol
        self._weights = make_weights(scenario)
        self._presence = Presence(scenario.cluster.learners)
        self._limit = job.limit
        self._learners = scenario.cluster.learners
        self._error: BaseException | None = None
        self._pulls = 0
        self._left: dict[int, float] = {}

    # The driver's calls.

    def begin(self, delay: float, comebacks: int) -> float:
        """Begin the run in `delay` seconds, and return the reading of this clock at its time 0 (s).

        `comebacks` learners will be started again.
        """
        begin = reading() + delay
        self._clock = Clock(begin)
        self._server = RealServer(self._learners, Updates(self._weights, self._limit), self._presence, self._clock)
        self._presence.here |= set(range(self._learners))
        self._presence.expected = comebacks
        for run in (lambda: play(self._protocol.serve(self._server)), self._server.run_updates):
            threading.Thread(target=self._guard, args=(run,), daemon=True).start()
        return begin

    def wait(self) -> ServerRecord:
        """Wait for the end of the run, and return what happened. Raises the error of the server's role."""
        server, seconds = self._server, self._limit.seconds
        with server.changed:
            server.changed.wait_for(lambda: server.over, None if seconds is None else max(0.0, seconds - self._clock.now))
            is_in_time = server.over
            server.over = True
            server.changed.notify_all()
        if self._error is not None:
            raise self._error
        updates = server.updates
        end = updates.last_at if is_in_time and not server.is_hung else self._clock.now
        presence = self._presence
        return ServerRecord(
            end=end if is_in_time or seconds is None else seconds,
            last_at=updates.last_at,
            is_hung=server.is_hung,
            recorder=updates.recorder,
            updates=updates.spans,
            computed=presence.computed,
            cancelled=presence.cancelled,
            dropped=server.progress.dropped,
            arrived=server.arrived_of,
            pulls=self._pulls,
            left=self._left,
            late=presence.late,
            spans=presence.spans,
            endless=sorted(presence.endless),
            barrier_timeouts=server.barrier_timeouts,
            members_dropped=server.members_dropped,
            final=self._weights.final(),
        )

    def progress(self) -> tuple[int, float]:
        """Return the number of gradients applied so far, and the present (s)."""
        return self._server.updates.gradients, self._clock.now

    def read_clock(self) -> float:
        """Return the reading of this machine's clock (s)."""
        return reading()

    def lose(self, learner: int) -> None:
        """Note that a learner's process was killed."""
        with self._server.changed:
            self._presence.lose(learner, self._server.timestamp)
            self._server.changed.notify_all()
            self._server.end_if_hung()

    def welcome(self, learner: int) -> tuple[int, int, int]:
        """Note that a learner starts again; return its life, the mini-batches it has computed, and its gradients here."""
        with self._server.changed:
            self._presence.here.add(learner)
            self._presence.expected -= 1
            return self._presence.life[learner], self._presence.computed[learner], self._server.arrived_of[learner]

    def pause(self, *, paused: bool) -> None:
        """Begin or end a pause, in which the server makes no updates and sends no weights."""
        with self._server.changed:
            self._presence.paused = paused
            self._server.changed.notify_all()
            self._server.end_if_hung()

    # The learners' calls.

    def pull(self, report: Report, newer_than: int) -> Pulled:
        """Return weights newer than those of that number, which contain all gradients of the learner that will count."""
        server, learner = self._server, report.learner
        with server.changed:
            self._presence.take(report)
            minimum = max(server.due[learner], newer_than + 1)
            has_waited = self._wait(learner, lambda: server.timestamp >= minimum and not self._presence.paused)
            weights, ready_at = server.updates.weights, self._clock.now if has_waited else None
            self._pulls += 1
            return Pulled(server.timestamp, weights.published, ready_at, weights.parcel())

    def push(self, report: Report, gradients: Sequence[Gradient], parcel: Parcel) -> None:
        """Take a message. The answer waits until the server's role has looked at it."""
        server = self._server
        with server.changed:
            self._presence.take(report)
            self._require_running()
            number = server.deliver(Message(gradients, parcel))
            server.changed.wait_for(lambda: server.over or server.has_looked_at(number))
            self._require_running()

    def newest(self, report: Report) -> int:
        """Return the number of the newest weights that the learner could wait for."""
        with self._server.changed:
            self._presence.take(report)
            self._require_running()
            return max(self._server.timestamp, self._server.due[report.learner])

    def settle(self, report: Report, count: int) -> None:
        """Wait until the server has applied or dropped `count` gradients of the learner."""
        server, learner = self._server, report.learner
        with server.changed:
            self._presence.take(report)
            self._wait(learner, lambda: server.progress.counts[learner] >= count)

    def keep_up(self, report: Report, count: int) -> int:
        """Wait until `count` gradients of every learner are handled; return the first weights' number by which they were."""
        server = self._server
        with server.changed:
            self._presence.take(report)
            self._wait(report.learner, lambda: server.progress.least >= count)
            return server.progress.complete(count)

    def made(self, number: int) -> None:
        """Wait until the server makes weights of that number, or the run is over."""
        server = self._server
        with server.changed:
            server.changed.wait_for(lambda: server.over or server.timestamp >= number)

    def compute_for_ever(self, report: Report) -> None:
        """Note that the learner has begun a mini-batch that never ends, and wait for the end of the run."""
        server = self._server
        with server.changed:
            self._presence.take(report)
            self._presence.endless.add(report.learner)
            self._wait(report.learner, lambda: False)

    def leave(self, report: Report) -> None:
        """Note that the learner has ended, because its trace has."""
        with self._server.changed:
            self._presence.take(report)
            self._presence.here.discard(report.learner)
            self._left[report.learner] = self._clock.now
            self._server.end_if_hung()

    def _wait(self, learner: int, ready: Callable[[], bool]) -> bool:
        """Let a learner wait for `ready`, and return whether it had to. Raises Stopped at the end of the run or its own."""
        server, life = self._server, self._presence.life[learner]
        has_to = not ready()
        with self._presence.waiting(learner, ready) as done:
            server.end_if_hung()
            server.changed.wait_for(lambda: server.over or done())
        self._require_running()
        if self._presence.life[learner] != life:
            raise Stopped
        return has_to

    def _require_running(self) -> None:
        if self._server.over:
            raise Stopped

    def _guard(self, run: Callable[[], None]) -> None:
        """Run one of the server's threads, and end the run if it fails."""
        try:
            run()
        except Stopped:
            return
        except SimasgdError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - of a protocol, which may be anybody's
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._server.changed:
            self._error = error
            self._server.over = True
            self._server.changed.notify_all()
