"""The result of a run of the clock: times, counts and usages at the stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from simasgd.cluster.cast.cast import AbstractCast, UnappliedCounts
from simasgd.cluster.cast.faults import CrashRecord
from simasgd.cluster.cast.hang import EndState, Hang, explain_hang
from simasgd.cluster.cast.leaving import LeaveTimes
from simasgd.cluster.cast.monitor import Ending
from simasgd.cluster.clock.events import Clock
from simasgd.cluster.clock.log import SpanLog, Spans
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.recording import AbstractRecording
from simasgd.cluster.clock.trail import list_parts, wait_until
from simasgd.cluster.network.routes import ByteCounts
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.cluster.faults import Faults


@dataclass(frozen=True)
class FaultCounts:
    """Counts of the faults until the stop."""

    crashes: int
    rejoins: int
    down_seconds: float
    """Seconds, summed over the learners."""
    barrier_timeouts: int
    members_dropped: int
    messages_lost: int
    """Messages lost on the way; a crashed learner's unsent messages do not count."""
    server_paused: float
    """Seconds."""


class LearnerGradients(NamedTuple):
    """The gradients of each learner, shape (λ,) each; `computed` is the sum of the others."""

    computed: tuple[int, ...]
    applied: tuple[int, ...]
    dropped: tuple[int, ...]
    cancelled: tuple[int, ...]
    lost: tuple[int, ...]
    in_flight: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ClockResult:
    """The result of a run of the clock."""

    simulated_seconds: float
    updates: int
    gradients_computed: int
    gradients_applied: int
    gradients_dropped: int
    gradients_cancelled: int
    gradients_lost: int
    gradients_in_flight: int
    learner_gradients: LearnerGradients
    learner_seconds: tuple[tuple[float, ...], ...]
    """Seconds of each learner's compute thread, by learner and `Activity`; without costs only of the first ones."""
    thread_seconds: dict[str, tuple[tuple[float, ...], ...]]
    """Seconds of the other threads, by the thread's name, learner and `Activity`."""
    servers: tuple[Usage, ...]
    links: tuple[Usage, ...]
    bytes: ByteCounts
    sampled_updates: tuple[int, ...]
    """The numbers of updates at which the bytes sent so far were sampled: 0, some in between, and the last."""
    sampled_bytes: tuple[float, ...]
    critical_path: tuple[float, ...]
    """Seconds of each of PARTS on the critical path; with costs of COST_PARTS, and if any were lost of LOST_PARTS."""
    fault_counts: FaultCounts
    left: Mapping[int, float]
    """When (s) the work of a learner ended with its trace, by the learner's number."""
    hang: Hang | None
    spans: Spans | None
    events: int = 0
    """The events that the simulation took; 0 for a run that was not simulated."""


def collect_result(
    env: Clock,
    spec: Cluster,
    cast: AbstractCast,
    recording: AbstractRecording,
    crash_record: CrashRecord,
    leavings: LeaveTimes,
    log: SpanLog | None,
    ending: Ending,
) -> ClockResult:
    """Close all logs at the present and collect the result of the run."""
    now, workers, network = env.now, cast.workers, cast.network
    computing = [worker.number for worker in workers if worker.is_computing]
    thread_seconds = _close_logs(cast, now)
    network.close(now)
    unapplied = cast.unapplied()
    fault_counts = _count_faults(spec.faults, crash_record, unapplied, network.messages_lost, now)
    lost = sum(worker.lost for worker in workers)
    cancelled = sum(worker.cancelled for worker in workers)
    troubles = {
        "crashes": fault_counts.crashes,
        "mini-batches given up": cancelled,
        "gradients dropped": unapplied.dropped,
        "gradients lost in crashes": lost,
        "messages lost": fault_counts.messages_lost,
    }
    end = EndState(recording.time, now, recording.gradients, crash_record, leavings, computing, troubles, cast.waiting)
    sampled_updates, sampled_bytes = recording.byte_samples.until(recording.updates)
    return ClockResult(
        simulated_seconds=now,
        updates=recording.updates,
        gradients_computed=sum(worker.drawn for worker in workers),
        gradients_applied=recording.gradients,
        gradients_dropped=unapplied.dropped,
        gradients_cancelled=cancelled,
        gradients_lost=lost,
        gradients_in_flight=unapplied.in_flight,
        learner_gradients=_gradients_of(cast, recording),
        learner_seconds=tuple(tuple(worker.activity_log.seconds) for worker in workers),
        thread_seconds=thread_seconds,
        servers=cast.servers(now),
        links=network.usage(now),
        bytes=network.counts(),
        sampled_updates=sampled_updates,
        sampled_bytes=sampled_bytes,
        critical_path=tuple(list_parts(wait_until(cast.trail, now), with_costs=spec.costs.any)),
        fault_counts=fault_counts,
        left=leavings.at,
        hang=explain_hang(ending, end),
        spans=log.spans(now) if log is not None else None,
        events=env.count_events(),
    )


def _gradients_of(cast: AbstractCast, recording: AbstractRecording) -> LearnerGradients:
    workers, dropped = cast.workers, cast.dropped_of
    applied = recording.applied_of(len(workers))
    done = zip(workers, applied, dropped, strict=True)
    return LearnerGradients(
        computed=tuple(worker.drawn for worker in workers),
        applied=tuple(applied),
        dropped=tuple(dropped),
        cancelled=tuple(worker.cancelled for worker in workers),
        lost=tuple(worker.lost for worker in workers),
        in_flight=tuple(worker.drawn - worker.cancelled - worker.lost - used - unused for worker, used, unused in done),
    )


def _close_logs(cast: AbstractCast, now: float) -> dict[str, tuple[tuple[float, ...], ...]]:
    """Close the workers' activity logs at `now` (s) and return the seconds of the threads beside the compute thread."""
    threads: dict[str, list[tuple[float, ...]]] = {name: [] for name in cast.threads}
    for worker in cast.workers:
        worker.close(now)
        for name, thread in zip(threads, worker.threads, strict=True):
            thread.activity_log.close(now)
            threads[name].append(tuple(thread.activity_log.seconds))
    return {name: tuple(seconds) for name, seconds in threads.items()}


def _count_faults(
    faults: Faults, crash_record: CrashRecord, unapplied: UnappliedCounts, messages_lost: int, now: float
) -> FaultCounts:
    pauses = [(pause.at, pause.at + pause.lasting) for pause in faults.server_pauses]
    return FaultCounts(
        crashes=crash_record.crashes,
        rejoins=crash_record.rejoins,
        down_seconds=crash_record.down_until(now),
        barrier_timeouts=unapplied.barrier_timeouts,
        members_dropped=unapplied.members_dropped,
        messages_lost=messages_lost,
        server_paused=sum(max(0.0, min(end, now) - start) for start, end in pauses),
    )
