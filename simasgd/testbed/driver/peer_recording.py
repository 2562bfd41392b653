"""The record of a run without a parameter server, in the form of the simulated clock's result."""

from __future__ import annotations

from bisect import bisect_right
from typing import final

from simasgd.cluster.cast.faults import CrashRecord
from simasgd.cluster.cast.hang import EndState, Hang, explain_hang
from simasgd.cluster.cast.leaving import LeaveTimes
from simasgd.cluster.cast.monitor import Idle
from simasgd.cluster.clock.log import UPDATE, SpanLog
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.network.routes import ByteCounts
from simasgd.cluster.result import ClockResult, FaultCounts, LearnerGradients
from simasgd.protocols.base import AbstractPeerProtocol
from simasgd.scenario.schema import Scenario
from simasgd.testbed.driver.merging import Merger
from simasgd.testbed.driver.recording import sum_spans
from simasgd.testbed.peers.operations import NewOperations
from simasgd.testbed.system.messages import Span
from simasgd.testbed.system.pacing import Lateness


@final
class History:
    """The reports of a run's processes, by holder."""

    def __init__(self, scenario: Scenario, protocol: AbstractPeerProtocol) -> None:
        self._protocol = protocol
        self._learners = scenario.cluster.learners
        holders = self._learners + protocol.has_centre
        self._threads = ("",) if protocol.thread is None else ("", protocol.thread)
        self._computed: list[list[float]] = [[] for _ in range(holders)]
        self._spans: list[list[list[Span]]] = [[[] for _ in self._threads] for _ in range(holders)]
        self._traffic: list[tuple[float, float]] = []
        self._last: list[NewOperations | None] = [None] * holders
        self._before: tuple[int, ...] = ()
        self.is_still = False
        """Whether all roles wait for each other, and no message is under way."""

    @property
    def late(self) -> Lateness:
        """The number of late mini-batches, and the largest excess."""
        late = [one.late for one in self._last if one is not None]
        return Lateness(sum(one.number for one in late), max((one.excess for one in late), default=0.0))

    def add(self, holder: int, collected: NewOperations) -> None:
        """Add a report."""
        self._computed[holder] += collected.computed
        self._traffic += collected.traffic
        for known, spans in zip(self._spans[holder], collected.spans, strict=False):
            known += spans
        self._last[holder] = collected

    def look(self) -> None:
        """Find out whether anything can happen any more, after one report of every process.

        Nothing can if all roles wait and all messages have arrived, in two reports between which none was sent. Source:
        Mattern 1987, the four-counter method.
        """
        reports = [one for one in self._last if one is not None]
        sent, received = sum(one.sent for one in reports), sum(one.received for one in reports)
        roles = self._learners * len(self._threads) + self._protocol.has_centre
        is_blocked = sum(one.blocked for one in reports) == roles and sent == received
        counts = (sent, received, *(len(times) for times in self._computed)) if is_blocked else ()
        self.is_still = is_blocked and counts == self._before
        self._before = counts

    def build_clock(self, merger: Merger, end: float) -> ClockResult:
        """Build the result of a run that ended at `end` (s)."""
        learners, log = self._learners, SpanLog()
        by_thread = [
            tuple(sum_spans(log, number, self._spans[number][place], end, end, thread) for number in range(learners))
            for place, thread in enumerate(self._threads)
        ]
        gradients = self._count_gradients(merger, end)
        sent = sum(size for at, size in self._traffic if at <= end)
        none = CrashRecord()
        return ClockResult(
            simulated_seconds=end,
            updates=merger.updates,
            gradients_computed=sum(gradients.computed),
            gradients_applied=merger.gradients,
            gradients_dropped=0,
            gradients_cancelled=0,
            gradients_lost=0,
            gradients_in_flight=sum(gradients.in_flight),
            learner_gradients=gradients,
            learner_seconds=by_thread[0],
            thread_seconds=dict(zip(self._threads[1:], by_thread[1:], strict=True)),
            servers=self._centre_usage(log, end),
            links=(),
            bytes=ByteCounts(sent, sent, 0.0),
            sampled_updates=(0, merger.updates),
            sampled_bytes=(0.0, sent),
            critical_path=(),
            fault_counts=FaultCounts(none.crashes, none.rejoins, 0.0, 0, 0, 0, 0.0),
            left={},
            hang=self._explain(merger, end),
            spans=log.spans(end),
        )

    def _count_gradients(self, merger: Merger, end: float) -> LearnerGradients:
        applied = merger.recorder.applied_of(self._learners)
        # A gradient that is applied is computed, even if the clocks of two machines disagree on which came first.
        computed = [max(used, bisect_right(times, end)) for used, times in zip(applied, self._computed, strict=False)]
        none = (0,) * self._learners
        in_flight = tuple(made - used for made, used in zip(computed, applied, strict=True))
        return LearnerGradients(tuple(computed), tuple(applied), none, none, none, in_flight)

    def _centre_usage(self, log: SpanLog, end: float) -> tuple[Usage, ...]:
        if not self._protocol.has_centre:
            return ()
        track, moves = log.track("servers", "server"), self._spans[self._learners][0]
        for _, began, done in moves:
            log.add(track, UPDATE, began, done)
        busy = sum(min(done, end) - min(began, end) for _, began, done in moves) / (end or 1.0)
        return (Usage("server", busy, 0.0, 0.0),)

    def _explain(self, merger: Merger, end: float) -> Hang | None:
        if not self.is_still or merger.is_over:
            return None
        endless = [number for number, one in enumerate(self._last) if one is not None and one.endless]
        state = EndState(merger.last_at, end, merger.gradients, CrashRecord(), LeaveTimes(), endless, {})
        return explain_hang(Idle(), state)
