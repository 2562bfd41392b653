"""Collective operations: costs in closed form, what is sent, who waits for whom, and the two executors against each other.

In the formulas p is the number of ranks, n the payload (bytes), B the bandwidth (bytes/s), L overhead and latency (s).
"""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from math import ceil, inf, log2
from typing import NamedTuple

import numpy as np
import pytest
import simpy

from simasgd.cluster.clock.trail import START, add_compute, wait_until
from simasgd.cluster.collectives.lockstep import Lockstep
from simasgd.cluster.collectives.message_passing import MessagePassing
from simasgd.cluster.collectives.patterns import gathering, reduction
from simasgd.cluster.collectives.selection import make_operations
from simasgd.cluster.network.network import Network
from simasgd.scenario.cluster.collective import BinaryTree, HalvingDoubling, Hierarchical, RecursiveDoubling, RingCollective
from tests.build import TIMING, clock, scenario

KINDS = [RingCollective(), RecursiveDoubling(), HalvingDoubling(), BinaryTree(), Hierarchical()]
EXECUTORS = {"lockstep": make_operations, "messages": MessagePassing}
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
    """A cluster section; most of these tests' time would go into making them."""
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
    """`plan[j][i]` is what rank i does for its join j: for how long it computes before it, and how much longer until its input
    of each operation is there. Who is patient waits for the end of a join before it computes for the next."""
    env, firsts, ranks = cluster.env, [], len(cluster.endpoints)
    made = EXECUTORS[executor](
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
    """The greatest power of two up to p."""
    return 2 ** int(log2(p))


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
    """Two ways of working out the same times. With two learners on a node the messages of one round differ in speed."""
    sizes = [BYTES, 0.2 * BYTES, 3 * BYTES]
    for p in range(1, 10):
        plan, outcomes = at_random(p, p, len(sizes), joins=3), []
        for executor in EXECUTORS:
            cluster = Cluster(p, per_node=per_node, intra_node=3e9, overhead="7 ms")
            outcomes.append(carried_out(cluster, executor, operation(kind, p, 3), sizes, plan, is_patient=is_patient))
            outcomes[-1].firsts.append(cluster.network.counts())
            assert outcomes[-1].trails.sum(axis=2) == pytest.approx(outcomes[-1].finished, abs=1e-9)
        for lockstep, messages in zip(*outcomes, strict=True):
            assert np.array(lockstep[:3]) == pytest.approx(np.array(messages[:3]), abs=1e-9)
        assert np.array(outcomes[0].firsts[:3]) == pytest.approx(np.array(outcomes[1].firsts[:3]), abs=1e-9)
        assert outcomes[0].firsts[3] == pytest.approx(outcomes[1].firsts[3])


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
    """Who is late by much makes all late by as much, but for what they had not waited for others before."""
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


BUSY = {
    "tree": {"topology": {"kind": "tree", "nodes_per_rack": 2, "oversubscription": 4}},
    "ring": {"topology": "ring"},
    "shared nodes": {"per_node": 2, "shared_nodes": True, "intra_node": 1e9},
    "slow node": {"faults": {"degraded_links": [{"link": "node 1", "at": "0.1 s", "lasting": "50 s", "factor": 0.25}]}},
    "losses": {"faults": {"message_loss": {"probability": 0.2, "resend_after": "10 ms"}}},
}


@by_kind
@by_operation
@pytest.mark.parametrize("sharing", ["fifo", "fair"])
@pytest.mark.parametrize("busy", BUSY)
def test_contention_only_adds(kind, operation, sharing, busy):
    """Without latency, of which messages have more on a ring than on a star, and none within a node."""
    p, sizes = 8, [BYTES, 0.5 * BYTES]
    rounds, plan = operation(kind, p, 2), at_random(0, p, len(sizes), joins=2, mean=0.03)
    idle = carried_out(Cluster(p, latency=0), "lockstep", rounds, sizes, plan)
    cluster = Cluster(p, latency=0, sharing=sharing, **BUSY[busy])
    found = carried_out(cluster, "messages", rounds, sizes, plan)
    assert (found.finished >= idle.finished - 1e-9).all()
    assert found.trails.sum(axis=2) == pytest.approx(found.finished, abs=1e-9)
    sent, received, lost = cluster.network.counts()
    assert sent == pytest.approx(received + lost)
    assert (lost > 0.0) == (busy == "losses")
    if isinstance(kind, RecursiveDoubling):
        assert (found.finished > 1.1 * idle.finished).any()


@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_learners_of_a_node_share_its_interface(sharing):
    """Recursive doubling on two nodes of two: one message time within the nodes, and then two messages leave each node."""
    cluster = Cluster(4, per_node=2, shared_nodes=True, intra_node=1e9, latency=0, sharing=sharing)
    found = carried_out(cluster, "messages", reduction(RecursiveDoubling(), 4, 2), [BYTES], at_once(4))
    assert found.finished.max() == pytest.approx(3 * BYTES / 1e9)


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({}, Lockstep),
        ({"topology": {"kind": "tree", "nodes_per_rack": 4}}, Lockstep),
        *((one, MessagePassing) for one in BUSY.values()),
    ],
)
def test_messages_are_followed_one_by_one_only_where_they_may_meet_others(changes, chosen):
    cluster = Cluster(4, **changes)
    made = make_operations(
        cluster.env, cluster.network, cluster.endpoints, reduction(RingCollective(), 4, 2), [BYTES], lambda *_: None
    )
    assert isinstance(made, chosen)


@by_kind
@by_operation
def test_a_rank_sends_and_receives_one_message_a_round(kind, operation):
    for p, per_node in product(range(1, 18), [1, 2, 3, 20]):
        for one in operation(kind, p, per_node):
            assert len(one.source) == len(one.target) == len(one.share) > 0
            assert len(set(one.source)) == len(set(one.target)) == len(one.source)
            assert (one.source != one.target).all()


@by_kind
def test_sums_reach_everybody_and_hold_each_payload_once(kind):
    """What is in every piece of everybody's payload, as sets of those whose contributions it sums up."""
    for p, per_node in product(range(2, 18), [2, 3, 20]):
        pieces, sent = _pieces(kind, p, per_node)
        held = [[frozenset([rank])] * pieces for rank in range(p)]
        step = 0
        for one in reduction(kind, p, per_node):
            before = [list(mine) for mine in held]
            for source, target, share in zip(*(column.tolist() for column in one), strict=True):
                chosen = range(pieces) if share == 1.0 else sent(source, target, share, step)
                assert len(chosen) == pytest.approx(share * pieces)
                for piece in chosen:
                    mine, theirs = before[target][piece], before[source][piece]
                    assert mine.isdisjoint(theirs) or mine <= theirs  # added, or replaced by the total
                    held[target][piece] = mine | theirs
            step += one.share[0] < 1.0
        assert held == [[frozenset(range(p))] * pieces] * p


def _pieces(kind, p, per_node):
    """Into how many pieces a payload is cut, and which of them a message carries in a step that does not carry all."""
    if isinstance(kind, HalvingDoubling):
        steps = int(log2(p))

        def halved(source, target, share, step):
            period = round(1 / share)  # who is that far from another sums up what the other does
            return range((target if step < steps else source) % period, lower(p), period)

        return lower(p), halved
    members = 1 if isinstance(kind, RingCollective) else per_node
    parts = ceil(p / members)
    return parts, lambda source, target, share, step: [(source // members - step) % parts]


@by_kind
def test_gathered_payloads_reach_everybody(kind):
    """A message carries all that its sender has, or in a ring what came to it last."""
    for p, per_node in product(range(1, 18), [2, 3, 20]):
        held = [frozenset([rank]) for rank in range(p)]
        latest = list(held)
        for one in gathering(kind, p, per_node):
            before, passed_on = list(held), list(latest)
            for source, target, share in zip(*(column.tolist() for column in one), strict=True):
                message = before[source] if len(before[source]) == share else passed_on[source]
                assert len(message) == share
                held[target], latest[target] = before[target] | message, message
        assert held == [frozenset(range(p))] * p


@pytest.mark.parametrize("topology", ["star", "ring"])
def test_a_step_of_all_reduce_is_a_mini_batch_and_the_operation(topology):
    """Through the whole cluster, at constant compute times: in a ring of nodes as on a star, since neighbours are linked."""
    p, size, bandwidth, latency, seconds = 4, 1e6, 1e6, 1e-3, 0.5
    network = {"latency": "1 ms", "bandwidth": "1 MB/s", "overhead": 0, "topology": topology}
    compute = {"per_batch": "500 ms", "per_sample": 0, "distribution": "constant", "cv": None}
    chosen = scenario(
        TIMING,
        {
            "cluster": {"learners": p, "network": network, "compute": compute},
            "protocol": "all-reduce",
            "workload": {"payload": "1 MB"},
            "stop": {"gradients": 10 * p},
        },
    )
    round_ = size / p / bandwidth + latency
    _, tape = clock(chosen)
    assert np.diff(tape.stepped_at) == pytest.approx(seconds + 2 * (p - 1) * round_, rel=1e-9)


@pytest.mark.parametrize("protocol", ["all-reduce", "gossip-push", "async"])
@pytest.mark.parametrize("sharing", ["fifo", "fair"])
def test_a_medium_carries_no_more_than_its_bandwidth(protocol, sharing):
    """Whoever sends to whom."""
    network = {"bandwidth": "1 MB/s", "topology": "medium", "sharing": sharing}
    chosen = scenario(
        TIMING, {"cluster": {"learners": 6, "network": network}, "protocol": protocol, "stop": {"gradients": 200}}
    )
    clocked, _ = clock(chosen)
    assert 0.8e6 < clocked.bytes.received / clocked.simulated_seconds <= 1e6 * (1 + 1e-9)
