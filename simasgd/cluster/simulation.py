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

from simasgd.cluster.cast.cast import AbstractStage, Ground
from simasgd.cluster.cast.faults import Casualties, mortal_life, outages
from simasgd.cluster.cast.hang import Hang, State, hang
from simasgd.cluster.cast.start import cycle, delayed, starts
from simasgd.cluster.cast.watch import End, Watch
from simasgd.cluster.clock import compute
from simasgd.cluster.clock.activity import Activity
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.log import SpanLog, Spans
from simasgd.cluster.clock.pace import Spells, spells
from simasgd.cluster.clock.pipe import Usage
from simasgd.cluster.clock.recording import Book, Limit, Notes, Progress
from simasgd.cluster.clock.trail import Trail, until
from simasgd.cluster.network.routes import Counts
from simasgd.cluster.peers.cast import Peers
from simasgd.cluster.server.cast import Served
from simasgd.protocols import AbstractProtocol
from simasgd.protocols.base import AbstractPeerProtocol, AbstractServerProtocol
from simasgd.scenario.cluster.cluster import Cluster
from simasgd.tape import AbstractRecorder


@dataclass(frozen=True)
class Mishaps:
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
class Clocked:
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
    bytes: Counts
    noted_updates: tuple[int, ...]
    """The numbers of updates at which the bytes sent so far were noted: 0, some in between, and the last."""
    noted_bytes: tuple[float, ...]
    critical_path: Trail
    mishaps: Mishaps
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
) -> Clocked:
    """Run λ learners under `protocol`, with a parameter server if it has one, writing every update to `recorder`.

    Gradients and weights are messages of `payload` bytes, gradients of `gradient_payload` if that is given, which can be added
    up on the way or not. Without a reachable limit this ends only if nothing can happen any more. With a `log` it is told what
    everybody did.
    """
    env = Environment()
    done = Signal(env)
    notes = Notes(lambda: stage.network.counts().sent, spec.learners)
    book = Book(recorder, limit, done, progress, notes)
    ground = Ground(
        env=env,
        spec=spec,
        book=book,
        seed=seed,
        payload=payload,
        gradient_payload=payload if gradient_payload is None else gradient_payload,
        gradients_add_up=gradients_add_up,
        times=_times(spec, seed, mini_batch),
        paces=_paces(spec, seed),
        log=log,
        gradients_per_epoch=samples_per_epoch / mini_batch if samples_per_epoch is not None else inf,
    )
    stage = _stage(protocol, ground)
    casualties = Casualties()
    for role in stage.roles:
        env.process(role())
    one_cycle = cycle(
        spec,
        compute.mean_time(spec.compute, mini_batch),
        ground.gradient_payload,
        payload,
        has_server=protocol.has_server,
    )
    for worker, start in zip(stage.workers, starts(spec, one_cycle, seed), strict=True):
        roles = [delayed(env, worker, role, start) for role in stage.roles_of(worker)]
        if spec.faults.crashes:
            env.process(mortal_life(env, worker, roles, outages(spec.faults, seed, worker.number), casualties))
        else:
            for role in roles:
                env.process(role())
    if limit.seconds is not None:
        Timeout(env, limit.seconds).callbacks.append(lambda _: None if done.triggered else done.fire(env.peek() == inf))
    done.callbacks.append(StopSimulation.callback)
    with _rare_collections():
        # The value of `done` is whether nothing else could happen any more.
        end = Watch(env, stage, book, limit).run()
    return _clocked(env, spec, stage, book, casualties, log, end)


def _stage(protocol: AbstractProtocol, ground: Ground) -> AbstractStage:
    if isinstance(protocol, AbstractPeerProtocol):
        return Peers(protocol, ground)
    assert isinstance(protocol, AbstractServerProtocol)
    return Served(protocol, ground)


def _clocked(
    env: Environment,
    spec: Cluster,
    stage: AbstractStage,
    book: Book,
    casualties: Casualties,
    log: SpanLog | None,
    ended: End,
) -> Clocked:
    now, workers, network = env.now, stage.workers, stage.network
    computing = [worker.number for worker in workers if worker.diary.activity is Activity.COMPUTE]
    threads: dict[str, list[tuple[float, ...]]] = {name: [] for name in stage.threads}
    for worker in workers:
        worker.diary.close(now)
        for name, thread in zip(threads, worker.threads, strict=True):
            thread.diary.close(now)
            threads[name].append(tuple(thread.diary.seconds))
    network.close(now)
    fate = stage.fate()
    pauses = [(pause.at, pause.at + pause.lasting) for pause in spec.faults.server_pauses]
    noted_updates, noted_bytes = book.notes.until(book.updates)
    mishaps = Mishaps(
        crashes=casualties.crashes,
        rejoins=casualties.rejoins,
        down_seconds=casualties.down_until(now),
        barrier_timeouts=fate.barrier_timeouts,
        members_dropped=fate.members_dropped,
        messages_lost=network.messages_lost,
        server_paused=sum(max(0.0, min(end, now) - start) for start, end in pauses),
    )
    lost = sum(worker.lost for worker in workers)
    cancelled = sum(worker.cancelled for worker in workers)
    troubles = {
        "crashes": mishaps.crashes,
        "mini-batches given up": cancelled,
        "gradients dropped": fate.dropped,
        "gradients lost in crashes": lost,
        "messages lost": mishaps.messages_lost,
    }
    return Clocked(
        simulated_seconds=now,
        updates=book.updates,
        gradients_computed=sum(worker.computed for worker in workers),
        gradients_applied=book.gradients,
        gradients_dropped=fate.dropped,
        gradients_cancelled=cancelled,
        gradients_lost=lost,
        gradients_in_flight=fate.in_flight,
        learner_gradients=tuple(worker.computed for worker in workers),
        learner_seconds=tuple(tuple(worker.diary.seconds) for worker in workers),
        thread_seconds={name: tuple(seconds) for name, seconds in threads.items()},
        servers=stage.servers(now),
        links=network.usage(now),
        bytes=network.counts(),
        noted_updates=noted_updates,
        noted_bytes=noted_bytes,
        critical_path=until(stage.trail, now),
        mishaps=mishaps,
        hang=hang(ended, State(book.time, now, book.gradients, casualties, computing, troubles)),
        spans=log.spans(now) if log is not None else None,
    )


def _times(spec: Cluster, seed: int, mini_batch: int) -> list[Iterator[float]]:
    """The compute times (s) of each learner at full speed."""
    mean, law = compute.mean_time(spec.compute, mini_batch), compute.law(spec.compute)
    # No mean is infinite, however slow the learner: a factor may be 0.
    means = [min(mean / speed, float_info.max) for speed in compute.speeds(spec, seed)]
    return [compute.times(of_one, law, seed, learner) for learner, of_one in enumerate(means)]


def _paces(spec: Cluster, seed: int) -> Sequence[Spells | None]:
    if spec.stragglers is None:
        return [None] * spec.learners
    return [spells(spec.stragglers, seed, learner) for learner in range(spec.learners)]


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
