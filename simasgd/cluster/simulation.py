"""One run of a cluster under a protocol, from time 0 to the stop."""

from __future__ import annotations

import gc
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Protocol as Structural
from typing import final

from simpy import Environment
from simpy.core import StopSimulation
from simpy.events import Timeout

from simasgd.cluster import compute
from simasgd.cluster.architecture import Built, Site, build
from simasgd.cluster.events import Signal
from simasgd.cluster.faults import Casualties, mortal_life, outages
from simasgd.cluster.log import UPDATE, SpanLog, Spans
from simasgd.cluster.pace import AbstractPace, Scheduled, spells
from simasgd.cluster.pipe import Pipe, Usage
from simasgd.cluster.routes import Counts
from simasgd.cluster.server import Server
from simasgd.cluster.trail import Trail, until
from simasgd.protocols import AbstractProtocol
from simasgd.protocols.base import Role
from simasgd.scenario.cluster import Cluster
from simasgd.tape import AbstractRecorder, Gradient

_REPORT_EVERY = 8192  # gradients between two calls of `progress`
# Reading the network's counts takes some 3 µs a learner, and a gradient some 10 µs: so the clock is slowed by a hundredth.
_NOTE_EVERY = 32  # gradients of each learner between two notes of the bytes sent
_MOST_NOTES = 1000


@dataclass(frozen=True)
class Limit:
    """Where a run stops: at the first update that reaches one of the numbers, or at the time (s)."""

    gradients: int | None = None
    updates: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Hang:
    """From `at` (s) on nothing can happen any more."""

    at: float
    reason: str


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


class Progress(Structural):
    """Is told now and then how many gradients have been applied and how many seconds simulated."""

    def __call__(self, gradients: int, seconds: float) -> None: ...


@final
class _Notes:
    """The bytes sent so far, noted at evenly spaced updates, of which there are the fewer the longer the run: the summary's
    memory must not grow with the gradients."""

    def __init__(self, sent: Callable[[], float], every: int) -> None:
        self.due = every  # the number of gradients at which to note next
        self._sent = sent
        self._every = every
        self._updates, self._bytes = array("q", [0]), array("d", [0.0])

    def take(self, gradients: int, updates: int) -> None:
        self._updates.append(updates)
        self._bytes.append(self._sent())
        if len(self._updates) > _MOST_NOTES:
            self._updates, self._bytes = self._updates[::2], self._bytes[::2]
            self._every *= 2
        self.due = gradients + self._every

    def until(self, updates: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Updates and bytes up to the last update, at which all that was sent until the stop counts as sent."""
        before = sum(1 for noted in self._updates if noted < updates)
        if not before:
            return (0,), (0.0,)
        return (*self._updates[:before], updates), (*self._bytes[:before], self._sent())


@final
class _Book:
    """Passes the rows on to the recorder until the limit is reached, and stops the clock then."""

    def __init__(
        self, recorder: AbstractRecorder, limit: Limit, done: Signal, progress: Progress | None, notes: _Notes
    ) -> None:
        self.gradients = 0
        self.updates = 0
        self.time = 0.0  # of the last update
        self.notes = notes
        self._recorder = recorder
        self._most_gradients = limit.gradients if limit.gradients is not None else float("inf")
        self._most_updates = limit.updates if limit.updates is not None else float("inf")
        self._done = done
        self._progress = progress
        self._report_at = _REPORT_EVERY

    def write(self, time: float, timestamp: int, gradients: Sequence[Gradient], summed: int) -> None:
        if self._done.triggered:
            return  # consequences of the last update at the very instant of the stop
        self._recorder.step(time, timestamp, gradients, summed)
        self.gradients += len(gradients)
        self.updates += 1
        self.time = time
        if self.gradients >= self._most_gradients or self.updates >= self._most_updates:
            self._done.fire(False)
        if self.gradients >= self.notes.due:
            self.notes.take(self.gradients, self.updates)
        if self.gradients >= self._report_at:
            self._report_at = self.gradients + _REPORT_EVERY
            if self._progress is not None:
                self._progress(self.gradients, time)


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
) -> Clocked:
    """Run λ learners and a parameter server under `protocol`, writing every update to `recorder`.

    Gradients and weights are messages of `payload` bytes. Without a reachable limit this ends only if nothing can happen any
    more. With a `log` it is told what everybody did.
    """
    env = Environment()
    done = Signal(env)
    notes = _Notes(lambda: built.network.counts().sent, _NOTE_EVERY * spec.learners)
    book = _Book(recorder, limit, done, progress, notes)
    server = _server(env, spec, seed, book, log)
    per_epoch = samples_per_epoch / mini_batch if samples_per_epoch is not None else float("inf")
    site = Site(env, spec, server, seed, payload, _times(spec, seed, mini_batch), _paces(spec, seed), log, per_epoch)
    built = build(spec.architecture, site)
    casualties = Casualties()
    env.process(protocol.serve(server))
    for thread in built.threads:
        env.process(thread())
    for learner in built.learners:
        threads: list[Callable[[], Role]] = [partial(protocol.learn, learner), *(thread.run for thread in learner.threads)]
        if spec.faults.crashes:
            env.process(mortal_life(env, learner, threads, outages(spec.faults, seed, learner.number), casualties))
        else:
            for run_thread in threads:
                env.process(run_thread())
    if limit.seconds is not None:
        Timeout(env, limit.seconds).callbacks.append(lambda _: None if done.triggered else done.fire(env.peek() == inf))
    done.callbacks.append(StopSimulation.callback)
    with _rare_collections():
        # The value of `done` is whether nothing else could happen any more; it is None if `done` never happens.
        is_idle = env.run() is not False
    return _clocked(env, spec, built, server, book, casualties, log, is_idle)


def _clocked(
    env: Environment,
    spec: Cluster,
    built: Built,
    server: Server,
    book: _Book,
    casualties: Casualties,
    log: SpanLog | None,
    is_idle: bool,
) -> Clocked:
    now, learners, network = env.now, built.learners, built.network
    threads: dict[str, list[tuple[float, ...]]] = {name: [] for name in spec.architecture.threads}
    for learner in learners:
        learner.diary.close(now)
        for name, thread in zip(threads, learner.threads, strict=True):
            thread.diary.close(now)
            threads[name].append(tuple(thread.diary.seconds))
    network.close(now)
    in_flight = sum(learner.in_flight for learner in learners) + sum(relay.in_flight for relay in built.relays)
    pauses = [(pause.at, pause.at + pause.lasting) for pause in spec.faults.server_pauses]
    noted_updates, noted_bytes = book.notes.until(book.updates)
    return Clocked(
        simulated_seconds=now,
        updates=book.updates,
        gradients_computed=sum(learner.computed for learner in learners),
        gradients_applied=book.gradients,
        gradients_dropped=server.dropped,
        gradients_cancelled=sum(learner.cancelled for learner in learners),
        gradients_lost=sum(learner.lost for learner in learners),
        gradients_in_flight=in_flight + server.received - server.dropped - book.gradients,
        learner_gradients=tuple(learner.computed for learner in learners),
        learner_seconds=tuple(tuple(learner.diary.seconds) for learner in learners),
        thread_seconds={name: tuple(seconds) for name, seconds in threads.items()},
        servers=(server.usage(now),),
        links=network.usage(now),
        bytes=network.counts(),
        noted_updates=noted_updates,
        noted_bytes=noted_bytes,
        critical_path=until(server.trail, now),
        mishaps=Mishaps(
            crashes=casualties.crashes,
            rejoins=casualties.rejoins,
            down_seconds=casualties.down_until(now),
            barrier_timeouts=server.barrier_timeouts,
            members_dropped=server.members_dropped,
            messages_lost=network.messages_lost,
            server_paused=sum(max(0.0, min(end, now) - start) for start, end in pauses),
        ),
        hang=_hang(book, casualties) if is_idle else None,
        spans=log.spans(now) if log is not None else None,
    )


def _hang(book: _Book, casualties: Casualties) -> Hang:
    """What can be said where nothing was left to happen before the stop."""
    if not casualties.for_good:
        return Hang(book.time, "everybody waits, for ever, and nobody has crashed: the protocol waits for what cannot come")
    gone = ", ".join(f"{number} (at {casualties.down_since[number]:.6g} s)" for number in sorted(casualties.for_good)[:5])
    more = f" and {len(casualties.for_good) - 5} more" if len(casualties.for_good) > 5 else ""
    return Hang(book.time, f"everybody waits, for ever; these learners crashed for good: {gone}{more}")


def _server(env: Environment, spec: Cluster, seed: int, book: _Book, log: SpanLog | None) -> Server:
    pauses = [(pause.at, pause.at + pause.lasting, 0.0) for pause in spec.faults.server_pauses]
    pace = Scheduled(pauses) if pauses else None
    law = compute.law(spec.server.update_law)
    return Server(
        env,
        spec.learners,
        compute.update_times(spec.server.update, law, seed),
        Pipe("server", pace=pace, log=log, group="servers", activity=UPDATE),
        book.write,
        None if pace is None else partial(pace.end, work=0.0),
    )


def _times(spec: Cluster, seed: int, mini_batch: int) -> list[Iterator[float]]:
    """The compute times (s) of each learner at full speed."""
    mean, law = compute.mean_time(spec.compute, mini_batch), compute.law(spec.compute)
    speeds = compute.speeds(spec, seed)
    return [compute.times(mean / speed, law, seed, learner) for learner, speed in enumerate(speeds)]


def _paces(spec: Cluster, seed: int) -> Sequence[AbstractPace | None]:
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
