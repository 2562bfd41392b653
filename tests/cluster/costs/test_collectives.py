"""Collective operations with a start and copies: their costs on an idle star, and two ways of working them out."""

from __future__ import annotations

from itertools import count
from math import ceil, log2

import numpy as np
import pytest

from simasgd.cluster.clock.activity import ALL, Activity, ActivityLog, CostActivity
from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.collectives.costly import CostlyOperations, OperationCosts
from simasgd.cluster.collectives.costly_lockstep import CostlyLockstep
from simasgd.cluster.collectives.patterns import gathering, reduction
from simasgd.cluster.collectives.selection import make_operations
from simasgd.scenario.cluster.collective import BinaryTree, HalvingDoubling, RecursiveDoubling, RingCollective
from simasgd.scenario.cluster.costs import Costs
from tests.cluster.collectives.ranks import BYTES, Cluster, at_once, at_random, by_kind, by_operation, carried_out

COSTS = Costs(per_message="3 ms", copy_bandwidth="2 GB/s")
START = 0.005


class WithLogs:
    """Operations of ranks that wait from their input on, with their logs."""

    def __init__(self, starts, spans=None, costs=COSTS, one_by_one=False):
        self.spans, self._starts, self._costs, self._one_by_one = spans, starts, costs, one_by_one

    def __call__(self, env, network, endpoints, rounds, sizes, on_first):
        self.logs = [ActivityLog(self.spans, rank, has_costs=True) for rank, _ in enumerate(endpoints)]
        costs = OperationCosts(self._costs, [self._starts(rank) for rank, _ in enumerate(endpoints)], self.logs)
        if self._one_by_one:
            self.made = CostlyOperations(env, network, endpoints, rounds, sizes, on_first, costs)
        else:
            self.made = make_operations(env, network, endpoints, rounds, sizes, on_first, costs)
        self.join, self.forecast, self._env = self.made.join, self.made.forecast, env
        return self

    def provide(self, rank):
        self.made.provide(rank)
        self.logs[rank].begin(Activity.WAIT, self._env.now)

    def seconds(self, now):
        for log in self.logs:
            log.close(now)
        return np.array([log.seconds for log in self.logs])


def constant(rank):
    return (START for _ in count())


def drawn(seed):
    return lambda rank: iter(np.random.default_rng((seed, rank)).exponential(START, 10).tolist())


@pytest.mark.parametrize("one_by_one", [True, False])
@pytest.mark.parametrize(
    ("kind", "sizes", "shares"),
    [
        (RingCollective(), [2, 3, 5, 8], lambda p: [1 / p] * (2 * (p - 1))),
        (RecursiveDoubling(), [2, 4, 8], lambda p: [1.0] * int(log2(p))),
        (HalvingDoubling(), [2, 4, 8], lambda p: [0.5 / 2**k for k in range(int(log2(p)))] * 2),
        (BinaryTree(), [2, 4, 8], lambda p: [1.0] * (2 * ceil(log2(p)))),
    ],
    ids=["ring", "recursive-doubling", "halving-doubling", "tree"],
)
def test_a_start_and_then_two_copies_for_every_message_in_turn(one_by_one, kind, sizes, shares):
    for p in sizes:
        cluster, executor = Cluster(p), WithLogs(constant, one_by_one=one_by_one)
        found = carried_out(cluster, executor, reduction(kind, p, 1), [BYTES], at_once(p)).finished
        rounds = [cluster.start_up + share * BYTES / 1e9 + 2 * (0.003 + share * BYTES / 2e9) for share in shares(p)]
        assert isinstance(executor.made, CostlyOperations if one_by_one else CostlyLockstep)
        assert found.max() == pytest.approx(START + sum(rounds), rel=1e-12)


@by_kind
@by_operation
@pytest.mark.parametrize("keeps_spans", [False, True])
def test_both_ways_agree_in_times_trails_and_logs(kind, operation, keeps_spans):
    """With random inputs and starts, and three learners on a node, so that messages of a round differ in speed."""
    for p in range(1, 9):
        plan, outcomes, logs, spans = at_random(p, p, 1, joins=3), [], [], []
        for one_by_one in (True, False):
            executor = WithLogs(drawn(p), SpanLog() if keeps_spans else None, one_by_one=one_by_one)
            cluster = Cluster(p, per_node=3, intra_node=3e9, overhead="7 ms")
            outcomes.append(carried_out(cluster, executor, operation(kind, p, 3), [BYTES], plan))
            outcomes[-1].firsts.append(cluster.network.counts())
            logs.append(executor.seconds(cluster.env.now))
            spans.append(executor.spans)
        one, other = outcomes
        for same, again in zip(one[:3], other[:3], strict=True):
            assert np.array(same) == pytest.approx(np.array(again), abs=1e-9)
        assert np.array(one.firsts[:3]) == pytest.approx(np.array(other.firsts[:3]), abs=1e-9)
        assert one.firsts[3] == pytest.approx(other.firsts[3])
        assert one.trails.sum(axis=2) == pytest.approx(one.finished, abs=1e-9)
        # Between the joins the harness computes without a log; the seconds of costs and of waiting must agree.
        of_costs = [ALL.index(activity) for activity in (Activity.WAIT, *CostActivity)]
        assert logs[0][:, of_costs] == pytest.approx(logs[1][:, of_costs], abs=1e-9)
        if keeps_spans and p > 1:
            for shown, seconds in zip(spans, logs, strict=True):
                found = shown.spans(1e9)
                summed = np.bincount(found.activity, weights=found.end - found.start, minlength=len(ALL))
                assert summed == pytest.approx(seconds.sum(axis=0), abs=1e-9)
            assert spans_of_costs(spans[0]) == spans_of_costs(spans[1])


def spans_of_costs(log):
    found = log.spans(1e9)
    every = zip(found.learner.tolist(), found.activity.tolist(), found.start.round(9).tolist(), strict=True)
    return sorted(span for span in every if span[1] in list(CostActivity))


@by_kind
def test_copies_and_starts_only_add(kind):
    for p in (2, 5, 8):
        plan = at_random(p, p, 1, joins=2)
        times = [
            carried_out(Cluster(p), WithLogs(drawn(p), costs=costs), gathering(kind, p, 1), [BYTES], plan).finished
            for costs in (Costs(), COSTS)
        ]
        free = carried_out(Cluster(p), "lockstep", gathering(kind, p, 1), [BYTES], plan).finished
        assert (times[0] >= free).all()
        assert (times[1] > times[0]).all()


def test_several_operations_a_join_are_followed_message_by_message():
    cluster, executor = Cluster(4), WithLogs(constant)
    carried_out(cluster, executor, reduction(RingCollective(), 4, 1), [BYTES] * 2, at_once(4, 2))
    assert isinstance(executor.made, CostlyOperations)
