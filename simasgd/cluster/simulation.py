"""One run of a cluster under a protocol, from time 0 to the stop."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from sys import float_info

from simpy import Environment
from simpy.core import StopSimulation
from simpy.events import Timeout

from simasgd.cluster.cast.cast import AbstractCast
from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.faults import CrashRecord, outages, run_with_crashes
from simasgd.cluster.cast.hang import EndState, Hang, explain_hang
from simasgd.cluster.cast.monitor import Ending, ProgressMonitor
from simasgd.cluster.cast.start import cycle, delayed, start_times
from simasgd.cluster.clock import compute
from simasgd.cluster.clock.activity import Activity
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.log import SpanLog, Spans
from simasgd.cluster.clock.pace import SlowSpells, slow_spells
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.recording import ByteSamples, Limit, Progress, Recording
from simasgd.cluster.clock.trail import Trail, wait_until
from simasgd.cluster.network.routes import ByteCounts
from simasgd.cluster.peers.cast import PeerCast
from simasgd.cluster.server.cast import ServerCast
from simasgd.protocols import AbstractProtocol
from simasgd.protocols.base import AbstractPeerProtocol, AbstractServerProtocol
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.tape import AbstractRecorder


@dataclass(frozen=True)
class FaultCounts:
    """What went wrong until the stop."""

    crashes: int
    rejoins: int
    down_seconds: float
    """Summed over the learners."""
    barrier_timeouts: int
    members_dropped: int
    messages_lost: int
    """Of those on the way; not what a crashed learner was sending."""
    server_paused: float
    """Seconds."""


@dataclass(frozen=True, eq=False)
class ClockResult:
    """What the clock says at the stop. `learner_seconds[l]` holds learner l's seconds per `Activity`, `thread_seconds` the same
    of the threads beside the compute thread, by the thread's name."""

    simulated_seconds: float
    updates: int
    gradients_computed: int
    gradients_applied: int
    gradients_dropped: int
    gradients_cancelled: int
    gradients_lost: int
    gradients_in_flight: int
    learner_gradients: tuple[int, ...]
    learner_seconds: tuple[tuple[float, ...], ...]
    thread_seconds: dict[str, tuple[tuple[float, ...], ...]]
    servers: tuple[Usage, ...]
    links: tuple[Usage, ...]
    bytes: ByteCounts
    sampled_updates: tuple[int, ...]
    """The numbers of updates at which the bytes sent so far were noted: 0, some in between, and the last."""
    sampled_bytes: tuple[float, ...]
    critical_path: Trail
    fault_counts: FaultCounts
    hang: Hang | None
    spans: Spans | None


def run(
    spec: Cluster,
    protocol: AbstractProtocol,
    *,
    seed: int,
    mini_batch: int,
    payload: float,
    limit: Limit,
    recorder: AbstractRecorder,
    log: SpanLog | None = None,
    progress: Progress | None = None,
    samples_per_epoch: int | None = None,
    gradient_payload: float | None = None,
    gradients_add_up: bool = True,
) -> ClockResult:
    """Run λ learners under `protocol`, with a parameter server if it has one, writing every update to `recorder`.

    Gradients and weights are messages of `payload` bytes, gradients of `gradient_payload` if that is given, which can be added
    up on the way or not. Without a reachable limit this ends only if nothing can happen any more. With a `log` it is told what
    everybody did.
    """
    env = Environment()
    done = Signal(env)
    byte_samples = ByteSamples(lambda: cast.network.counts().sent, spec.learners)
    recording = Recording(recorder, limit, done, progress, byte_samples)
    context = RunContext(
        env=env,
        spec=spec,
        recording=recording,
        seed=seed,
        payload=payload,
        gradient_payload=payload if gradient_payload is None else gradient_payload,
        gradients_add_up=gradients_add_up,
        times=_times(spec, seed, mini_batch),
        paces=_paces(spec, seed),
        log=log,
        gradients_per_epoch=samples_per_epoch / mini_batch if samples_per_epoch is not None else inf,
    )
    cast = _cast(protocol, context)
    crash_record = CrashRecord()
    for role in cast.roles:
        env.process(role())
    one_cycle = cycle(
        spec,
        compute.mean_time(spec.compute, mini_batch),
        context.gradient_payload,
        payload,
        has_server=protocol.has_server,
    )
    for worker, start in zip(cast.workers, start_times(spec, one_cycle, seed), strict=True):
        roles = [delayed(env, worker, role, start) for role in cast.roles_of(worker)]
        if spec.faults.crashes:
            env.process(run_with_crashes(env, worker, roles, outages(spec.faults, seed, worker.number), crash_record))
        else:
            for role in roles:
                env.process(role())
    if limit.seconds is not None:
        Timeout(env, limit.seconds).callbacks.append(lambda _: None if done.triggered else done.fire(env.peek() == inf))
    done.callbacks.append(StopSimulation.callback)
    with _rare_collections():
        # The value of `done` is whether nothing else could happen any more.
        end = ProgressMonitor(env, cast, recording, limit).run()
    return _clocked(env, spec, cast, recording, crash_record, log, end)


def _cast(protocol: AbstractProtocol, context: RunContext) -> AbstractCast:
    if isinstance(protocol, AbstractPeerProtocol):
        return PeerCast(protocol, context)
    assert isinstance(protocol, AbstractServerProtocol)
    return ServerCast(protocol, context)


def _clocked(
    env: Environment,
    spec: Cluster,
    cast: AbstractCast,
    recording: Recording,
    crash_record: CrashRecord,
    log: SpanLog | None,
    ending: Ending,
) -> ClockResult:
    now, workers, network = env.now, cast.workers, cast.network
    computing = [worker.number for worker in workers if worker.activity_log.activity is Activity.COMPUTE]
    threads: dict[str, list[tuple[float, ...]]] = {name: [] for name in cast.threads}
    for worker in workers:
        worker.activity_log.close(now)
        for name, thread in zip(threads, worker.threads, strict=True):
            thread.activity_log.close(now)
            threads[name].append(tuple(thread.activity_log.seconds))
    network.close(now)
    unapplied = cast.unapplied()
    pauses = [(pause.at, pause.at + pause.lasting) for pause in spec.faults.server_pauses]
    sampled_updates, sampled_bytes = recording.byte_samples.until(recording.updates)
    fault_counts = FaultCounts(
        crashes=crash_record.crashes,
        rejoins=crash_record.rejoins,
        down_seconds=crash_record.down_until(now),
        barrier_timeouts=unapplied.barrier_timeouts,
        members_dropped=unapplied.members_dropped,
        messages_lost=network.messages_lost,
        server_paused=sum(max(0.0, min(end, now) - start) for start, end in pauses),
    )
    lost = sum(worker.lost for worker in workers)
    cancelled = sum(worker.cancelled for worker in workers)
    troubles = {
        "crashes": fault_counts.crashes,
        "mini-batches given up": cancelled,
        "gradients dropped": unapplied.dropped,
        "gradients lost in crashes": lost,
        "messages lost": fault_counts.messages_lost,
    }
    return ClockResult(
        simulated_seconds=now,
        updates=recording.updates,
        gradients_computed=sum(worker.computed for worker in workers),
        gradients_applied=recording.gradients,
        gradients_dropped=unapplied.dropped,
        gradients_cancelled=cancelled,
        gradients_lost=lost,
        gradients_in_flight=unapplied.in_flight,
        learner_gradients=tuple(worker.computed for worker in workers),
        learner_seconds=tuple(tuple(worker.activity_log.seconds) for worker in workers),
        thread_seconds={name: tuple(seconds) for name, seconds in threads.items()},
        servers=cast.servers(now),
        links=network.usage(now),
        bytes=network.counts(),
        sampled_updates=sampled_updates,
        sampled_bytes=sampled_bytes,
        critical_path=wait_until(cast.trail, now),
        fault_counts=fault_counts,
        hang=explain_hang(ending, EndState(recording.time, now, recording.gradients, crash_record, computing, troubles)),
        spans=log.spans(now) if log is not None else None,
    )


def _times(spec: Cluster, seed: int, mini_batch: int) -> list[Iterator[float]]:
    """The compute times (s) of each learner at full speed."""
    mean, law = compute.mean_time(spec.compute, mini_batch), compute.law(spec.compute)
    # No mean is infinite, however slow the learner: a factor may be 0.
    means = [min(mean / speed, float_info.max) for speed in compute.speeds(spec, seed)]
    return [compute.times(of_one, law, seed, learner) for learner, of_one in enumerate(means)]


def _paces(spec: Cluster, seed: int) -> Sequence[SlowSpells | None]:
    if spec.stragglers is None:
        return [None] * spec.learners
    return [slow_spells(spec.stragglers, seed, learner) for learner in range(spec.learners)]


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let Python look for cyclic garbage seldom: a simulation makes hardly any, and looking through ten thousand waiting
    learners again and again takes a third of its time."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
