"""The process of the parameter server: the calls that learners and the driver make."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, final

from simasgd.cluster.cast.faults import CrashRecord
from simasgd.cluster.job import Job
from simasgd.cluster.supervision.supervise import supervise_in_real_time
from simasgd.protocols.base import AbstractServerProtocol
from simasgd.scenario.schema import Scenario
from simasgd.tape.recorder import TapeRecorder
from simasgd.tape.tape import Gradient
from simasgd.testbed.server.presence import Presence
from simasgd.testbed.server.server import RealServer
from simasgd.testbed.server.updates import GradientMessage, ServerUpdates
from simasgd.testbed.system.clock import RunClock, bounded, reading
from simasgd.testbed.system.messages import LearnerPast, PulledWeights, Report, RoleStopped, Span
from simasgd.testbed.system.pacing import Lateness
from simasgd.testbed.system.parcels import Parcel
from simasgd.testbed.system.role import play
from simasgd.testbed.system.weights import make_weights


class ServerRecord(NamedTuple):
    """What the server knows at the end of a run. Times are in seconds."""

    end: float
    last_at: float
    is_hung: bool
    recorder: TapeRecorder
    updates: Sequence[tuple[float, float]]
    computed: Sequence[int]
    cancelled: Sequence[int]
    lost: Sequence[int]
    dropped: Sequence[int]
    messages: int
    """Messages that have arrived."""
    pulls: int
    left: Mapping[int, float]
    late: Sequence[Lateness]
    spans: Sequence[Sequence[Span]]
    endless: Sequence[int]
    barrier_timeouts: int
    members_dropped: int
    crashes: CrashRecord
    stood_still_at: float
    """When the waiting that outlasts the run's last event was cut off: `end`, or before."""
    final: Parcel
    """The weights that the server ended with."""


@final
class ServerProcess:
    """A parameter server whose methods are called from other processes, each call in a thread of its own."""

    def __init__(self, scenario: Scenario) -> None:
        job = Job.of(scenario)
        assert isinstance(scenario.protocol, AbstractServerProtocol)
        self._protocol = supervise_in_real_time(scenario.protocol)
        self._pauses = sorted((pause.at, pause.lasting) for pause in scenario.cluster.faults.server_pauses)
        self._weights = make_weights(scenario)
        self._presence = Presence(scenario.cluster.learners)
        self._limit = job.limit
        self._learners = scenario.cluster.learners
        self._error: BaseException | None = None
        self._pulls = 0
        self._left: dict[int, float] = {}
        self._is_cut_short = False

    # The driver's calls.

    def begin(self, delay: float, pending: float, absent: Mapping[int, bool]) -> float:
        """Begin the run in `delay` seconds, and return the reading of this clock at its time 0 (s).

        `pending` crashes and returns will follow. The learners `absent` are not there at time 0, which is as a crash then;
        each says whether it is for good.
        """
        begin = reading() + delay
        self._clock = RunClock(begin)
        self._server = RealServer(self._learners, ServerUpdates(self._weights, self._limit), self._presence, self._clock)
        for learner, for_good in absent.items():
            self._presence.lose(learner, 0.0, 0.0, 0, for_good=for_good)
        self._presence.pending = pending
        threads = [lambda: play(self._protocol.serve(self._server)), self._server.run_updates]
        if self._pauses:
            threads.append(self._make_pauses)
        for run in threads:
            threading.Thread(target=self._guard, args=(run,), daemon=True).start()
        return begin

    def wait(self) -> ServerRecord:
        """Wait for the end of the run, and return what happened. Raises the error of the server's role."""
        server, seconds = self._server, self._limit.seconds
        with server.changed:
            server.changed.wait_for(lambda: server.over, None if seconds is None else bounded(seconds - self._clock.now))
            is_in_time = server.over
            server.over = True
            server.changed.notify_all()
        if self._error is not None:
            raise self._error
        updates, presence = server.updates, self._presence
        end = server.hung_at if server.is_hung else max(0.0, self._clock.now) if self._is_cut_short else updates.last_at
        if seconds is not None and (server.is_hung or not is_in_time):
            end = seconds  # until then nothing would happen
        return ServerRecord(
            end=end,
            last_at=updates.last_at,
            is_hung=server.is_hung,
            recorder=updates.recorder,
            updates=updates.spans,
            computed=presence.computed,
            cancelled=presence.cancelled,
            lost=presence.lost,
            dropped=server.progress.dropped,
            messages=server.messages,
            pulls=self._pulls,
            left=self._left,
            late=presence.late,
            spans=presence.spans,
            endless=sorted(presence.endless),
            barrier_timeouts=server.barrier_timeouts,
            members_dropped=server.members_dropped,
            crashes=presence.crashes,
            stood_still_at=min(server.hung_at, end),
            final=self._weights.final(),
        )

    def hand_in(self) -> Sequence[Sequence[Span]]:
        """Return the spans of all learners, those included that were reported after the end."""
        with self._server.changed:
            return self._presence.spans

    def end(self) -> bool:
        """End the run before its stop; return whether it had not ended before."""
        with self._server.changed:
            self._is_cut_short |= not self._server.over
            self._server.over = True
            self._server.changed.notify_all()
            return self._is_cut_short

    def progress(self) -> tuple[int, int, float]:
        """Return the numbers of gradients applied and of updates made so far, and the present (s)."""
        updates = self._server.updates
        return updates.gradients, updates.timestamp, self._clock.now

    def read_clock(self) -> float:
        """Return the reading of this machine's clock (s)."""
        return reading()

    def lose(self, learner: int, at: float, for_good: bool) -> None:
        """Note that a learner's process was killed, at a time `at` of the scenario (s)."""
        server = self._server
        with server.changed:
            if server.over:
                return
            self._presence.lose(learner, at, self._clock.now, server.arrived_of[learner], for_good=for_good)
            server.changed.notify_all()
            server.end_if_hung()

    def welcome(self, learner: int, at: float) -> LearnerPast:
        """Note that a learner starts again, at a time `at` of the scenario (s). Raises RoleStopped if the run is over."""
        server = self._server
        with server.changed:
            self._require_running()
            return self._presence.welcome(learner, at, self._clock.now, server.arrived_of[learner], server.timestamp)

    def _make_pauses(self) -> None:
        """Pause when the scenario says so: make no updates and send no weights."""
        for at, lasting in self._pauses:
            for until, paused in ((at, True), (at + lasting, False)):
                with self._server.changed:
                    if self._server.changed.wait_for(lambda: self._server.over, bounded(until - self._clock.now)):
                        return
                    self._presence.paused = paused
                    self._server.ready_at = self._clock.now
                    self._server.changed.notify_all()
                    self._server.end_if_hung()

    # The learners' calls.

    def note(self, report: Report) -> None:
        """Take a report, which nobody waits for."""
        with self._server.changed, suppress(RoleStopped):
            self._presence.take(report)

    def pull(self, report: Report, newer_than: int) -> PulledWeights:
        """Return weights newer than those of that number, which contain all gradients of the learner that will count."""
        server, learner = self._server, report.learner
        with server.changed:
            self._presence.take(report)
            minimum = max(server.due[learner], newer_than + 1)
            has_waited = self._wait(learner, lambda: server.timestamp >= minimum and not self._presence.paused)
            # The weights were there when their update was done, or a pause; this thread has had its turn a little later.
            weights, ready_at = server.updates.weights, server.ready_at if has_waited else None
            self._pulls += 1
            return PulledWeights(server.timestamp, weights.published, ready_at, weights.parcel())

    def push(self, report: Report, gradients: Sequence[Gradient], parcel: Parcel) -> None:
        """Take a message. The answer waits until the server's role has looked at it."""
        server = self._server
        with server.changed:
            self._presence.take(report)
            self._require_running()
            number = server.deliver(GradientMessage(gradients, parcel))
            self._presence.let_wait(report.learner, self._clock.now)
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

    def made(self, number: int) -> bool:
        """Wait until the server makes weights of that number, or the run is over; return whether they are made."""
        server = self._server
        with server.changed:
            server.changed.wait_for(lambda: server.over or server.timestamp >= number)
            return server.timestamp >= number

    def compute_for_ever(self, report: Report, before: float) -> None:
        """Note that the learner has begun a mini-batch that never ends, and wait for weights number `before`."""
        server = self._server
        with server.changed:
            self._presence.take(report)
            self._presence.endless.add(report.learner)
            self._wait(report.learner, lambda: server.timestamp >= before)
            self._presence.endless.discard(report.learner)

    def leave(self, report: Report) -> None:
        """Note that the learner has ended, because its trace has."""
        with self._server.changed:
            self._presence.take(report)
            self._presence.part(report.learner)
            self._left.setdefault(report.learner, self._clock.now)
            self._server.end_if_hung()

    def _wait(self, learner: int, ready: Callable[[], bool]) -> bool:
        """Let a learner wait for `ready`, and return whether it had to. Raises RoleStopped at the end of the run or its own."""
        server, life = self._server, self._presence.life[learner]
        has_to = not ready()
        with self._presence.waiting(learner, ready) as done:
            server.end_if_hung()
            server.changed.wait_for(lambda: server.over or done())
        self._require_running()
        if self._presence.life[learner] != life:
            raise RoleStopped
        return has_to

    def _require_running(self) -> None:
        if self._server.over:
            raise RoleStopped

    def _guard(self, run: Callable[[], None]) -> None:
        """Run one of the server's threads, and end the run if it fails."""
        try:
            run()
        except RoleStopped:
            return
        except Exception as error:  # noqa: BLE001 - of a protocol, which may be anybody's
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._server.changed:
            self._error = error
            self._server.over = True
            self._server.changed.notify_all()
