"""Laws of costs, over all protocols and over random clusters."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.cluster.clock.activity import CostActivity
from simasgd.cluster.clock.trail import COST_PARTS, PARTS
from tests.build import TIMING, clock, same_tape, scenario, thin
from tests.cluster.invariants import holds
from tests.cluster.random_runs import ORDINARY, clusters, without_a_server
from tests.protocols.table import ROWS

COSTS = {"step": "1 ms", "mixing": "0.5 ms", "per_message": "0.2 ms", "copy_bandwidth": "10 MB/s", "collective_start": "0.3 ms"}
EVEN = {"per_batch": "10 ms", "per_sample": 0, "distribution": "constant", "cv": None}
CLUSTER = {
    "compute": EVEN,
    "server": {"update": "1 ms", "bandwidth": "20 MB/s"},
    "network": {"latency": "0.1 ms", "bandwidth": "10 MB/s"},
}
FREE: dict[str, object] = {"step": 0, "mixing": 0, "per_message": 0, "copy_bandwidth": "unlimited", "collective_start": 0}
BARRIERS = ["hardsync", "all-reduce", "local-sgd"]
ALONE = {"n-softsync": {"n": 1}, "backup-workers": {"backups": 0}, "k-sync": {"k": 1}, "k-async": {"k": 1}}
by_kind = pytest.mark.parametrize("kind", ROWS)


def run(kind, learners, costs, **cluster):
    chosen = scenario(
        TIMING,
        {
            "cluster": {**CLUSTER, "learners": learners, "costs": costs, **cluster},
            "protocol": {**ROWS[kind].typical, **(ALONE.get(kind, {}) if learners == 1 else {})},
            "stop": {"gradients": 40 * learners},
        },
    )
    clocked, tape = clock(chosen)
    holds(chosen, clocked, tape)
    return clocked, tape


def on_path(clocked):
    return dict(zip((*PARTS, *COST_PARTS), clocked.critical_path, strict=False))


@by_kind
def test_the_critical_path_is_as_long_as_the_run_where_learners_start_while_they_answer_others(kind):
    run(kind, 8, {"per_message": "5 ms"}, start="spread", compute={**EVEN, "per_batch": "0.1 ms"})  # `holds` compares them


@by_kind
def test_a_lone_learner_takes_longer_by_exactly_the_costs_on_its_critical_path(kind):
    plain, with_costs = (run(kind, 1, costs)[0] for costs in (None, COSTS))
    before, after = on_path(plain), on_path(with_costs)
    added = sum(after[part] for part in COST_PARTS)
    assert with_costs.simulated_seconds == pytest.approx(plain.simulated_seconds + added)
    for part in PARTS:
        assert after[part] == pytest.approx(before[part], abs=1e-12), part
    assert added > 0.0
    if ROWS[kind].own_models:
        assert after["step"] <= with_costs.gradients_applied * 1e-3 * (1 + 1e-9)


@pytest.mark.parametrize(("kind", "key"), thin(product(ROWS, COSTS), 2))
def test_no_cost_makes_a_run_shorter(kind, key):
    """Six alike learners. A cost that the protocol does not pay changes nothing."""
    plain, tape = run(kind, 6, None)
    with_costs, other = run(kind, 6, {key: COSTS[key]})
    row = ROWS[kind]
    meets = kind in ("all-reduce", "local-sgd")
    pays = {
        "step": row.serverless or kind in ("downpour", "fedbuff"),
        "mixing": row.own_models,
        "collective_start": meets,
    }.get(key, True)
    if pays:
        # Under ad-psgd what the second thread does may take no time that matters.
        assert with_costs.simulated_seconds >= plain.simulated_seconds * (1 if kind == "ad-psgd" else 1 + 1e-6)
        spent = [*with_costs.learner_seconds, *(day for days in with_costs.thread_seconds.values() for day in days)]
        activity = {"step": CostActivity.STEP, "mixing": CostActivity.MIX, "collective_start": CostActivity.LAUNCH}.get(
            key, CostActivity.COPY
        )
        assert sum(day[activity] for day in spent) > 0.0
        others = {CostActivity.STEP, CostActivity.MIX, CostActivity.COPY, CostActivity.LAUNCH} - {activity}
        assert sum(day[other] for day in spent for other in others) == 0.0
    else:
        assert same_tape(tape, other)
        assert with_costs.simulated_seconds == plain.simulated_seconds


@by_kind
def test_costs_of_no_time_change_no_bit(kind):
    random = {"mean": 0, "distribution": "gamma", "cv": 0.5}
    (plain, tape), (free, same) = run(kind, 6, None), run(kind, 6, {**FREE, "step": random, "mixing": random})
    assert same_tape(tape, same)
    assert (free.learner_seconds, free.critical_path) == (plain.learner_seconds, plain.critical_path)


@by_kind
def test_every_step_of_a_learners_own_is_paid(kind):
    """And every mini-batch of a copy; of a step that is under way at the stop a part."""
    if not (ROWS[kind].serverless or kind in ("downpour", "fedbuff")):
        return
    clocked, _ = run(kind, 5, {"step": "1 ms"})
    days = zip(clocked.learner_seconds, *clocked.thread_seconds.values(), strict=True)
    for computed, of_threads in zip(clocked.learner_gradients.computed, days, strict=True):
        spent = sum(day[CostActivity.STEP] for day in of_threads)
        assert (computed - 1) * 1e-3 - 1e-9 <= spent <= computed * 1e-3 + 1e-9


@by_kind
def test_random_costs_are_drawn_from_the_seed(kind):
    law = {"mean": "1 ms", "distribution": "gamma", "cv": 0.5}
    random = {**COSTS, "step": law, "mixing": law, "collective_start": law}
    (one, tape), (again, same) = (run(kind, 4, random) for _ in range(2))
    assert same_tape(tape, same)
    assert one.learner_seconds == again.learner_seconds
    moves = ROWS[kind].serverless or kind in ("downpour", "fedbuff")
    _, other = run(kind, 4, random, seed=7)
    assert same_tape(tape, other) != moves or kind in ("gossip-pull", "gossip-push", "elastic-gossip", "ad-psgd")


@settings(max_examples=40, deadline=None)
@given(cluster=clusters(may_fail=False), costs=ORDINARY.costs(), kind=st.sampled_from(BARRIERS))
def test_a_barrier_is_not_sooner_with_costs(cluster, costs, kind):
    """Where all wait for all and messages meet on no link, nothing can overtake: the run with costs is no shorter."""
    if ROWS[kind].serverless:
        cluster = without_a_server(cluster, ROWS[kind].has_centre)
    network = {key: cluster["network"][key] for key in ("latency", "topology")} | {"bandwidth": "unlimited"}
    cluster = {**cluster, "network": network, "server": {**cluster["server"], "bandwidth": "unlimited"}}
    times = []
    for own in (None, costs):
        clocked, _ = clock(
            scenario(TIMING, {"cluster": {**cluster, "costs": own}, "protocol": ROWS[kind].typical, "stop": {"gradients": 60}})
        )
        times.append(clocked.simulated_seconds)
    assert times[1] >= times[0] * (1 - 1e-9)


def test_goodput_is_a_smaller_bandwidth_between_nodes_and_not_within_them():
    for protocol, topology in (
        ("async", "star"),
        ("all-reduce", {"kind": "tree", "nodes_per_rack": 2}),
        ("gossip-pull", "p775"),
    ):
        both = []
        for network, own in (({"goodput": 0.5}, 1.0), ({}, 0.5)):
            scaled = {"bandwidth": f"{10 * own} MB/s", "topology": topology, **network}
            if topology == "p775" and own < 1.0:
                scaled["topology"] = {"kind": "p775", "local": "12 GB/s", "remote": "2.5 GB/s", "d_link": "5 GB/s"}
            cluster = {"learners": 6, "learners_per_node": 2, "network": scaled, "server": {"bandwidth": f"{20 * own} MB/s"}}
            clocked, tape = clock(scenario(TIMING, {"cluster": cluster, "protocol": protocol, "stop": {"gradients": 100}}))
            both.append((clocked, tape))
        assert same_tape(both[0][1], both[1][1]), protocol
        assert both[0][0].bytes == both[1][0].bytes


def test_steps_follow_their_law():
    law = {"mean": "2 ms", "distribution": "exponential"}
    clocked, _ = clock(
        scenario(
            TIMING,
            {
                "cluster": {**CLUSTER, "learners": 8, "costs": {"step": law}},
                "protocol": {"kind": "local-sgd", "steps": 50},
                "stop": {"gradients": 8000},
            },
        )
    )
    spent = np.array([day[CostActivity.STEP] for day in clocked.learner_seconds])
    # 1,000 exponential times: a mean of 2 with a standard error of 2/√1000 each.
    assert spent.sum() / 8000 == pytest.approx(2e-3, rel=4 / np.sqrt(8000))
    assert len(set(spent)) == 8
