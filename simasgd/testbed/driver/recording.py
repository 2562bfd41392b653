"""The record of a run, in the form of the simulated clock's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from simasgd.cluster.cast.faults import CrashRecord
from simasgd.cluster.cast.hang import EndState, Hang, explain_hang
from simasgd.cluster.cast.leaving import Leavings
from simasgd.cluster.cast.monitor import Idle
from simasgd.cluster.clock.activity import Activity, ActivityLog
from simasgd.cluster.clock.log import UPDATE, SpanLog
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.network.routes import ByteCounts
from simasgd.cluster.result import ClockResult, FaultCounts, LearnerGradients
from simasgd.scenario.schema import Scenario
from simasgd.testbed.server.process import ServerRecord
from simasgd.testbed.system.messages import Report, Span


class Counts(NamedTuple):
    """Numbers of each learner's gradients, those of its last report included."""

    computed: tuple[int, ...]
    cancelled: tuple[int, ...]


def build_clock(
    scenario: Scenario, record: ServerRecord, reports: Mapping[int, Report], crashes: CrashRecord, left: Mapping[int, float]
) -> ClockResult:
    """Build the result of a run from the server's record and the learners' last reports."""
    learners, end = scenario.cluster.learners, record.end
    counts = _count(record, reports)
    spans = [[*of_one, *(reports[number].spans if number in reports else ())] for number, of_one in enumerate(record.spans)]
    applied = record.recorder.applied_of(learners)
    tape_gradients = sum(applied)
    unaccounted = [
        computed - used - dropped - cancelled
        for computed, used, dropped, cancelled in zip(counts.computed, applied, record.dropped, counts.cancelled, strict=True)
    ]
    log = SpanLog()
    seconds = [_seconds(log, number, of_one, end) for number, of_one in enumerate(spans)]
    server = log.track("servers", "server")
    for began, done in record.updates:
        log.add(server, UPDATE, began, done)
    busy = sum(min(done, end) - min(began, end) for began, done in record.updates) / (end or 1.0)
    sent = sum(record.arrived) * scenario.gradient_payload + record.pulls * scenario.payload
    gradients = LearnerGradients(
        computed=counts.computed,
        applied=tuple(applied),
        dropped=tuple(record.dropped),
        cancelled=counts.cancelled,
        lost=(0,) * learners,
        in_flight=tuple(unaccounted),
    )
    return ClockResult(
        simulated_seconds=end,
        updates=len(record.updates),
        gradients_computed=sum(gradients.computed),
        gradients_applied=tape_gradients,
        gradients_dropped=sum(gradients.dropped),
        gradients_cancelled=sum(gradients.cancelled),
        gradients_lost=sum(gradients.lost),
        gradients_in_flight=sum(gradients.in_flight),
        learner_gradients=gradients,
        learner_seconds=tuple(seconds),
        thread_seconds={},
        servers=(Usage("server", busy, 0.0, 0.0),),
        links=(),
        bytes=ByteCounts(sent, sent, 0.0),
        sampled_updates=(0, len(record.updates)),
        sampled_bytes=(0.0, sent),
        critical_path=(),
        fault_counts=FaultCounts(
            crashes=crashes.crashes,
            rejoins=crashes.rejoins,
            down_seconds=crashes.down_until(end),
            barrier_timeouts=record.barrier_timeouts,
            members_dropped=record.members_dropped,
            messages_lost=0,
            server_paused=sum(
                max(0.0, min(pause.at + pause.lasting, end) - pause.at) for pause in scenario.cluster.faults.server_pauses
            ),
        ),
        left=left,
        hang=_explain(record, gradients, crashes, left),
        spans=log.spans(end),
    )


def _count(record: ServerRecord, reports: Mapping[int, Report]) -> Counts:
    computed, cancelled = list(record.computed), list(record.cancelled)
    for number, report in reports.items():
        computed[number], cancelled[number] = report.computed, report.cancelled
    return Counts(tuple(computed), tuple(cancelled))


def _seconds(log: SpanLog, number: int, spans: Sequence[Span], end: float) -> tuple[float, ...]:
    """Add a learner's spans to the log, and return the seconds of each activity until `end` (s); the rest is idle."""
    activities = ActivityLog(log, number)
    for activity, start, done in spans:
        if start >= end:
            break
        activities.begin(Activity(activity), max(0.0, start))
        activities.begin(Activity.IDLE, min(done, end))
    activities.close(end)
    return tuple(activities.seconds)


def _explain(record: ServerRecord, gradients: LearnerGradients, crashes: CrashRecord, left: Mapping[int, float]) -> Hang | None:
    if not record.is_hung:
        return None
    leavings = Leavings()
    leavings.at.update(left)
    troubles = {
        "crashes": crashes.crashes,
        "mini-batches given up": sum(gradients.cancelled),
        "gradients dropped": sum(gradients.dropped),
    }
    state = EndState(record.last_at, record.end, sum(gradients.applied), crashes, leavings, record.endless, troubles)
    return explain_hang(Idle(), state)
