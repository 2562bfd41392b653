"""When learners start: together, or each at a time of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import cache, partial
from math import inf
from typing import Any

from simpy import Environment
from simpy.events import Timeout

from simasgd import exact
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.network.bandwidths import bandwidths
from simasgd.scenario.cluster.architecture import Base
from simasgd.scenario.cluster.cluster import Cluster

MakeRole = Callable[[], Generator[Any, Any, None]]


def start_times(spec: Cluster, cycles: Callable[[], Sequence[float]], seed: int) -> list[float]:
    """Return when (s) each of the λ learners starts.

    With `start: spread` learner 0 starts at 0. Every other learner starts at a time drawn uniformly
    from its own of the `cycles` (s). The time is a function of the seed and the learner's number only. Times at
    equal distances would be a timetable: learners with constant compute times would never meet, and
    would stay faster than any learners whose times vary.
    """
    if spec.start == "together":
        return [0.0] * spec.learners
    draws = (exact.uniforms(exact.stream(seed, exact.Purpose.START, learner), 1)[0] for learner in range(1, spec.learners))
    return [0.0, *(cycle * float(drawn) for cycle, drawn in zip(cycles()[1:], draws, strict=True))]


def mean_cycles(
    spec: Cluster, means: Sequence[float], gradient_bytes: float, weights_bytes: float, seed: int, *, has_server: bool
) -> list[float]:
    """Return the cycle (s) of each learner, whose mini-batches take `means` (s); see `mean_cycle`."""
    of_nodes, size = bandwidths(spec, seed), spec.learners_per_node
    slowest = min((of_nodes[node] for node in spec.server_nodes), default=inf)

    @cache
    def cycle(mean: float, bandwidth: float) -> float:
        return mean_cycle(spec, mean, bandwidth, slowest, gradient_bytes, weights_bytes, has_server=has_server)

    return [cycle(mean, of_nodes[learner // size]) for learner, mean in enumerate(means)]


def mean_cycle(
    spec: Cluster,
    mean: float,
    bandwidth: float,
    server_bandwidth: float,
    gradient_bytes: float,
    weights_bytes: float,
    *,
    has_server: bool,
) -> float:
    """Return a learner's cycle (s) by the asymptotic bounds of a closed queue; its mini-batch and own work take `mean` (s).

    The learner's node has `bandwidth`. The server's interface, and its node's `server_bandwidth`
    (bytes/s; infinite for a node of its own), carry the messages of all.

    The cycle is the longer of two times. One is the time of a lone learner for a mini-batch, its
    messages, their copies and its update. The other is λ times one learner's use of the server or of the server's
    interface. Links within the network and trees of servers are left out, because the cycle only
    fixes how far apart learners start.
    """
    network, server, costs, parts = spec.network, spec.server, spec.costs, spec.architecture.parts
    if not has_server:
        copies = 2.0 * costs.copy_seconds(weights_bytes)
        return mean + network.overhead + weights_bytes / bandwidth + network.latency + copies
    copies = costs.copy_seconds(gradient_bytes, parts) + costs.copy_seconds(weights_bytes, parts)  # at either end
    at_server = min(server.bandwidth, server_bandwidth)
    pace = min(bandwidth, at_server)
    messages = (gradient_bytes + weights_bytes) / pace + 2.0 * (network.overhead + network.latency)
    work = server.update + server.per_gradient + copies
    lone = mean + copies + messages + work
    if not isinstance(spec.architecture, Base):
        return lone
    directions = (gradient_bytes, weights_bytes)
    interface = (sum(directions) if server.duplex == "half" else max(directions)) / at_server
    return max(lone, spec.learners * max(work, interface) / spec.architecture.shards)


def delay_start(env: Environment, worker: AbstractWorker, role: MakeRole, start: float) -> MakeRole:
    """Return a worker's role that does nothing before `start` (s)."""
    return role if start == 0.0 else partial(_wait_and_run, env, worker, role, start)


def _wait_and_run(env: Environment, worker: AbstractWorker, role: MakeRole, start: float) -> Generator[Any, Any, None]:
    if env.now < start:  # a learner that crashed before it started may come back later
        yield Timeout(env, start - env.now)
        worker.rejoin()
    yield from role()
