"""Collective operations: costs in closed form, what is sent, who waits for whom, and the two executors against each other.

In the formulas p is the number of ranks, n the payload (bytes), B the bandwidth (bytes/s), L overhead and latency (s).
"""

from __future__ import annotations

from itertools import product
from math import ceil, log2

import numpy as np
import pytest
from numpy.testing import assert_allclose

from simasgd.cluster.collectives.patterns import gathering, reduction
from simasgd.scenario.cluster.collective import BinaryTree, HalvingDoubling, Hierarchical, RecursiveDoubling, RingCollective
from tests.cluster.collectives.ranks import (
    BYTES,
    EXECUTORS,
    KINDS,
    NETWORKS,
    Cluster,
    at_once,
    at_random,
    by_executor,
    by_kind,
    by_operation,
    carried_out,
    lower,
)

NEAR = {"rtol": 1e-6, "atol": 1e-9}


def folded_gathering(p, start_up, per_payload):
    q, extra = lower(p), p - lower(p)
    exchanges = sum(start_up + (d + min(d, extra)) * per_payload for d in (2**i for i in range(int(log2(q)))))
    return exchanges + (2 * start_up + (p + 1) * per_payload if extra else 0.0)


POWERS, OTHERS = [2, 4, 8, 16], [3, 5, 6, 7]
COSTS = [
    (reduction, RingCollective(), POWERS + OTHERS, lambda p, L, n: 2 * (p - 1) * (L + n / p)),
    (reduction, RecursiveDoubling(), POWERS, lambda p, L, n: log2(p) * (L + n)),
    (reduction, RecursiveDoubling(), OTHERS, lambda p, L, n: (int(log2(p)) + 2) * (L + n)),
    (reduction, HalvingDoubling(), POWERS, lambda p, L, n: 2 * log2(p) * L + 2 * (p - 1) / p * n),
    (
        reduction, HalvingDoubling(), OTHERS,
        lambda p, L, n: 2 * (log2(lower(p)) + 1) * L + (2 * (lower(p) - 1) / lower(p) + 2) * n,
    ),
    (reduction, BinaryTree(), POWERS + OTHERS, lambda p, L, n: 2 * ceil(log2(p)) * (L + n)),
    (gathering, RingCollective(), POWERS + OTHERS, lambda p, L, n: (p - 1) * (L + n)),
    (gathering, RecursiveDoubling(), POWERS, lambda p, L, n: log2(p) * L + (p - 1) * n),
    (gathering, RecursiveDoubling(), POWERS + OTHERS, folded_gathering),
    (gathering, HalvingDoubling(), POWERS + OTHERS, folded_gathering),
    (
        gathering, BinaryTree(), POWERS + OTHERS,
        lambda p, L, n: ceil(log2(p)) * L + (p - 1) * n + ceil(log2(p)) * (L + p * n),
    ),
]  # fmt: skip


@by_executor
@pytest.mark.parametrize(("operation", "kind", "sizes", "cost"), COSTS)
def test_costs_on_an_idle_star(executor, operation, kind, sizes, cost):
    for p, network in product(sizes, NETWORKS):
        cluster = Cluster(p, **network)
        found = carried_out(cluster, executor, operation(kind, p, 1), [BYTES], at_once(p)).finished
        expected = cost(p, cluster.start_up, BYTES / cluster.bandwidth)
        assert found.max() == pytest.approx(expected, rel=1e-12), (p, network)


@by_executor
@pytest.mark.parametrize(
    ("operation", "cost"),
    [
        # Up the node's tree of three; around three nodes; down the tree.
        (reduction, lambda L, n, inner: 2 * inner + 2 * 2 * (L + n / 3) + 2 * inner),
        (gathering, lambda L, n, inner: 2 * inner + 2 * (L + 3 * n) + 2 * 9 * inner),
    ],
)
def test_costs_where_three_learners_are_on_a_node(executor, operation, cost):
    cluster = Cluster(9, per_node=3, intra_node=4e9)
    found = carried_out(cluster, executor, operation(Hierarchical(), 9, 3), [BYTES], at_once(9)).finished
    assert found.max() == pytest.approx(cost(cluster.start_up, BYTES / 1e9, BYTES / 4e9), rel=1e-12)


@by_executor
@pytest.mark.parametrize(
    ("operation", "kind", "sizes", "payloads"),
    [
        (reduction, RingCollective(), range(1, 10), lambda p: 2 * (p - 1)),
        (reduction, RecursiveDoubling(), [1, 2, 4, 8], lambda p: p * log2(p)),
        (reduction, RecursiveDoubling(), [3, 5, 7], lambda p: lower(p) * log2(lower(p)) + 2 * (p - lower(p))),
        (reduction, HalvingDoubling(), [*range(1, 10), 16], lambda p: 2 * (p - 1)),
        (reduction, BinaryTree(), range(1, 10), lambda p: 2 * (p - 1)),
        (reduction, Hierarchical(), range(1, 10), lambda p: 2 * (p - 1)),
        (gathering, RingCollective(), range(1, 10), lambda p: p * (p - 1)),
        (gathering, RecursiveDoubling(), [1, 2, 4, 8], lambda p: p * (p - 1)),
        (gathering, BinaryTree(), [2, 4, 8], lambda p: p / 2 * log2(p) + p * (p - 1)),
        (gathering, Hierarchical(), [5], lambda p: 2 + (5 - 1 + 5 - 2 + 5 - 2) + 5 + 5),
    ],
)
def test_bytes_sent(executor, operation, kind, sizes, payloads):
    for p in sizes:
        cluster = Cluster(p)
        carried_out(cluster, executor, operation(kind, p, 2), [BYTES, 3 * BYTES], at_once(p, 2) * 2)
        assert cluster.network.counts() == pytest.approx((8 * BYTES * payloads(p),) * 2 + (0.0,), rel=1e-12), p


@by_kind
@by_operation
@pytest.mark.parametrize("is_patient", [True, False])
@pytest.mark.parametrize("per_node", [1, 2])
def test_the_executors_agree(kind, operation, is_patient, per_node):
    """Three ways of working out the same times. With two learners on a node the messages of one round differ in speed."""
    sizes = [BYTES, 0.2 * BYTES, 3 * BYTES]
    for p in range(1, 10):
        plan, outcomes = at_random(p, p, len(sizes), joins=3), []
        for executor in EXECUTORS:
            cluster = Cluster(p, per_node=per_node, intra_node=3e9, overhead="7 ms")
            outcomes.append(carried_out(cluster, executor, operation(kind, p, 3), sizes, plan, is_patient=is_patient))
            outcomes[-1].firsts.append(cluster.network.counts())
            assert_allclose(outcomes[-1].trails.sum(axis=2), outcomes[-1].finished, **NEAR)
        first, *others = outcomes
        for other in others:
            for one, same in zip(first[:3], other[:3], strict=True):
                assert_allclose(one, same, **NEAR)
            assert_allclose(first.firsts[:3], other.firsts[:3], **NEAR)
            assert first.firsts[3] == pytest.approx(other.firsts[3])


@by_executor
@pytest.mark.parametrize("is_patient", [True, False])
def test_who_is_told_first(executor, is_patient):
    """Once a join, when its first rank has finished; in a tree the others finish later."""
    plan = at_random(1, 6, 2, joins=4)
    found = carried_out(Cluster(6), executor, reduction(BinaryTree(), 6, 1), [BYTES] * 2, plan, is_patient=is_patient)
    joins, times, trails = zip(*found.firsts, strict=True)
    assert joins == (0, 1, 2, 3)
    assert times == pytest.approx(found.finished.min(axis=1), abs=0.0)
    assert trails == pytest.approx(times, abs=1e-9)
    assert (found.finished.max(axis=1) > found.finished.min(axis=1)).all()


@by_executor
@pytest.mark.parametrize(
    ("ready", "started", "finished", "trail"),
    [
        # Two ranks, 0.05 s a round. The first operation begins when rank 1 is ready, at 2.
        (([1.0, 1.5], [2.0, 2.05]), 2.1, 2.2, (2.0, 0.2)),
        (([1.0, 1.5], [2.0, 9.0]), 9.0, 9.1, (9.0, 0.1)),
        (([1.0, 7.0], [2.0, 6.5]), 7.0, 7.1, (7.0, 0.1)),
    ],
)
def test_by_hand(executor, ready, started, finished, trail):
    cluster = Cluster(2, latency=0)
    plan = [[(0.5, [one - 0.5 for one in mine]) for mine in ready]]
    found = carried_out(cluster, executor, reduction(RingCollective(), 2, 1), [BYTES] * 2, plan)
    assert found.started == pytest.approx(np.full((1, 2), started))
    assert found.finished == pytest.approx(np.full((1, 2), finished))
    assert found.trails == pytest.approx(np.tile((*trail, 0.0, 0.0, 0.0), (1, 2, 1)))


@by_executor
@by_kind
@by_operation
def test_everybody_waits_for_everybody(executor, kind, operation):
    """A rank that is very late delays all ranks as much, less the time for which they would have waited anyway."""
    for p in (2, 5, 7):
        rounds, plan = operation(kind, p, 3), at_random(p, p, 2, joins=1)
        usual = carried_out(Cluster(p), executor, rounds, [BYTES] * 2, plan)
        for late in range(p):
            delayed = [[(before + 100.0 * (rank == late), more) for rank, (before, more) in enumerate(plan[0])]]
            found = carried_out(Cluster(p), executor, rounds, [BYTES] * 2, delayed)
            assert (found.finished >= usual.finished + 90.0).all()
            assert (found.finished > found.started).all()
            assert found.started.min() > 100.0


@by_executor
def test_a_lone_rank_has_nothing_to_do(executor):
    for kind, operation in product(KINDS, [reduction, gathering]):
        cluster = Cluster(1)
        found = carried_out(cluster, executor, operation(kind, 1, 1), [BYTES] * 2, [[(1.0, [0.0, 0.5])], [(2.0, [0.0, 0.0])]])
        assert found.finished.tolist() == found.started.tolist() == [[1.5], [3.5]]
        assert cluster.network.counts().sent == 0.0


@by_executor
@by_kind
def test_messages_that_take_no_time(executor, kind):
    """All have finished as soon as the last one is ready, however long the chains of messages at that instant."""
    p, sizes = 60, [BYTES] * 3
    plan = at_random(3, p, len(sizes), joins=2)
    cluster = Cluster(p, latency=0, bandwidth="unlimited")
    found = carried_out(cluster, executor, reduction(kind, p, 7), sizes, plan)
    ready = np.array([before + more[-1] for before, more in plan[0]])
    assert found.finished[0] == pytest.approx(np.full(p, ready.max()), abs=1e-12)
    assert found.started == pytest.approx(found.finished, abs=1e-12)
    sent, received, lost = cluster.network.counts()
    assert sent == received > lost == 0.0
