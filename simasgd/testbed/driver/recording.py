"""The record of a run, in the form of the simulated clock's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from simasgd.cluster.cast.hang import EndState, Hang, explain_hang
from simasgd.cluster.cast.leaving import LeaveTimes
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


def build_clock(scenario: Scenario, record: ServerRecord, reports: Mapping[int, Report]) -> ClockResult:
    """Build the result of a run from the server's record and the learners' last reports."""
    learners, end = scenario.cluster.learners, record.end
    spans = [
        sorted((*of_one, *(reports[number].spans if number in reports else ())), key=itemgetter(1))
        for number, of_one in enumerate(record.spans)
    ]
    applied = record.recorder.applied_of(learners)
    tape_gradients = sum(applied)
    counts = _count(record, reports, spans)
    fates = zip(counts.computed, applied, record.dropped, counts.cancelled, record.lost, strict=True)
    in_flight = tuple(computed - used - dropped - cancelled - lost for computed, used, dropped, cancelled, lost in fates)
    log = SpanLog()
    seconds = [sum_spans(log, number, of_one, end, record.stood_still_at) for number, of_one in enumerate(spans)]
    server = log.track("servers", "server")
    for began, done in record.updates:
        log.add(server, UPDATE, began, done)
    busy = sum(min(done, end) - min(began, end) for began, done in record.updates) / (end or 1.0)
    sent = record.messages * scenario.gradient_payload + record.pulls * scenario.payload
    gradients = LearnerGradients(
        computed=counts.computed,
        applied=tuple(applied),
        dropped=tuple(record.dropped),
        cancelled=counts.cancelled,
        lost=tuple(record.lost),
        in_flight=in_flight,
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
            crashes=record.crashes.crashes,
            rejoins=record.crashes.rejoins,
            down_seconds=record.crashes.down_until(end),
            barrier_timeouts=record.barrier_timeouts,
            members_dropped=record.members_dropped,
            messages_lost=0,
            server_paused=sum(
                max(0.0, min(pause.at + pause.lasting, end) - pause.at) for pause in scenario.cluster.faults.server_pauses
            ),
        ),
        left=record.left,
        hang=_explain(record, gradients),
        spans=log.spans(end),
    )


def _count(record: ServerRecord, reports: Mapping[int, Report], spans: Sequence[Sequence[Span]]) -> Counts:
    """Count the gradients of each learner until the end; some learners hear of the end a little later.

    A mini-batch that ended later was computed, given up, or under way when the learner heard of it.
    """
    applied = record.recorder.applied_of(len(spans))
    computed, cancelled = list(record.computed), list(record.cancelled)
    for number, report in reports.items():
        is_under_way = bool(spans[number]) and spans[number][-1][0] == Activity.COMPUTE
        ended_late = sum(1 for activity, _, done in spans[number] if activity == Activity.COMPUTE and done > record.end)
        others = applied[number] + record.dropped[number] + record.lost[number]
        computed[number] = max(others, report.computed - max(0, ended_late - is_under_way))
        cancelled[number] = min(report.cancelled, computed[number] - others)
    return Counts(tuple(computed), tuple(cancelled))


def sum_spans(
    log: SpanLog, number: int, spans: Sequence[Span], end: float, stood_still_at: float, thread: str = ""
) -> tuple[float, ...]:
    """Add the spans of a learner's thread to the log, and return the seconds of each activity until `end` (s).

    The rest is idle. Who waited when everything stood still (s) waits until the end.
    """
    activities, last = ActivityLog(log, number, thread), 0.0
    for activity, start, done in spans:
        begin, until = max(last, start), end if done >= stood_still_at else done
        if begin < until:
            activities.begin(Activity(activity), begin)
            activities.begin(Activity.IDLE, until)
            last = until
    activities.close(end)
    return tuple(activities.seconds)


def _explain(record: ServerRecord, gradients: LearnerGradients) -> Hang | None:
    if not record.is_hung:
        return None
    leavings = LeaveTimes()
    leavings.at.update(record.left)
    troubles = {
        "crashes": record.crashes.crashes,
        "mini-batches given up": sum(gradients.cancelled),
        "gradients dropped": sum(gradients.dropped),
        "gradients lost in crashes": sum(gradients.lost),
    }
    applied = sum(gradients.applied)
    state = EndState(record.last_at, record.end, applied, record.crashes, leavings, record.endless, troubles)
    return explain_hang(Idle(), state)
