"""One run of a cluster under a protocol, from time 0 to the stop."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol as Structural
from typing import final

from simpy import Environment

from simasgd.cluster import compute
from simasgd.cluster.compute import AbstractDistribution
from simasgd.cluster.events import Signal
from simasgd.cluster.learner import Learner
from simasgd.cluster.network import Route
from simasgd.cluster.pipe import Pipe, Usage
from simasgd.cluster.server import Server
from simasgd.protocols import AbstractProtocol
from simasgd.scenario.cluster import Cluster, Compute
from simasgd.tape import AbstractRecorder, Gradient

_REPORT_EVERY = 8192  # gradients between two calls of `progress`


@dataclass(frozen=True)
class Limit:
    """Where a run stops: at the first update that reaches one of the numbers, or at the time (s)."""

    gradients: int | None = None
    updates: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, eq=False)
class Clocked:
    """What the clock says at the stop. `learner_seconds[l]` holds learner l's seconds per `Activity`."""

    simulated_seconds: float
    updates: int
    gradients_computed: int
    gradients_applied: int
    learner_gradients: tuple[int, ...]
    learner_seconds: tuple[tuple[float, ...], ...]
    servers: tuple[Usage, ...]
    links: tuple[Usage, ...]

    @property
    def gradients_in_flight(self) -> int:
        return self.gradients_computed - self.gradients_applied


class Progress(Structural):
    """Is told now and then how many gradients have been applied and how many seconds simulated."""

    def __call__(self, gradients: int, seconds: float) -> None: ...


def law(spec: Compute) -> AbstractDistribution:
    """The law of the random factor in a learner's compute times."""
    laws: dict[str, Callable[[], AbstractDistribution]] = {
        "constant": compute.Constant,
        "exponential": compute.Exponential,
        "gamma": lambda: compute.Gamma(spec.variation),
        "lognormal": lambda: compute.LogNormal(spec.variation),
    }
    return laws[spec.distribution]() if spec.variation > 0.0 else compute.Constant()


@final
class _Book:
    """Passes the rows on to the recorder until the limit is reached, and stops the clock then."""

    def __init__(self, recorder: AbstractRecorder, limit: Limit, done: Signal, progress: Progress | None) -> None:
        self.gradients = 0
        self.updates = 0
        self._recorder = recorder
        self._most_gradients = limit.gradients if limit.gradients is not None else float("inf")
        self._most_updates = limit.updates if limit.updates is not None else float("inf")
        self._done = done
        self._progress = progress
        self._report_at = _REPORT_EVERY

    def write(self, time: float, timestamp: int, gradients: Sequence[Gradient]) -> None:
        if self._done.triggered:
            return  # consequences of the last update at the very instant of the stop
        self._recorder.step(time, timestamp, gradients)
        self.gradients += len(gradients)
        self.updates += 1
        if self.gradients >= self._most_gradients or self.updates >= self._most_updates:
            self._done.fire()
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
    progress: Progress | None = None,
) -> Clocked:
    """Run λ learners and a parameter server under `protocol`, writing every update to `recorder`.

    Gradients and weights are messages of `payload` bytes; a mini-batch of µ samples takes `spec.compute.mean(µ)` seconds
    on average. Without a reachable limit this does not return.
    """
    env = Environment()
    done = Signal(env)
    book = _Book(recorder, limit, done, progress)
    server = Server(env, spec.learners, spec.server.update, book.write)
    inbound, outbound, pipes = _pipes(spec.server.duplex)
    bandwidth = min(spec.network.bandwidth, spec.server.bandwidth)
    to_server = Route(inbound, payload, bandwidth, spec.network.latency)
    from_server = Route(outbound, payload, bandwidth, spec.network.latency)
    mean, factor = spec.compute.mean(mini_batch), law(spec.compute)
    learners = [
        Learner(env, number, server, to_server, from_server, compute.times(mean, factor, seed, number))
        for number in range(spec.learners)
    ]
    env.process(protocol.serve(server))
    for learner in learners:
        env.process(protocol.learn(learner))
    with _rare_collections():
        env.run(until=done if limit.seconds is None else env.timeout(limit.seconds) | done)
    now = env.now
    for learner in learners:
        learner.diary.close(now)
    return Clocked(
        simulated_seconds=now,
        updates=book.updates,
        gradients_computed=sum(learner.computed for learner in learners),
        gradients_applied=book.gradients,
        learner_gradients=tuple(learner.computed for learner in learners),
        learner_seconds=tuple(tuple(learner.diary.seconds) for learner in learners),
        servers=(server.usage(now),),
        links=tuple(pipe.usage(now) for pipe in pipes),
    )


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


def _pipes(duplex: str) -> tuple[Pipe, Pipe, tuple[Pipe, ...]]:
    """The server's pipe in, its pipe out, and the distinct ones of them."""
    if duplex == "half":
        both = Pipe("server nic")
        return both, both, (both,)
    inbound, outbound = Pipe("server nic in"), Pipe("server nic out")
    return inbound, outbound, (inbound, outbound)
