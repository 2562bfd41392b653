"""Ranks on a network, which carry out collective operations for the tests."""

from __future__ import annotations

import json
from functools import cache
from itertools import repeat
from math import inf, log2
from typing import NamedTuple

import numpy as np
import pytest
import simpy

from simasgd.cluster.clock.activity import ActivityLog
from simasgd.cluster.clock.trail import START, add_compute, wait_until
from simasgd.cluster.collectives.costly import CostlyOperations, OperationCosts
from simasgd.cluster.collectives.message_passing import MessagePassing
from simasgd.cluster.collectives.patterns import gathering, reduction
from simasgd.cluster.collectives.selection import make_operations
from simasgd.cluster.network.network import Network
from simasgd.scenario.cluster.collective import BinaryTree, HalvingDoubling, Hierarchical, RecursiveDoubling, RingCollective
from simasgd.scenario.cluster.costs import Costs
from tests.build import TIMING, scenario

FREE = Costs()
KINDS = [RingCollective(), RecursiveDoubling(), HalvingDoubling(), BinaryTree(), Hierarchical()]


def with_costs(env, network, endpoints, rounds, sizes, on_first, costs=FREE, start=0.0):
    """Make operations that have costs, by default of 0."""
    logs = [ActivityLog(has_costs=True) for _ in endpoints]
    starts = [repeat(start)] * len(endpoints)
    return CostlyOperations(env, network, endpoints, rounds, sizes, on_first, OperationCosts(costs, starts, logs))


EXECUTORS = {"lockstep": make_operations, "messages": MessagePassing, "with costs": with_costs}
BYTES = 100e6
NETWORKS = [
    {"latency": "20 us", "bandwidth": "1 GB/s"},
    {"latency": "3 ms", "bandwidth": "80 MB/s", "overhead": "1 ms"},
    {"latency": 0, "bandwidth": "10 GB/s"},
    {"latency": "1 ms", "bandwidth": "unlimited"},
]
by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
by_operation = pytest.mark.parametrize("operation", [reduction, gathering], ids=lambda operation: operation.__name__)
by_executor = pytest.mark.parametrize("executor", EXECUTORS)


@cache
def specified(changes):
    """Return a cluster section; most of the time of these tests would go into making them."""
    return scenario(TIMING, {"cluster": json.loads(changes)}).cluster


class Cluster:
    """Ranks on a network of their own, learner by learner."""

    def __init__(self, ranks, *, per_node=1, shared_nodes=False, intra_node=inf, faults=None, **network):
        network = {"latency": "20 us", "bandwidth": "1 GB/s", **network}
        changes = {"learners": ranks, "learners_per_node": per_node, "network": network, "faults": faults or {}}
        spec = specified(json.dumps(changes))
        self.env = simpy.Environment()
        self.network = Network(self.env, spec, servers=0, seed=0, shared_nodes=shared_nodes, intra_node_bandwidth=intra_node)
        self.endpoints = [self.network.learner_endpoint(rank) for rank in range(ranks)]
        self.start_up = spec.network.latency + spec.network.overhead
        self.bandwidth = spec.network.bandwidth


class Outcome(NamedTuple):
    """Of each join: (joins, ranks) times (s), the values of the signals and sums of their trails; and who was told first."""

    finished: np.ndarray
    started: np.ndarray
    trails: np.ndarray
    firsts: list


def carried_out(cluster, executor, rounds, sizes, plan, *, is_patient=True):
    """Carry out operations under a plan and return the outcome.

    `plan[j][i]` is the plan of rank i for its join j: the time for which it computes before it, and
    the time until its input of each operation is ready. A patient rank waits for the end of a join
    before it computes for the next.
    """
    env, firsts, ranks = cluster.env, [], len(cluster.endpoints)
    made = (executor if callable(executor) else EXECUTORS[executor])(
        env, cluster.network, cluster.endpoints, rounds, sizes, lambda join, trail: firsts.append((join, env.now, sum(trail)))
    )
    finished, started, trails = (np.full((len(plan), ranks, *more), np.nan) for more in ((), (), (5,)))

    def note(join, rank, done):
        assert [first[0] for first in firsts[: join + 1]] == list(range(join + 1))  # told before anybody goes on
        finished[join, rank], started[join, rank], trails[join, rank] = env.now, done.started, done.trail

    def work(rank):
        trail = START
        for join, of_all in enumerate(plan):
            before, more = of_all[rank]
            yield env.timeout(before)
            trail = wait_until(add_compute(trail, before), env.now)
            signal = made.join(rank, trail)
            signal.callbacks.append(lambda event, join=join: note(join, rank, event.value))
            made.forecast(rank, [env.now + one for one in more[:-1]])
            yield env.timeout(more[-1])
            made.provide(rank)
            if is_patient:
                trail = (yield signal).trail

    for rank in range(ranks):
        env.process(work(rank))
    env.run()
    assert not np.isnan(finished).any()
    return Outcome(finished, started, trails, firsts)


def at_once(ranks, sizes=1):
    """All are ready at 0."""
    return [[(0.0, [0.0] * sizes)] * ranks]


def at_random(seed, ranks, sizes, joins, mean=0.3):
    draw = np.random.default_rng(seed)
    return [
        [(float(draw.exponential(mean)), np.cumsum(draw.exponential(mean, sizes)).tolist()) for _ in range(ranks)]
        for _ in range(joins)
    ]


def lower(p):
    """Return the greatest power of two up to p."""
    return 2 ** int(log2(p))
