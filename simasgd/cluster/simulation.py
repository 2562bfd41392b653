"""One run of a cluster under a protocol, from time 0 to the stop."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf

from simpy import Environment
from simpy.core import StopSimulation
from simpy.events import Timeout

from simasgd.cluster.cast.cast import AbstractCast
from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.faults import CrashRecord, draw_outages, run_with_crashes
from simasgd.cluster.cast.leaving import LeaveTimes, leaving_at_the_end
from simasgd.cluster.cast.monitor import ProgressMonitor
from simasgd.cluster.cast.start import delay_start, start_times
from simasgd.cluster.cast.stragglers import slow_spells
from simasgd.cluster.clock import compute
from simasgd.cluster.clock.costs import LearnerCosts, make_costs
from simasgd.cluster.clock.events import Clock, Signal, start
from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.clock.recording import AbstractRecording, ByteSamples, ReportProgress, make_recording
from simasgd.cluster.job import Job
from simasgd.cluster.network.goodput import at_goodput
from simasgd.cluster.peers.cast import PeerCast
from simasgd.cluster.result import ClockResult, collect_result
from simasgd.cluster.server.cast import ServerCast
from simasgd.protocols.base import AbstractPeerProtocol, AbstractProtocol, AbstractServerProtocol
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.tape.recorder import AbstractRecorder

_MANY = 1_000  # learners, whose memory a run gives back at its end


def run(
    job: Job, recorder: AbstractRecorder, *, log: SpanLog | None = None, progress: ReportProgress | None = None
) -> ClockResult:
    """Simulate a job and write every update to `recorder`.

    Without a limit that is reached, the run ends when nothing can happen any more
    (`ProgressMonitor`). The activities of all participants go to `log`; `progress` is called now
    and then.
    """
    with _rare_collections(job.cluster.learners):
        return _run(job, recorder, log, progress)


def _run(job: Job, recorder: AbstractRecorder, log: SpanLog | None, progress: ReportProgress | None) -> ClockResult:
    env = Clock()
    done = Signal(env)  # its value says whether no other event is left
    byte_samples = ByteSamples(lambda: cast.network.counts().sent, job.cluster.learners)
    recording = make_recording(recorder, job.limit, done, progress, byte_samples, job.mini_batch)
    cast = _make_cast(job.protocol, _make_context(env, job, recording, log))
    crash_record, leavings = CrashRecord(), LeaveTimes()
    _start_processes(env, job, cast, crash_record, leavings)
    if job.limit.seconds is not None:
        timer = Timeout(env, job.limit.seconds)
        timer.callbacks.append(lambda _: recording.stop(is_idle=env.peek() == inf))
    done.callbacks.append(StopSimulation.callback)
    ending = ProgressMonitor(env, cast, recording, job.limit).run()
    return collect_result(env, job.cluster, cast, recording, crash_record, leavings, log, ending)


def _make_context(env: Environment, job: Job, recording: AbstractRecording, log: SpanLog | None) -> RunContext:
    spec, seed = at_goodput(job.cluster), job.seed
    return RunContext(
        env=env,
        spec=spec,
        recording=recording,
        seed=seed,
        payload=job.payload,
        gradient_payload=job.gradient_payload,
        gradients_add_up=job.gradients_add_up,
        times=compute.compute_times(spec, seed, job.mini_batch),
        paces=slow_spells(spec, seed),
        costs=_costs(spec, seed),
        log=log,
        gradients_per_epoch=job.gradients_per_epoch,
        computed=job.computed,
    )


def _make_cast(protocol: AbstractProtocol, context: RunContext) -> AbstractCast:
    if isinstance(protocol, AbstractPeerProtocol):
        return PeerCast(protocol, context)
    assert isinstance(protocol, AbstractServerProtocol)
    return ServerCast(protocol, context)


def _start_processes(env: Environment, job: Job, cast: AbstractCast, crash_record: CrashRecord, leavings: LeaveTimes) -> None:
    """Start the processes of the cast; learners start in the order of their numbers."""
    for role in cast.roles:
        start(env, role())
    faults, seed = job.cluster.faults, job.seed
    may_leave = job.cluster.may_leave
    noticed = leavings if may_leave and cast.notices_absences else None
    for worker, begin in zip(cast.workers, start_times(job.cluster, job.mean_cycles, seed), strict=True):
        roles = [delay_start(env, worker, role, begin) for role in cast.roles_of(worker)]
        if may_leave:
            roles[0] = leaving_at_the_end(env, worker, roles[0], leavings)
        if faults.makes_learners_leave or noticed is not None:
            outages = draw_outages(faults, seed, worker.number)
            env.process(run_with_crashes(env, worker, roles, outages, crash_record, noticed))
        else:
            for role in roles:
                start(env, role())


def _costs(spec: Cluster, seed: int) -> Sequence[LearnerCosts]:
    costs = spec.costs
    if not costs.any:
        return [LearnerCosts()] * spec.learners
    return make_costs(costs.step, costs.mixing, costs.collective_start, compute.speeds(spec, seed), seed)


@contextmanager
def _rare_collections(learners: int) -> Iterator[None]:
    """Collect cyclic garbage rarely.

    A simulation makes next to none, and repeated scans of ten thousand learners, while they are made
    and while they wait, take a third of its time. The learners themselves are garbage afterwards.
    """
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if learners >= _MANY:
            gc.collect()
