"""A run ends, and conserves its gradients, whatever its times."""

from __future__ import annotations

import pytest

from simasgd.cluster.cast import monitor
from tests.build import TIMING, clock, scenario

SPELLS = {"slowdown": 5.0, "mean_normal": "30 ms", "mean_slow": "10 ms"}
CONSTANT = {"distribution": "constant", "cv": None}
# Everything but computing takes no time.
AT_ONCE = {
    "profile": None,
    "network": {"latency": "0 s", "bandwidth": "unlimited"},
    "server": {"bandwidth": "unlimited", "update": "0 s"},
    "compute": {"per_sample": "1 ms"},
}


def gradients(clocked):
    discarded = clocked.gradients_dropped + clocked.gradients_cancelled + clocked.gradients_lost
    return clocked.gradients_computed, clocked.gradients_applied + discarded + clocked.gradients_in_flight


@pytest.mark.parametrize("buckets", [1, 3])
@pytest.mark.parametrize("learners", [1, 2, 5])
@pytest.mark.parametrize(
    ("cluster", "law"),
    [
        ({"profile": "ideal"}, {"distribution": "empirical", "cv": None, "measured": ["0 s", "1 ms"]}),
        ({"profile": "ideal", "learners_per_node": 2}, {"distribution": "empirical", "cv": None, "measured": ["0 s", "1 ms"]}),
        (AT_ONCE, {"distribution": "empirical", "cv": None, "measured": ["0 s", "1 ms"]}),
        (AT_ONCE, {"distribution": "gamma", "cv": 10.0}),  # mostly some 1e-300 s
        (AT_ONCE, {"per_sample": "1e-15 s", "distribution": "exponential"}),
        ({**AT_ONCE, "learners_per_node": 3}, {"distribution": "gamma", "cv": 10.0}),
    ],
)
def test_all_reduce_waits_for_gradients_that_take_no_time(cluster, law, learners, buckets):
    measured = {"per_sample": None} if "measured" in law else {}
    changes = {
        "cluster": {**cluster, "learners": learners, "compute": {"per_batch": 0, "per_sample": "1 ms", **measured, **law}},
        "protocol": {"kind": "all-reduce", "buckets": buckets},
        "stop": {"gradients": 120},
    }
    clocked, tape = clock(scenario(TIMING, changes))
    assert gradients(clocked) == (120, 120)  # at the stop nobody has begun anew
    assert (tape.offsets[1:] - tape.offsets[:-1] == learners).all()


@pytest.mark.parametrize("learners", [2, 5])
def test_all_reduce_may_begin_before_a_long_computation_is_foreseen(learners):
    """Buckets are under way in slow spells that go on for longer than anybody looks ahead."""
    changes = {
        "cluster": {
            "learners": learners,
            "profile": "ideal",
            "compute": {"per_sample": "4 s", **CONSTANT},
            "stragglers": SPELLS,
        },
        "workload": {"payload": "1 MB"},
        "protocol": {"kind": "all-reduce", "buckets": 4, "forward": 0.2},
        "stop": {"gradients": 3 * learners},
    }
    clocked, _ = clock(scenario(TIMING, changes))
    assert gradients(clocked) == (3 * learners, 3 * learners)
    # Work of 16 s goes through some 1,000 spells in each of three steps: (30 + 10)/(30 + 10/5) times as long in the mean.
    assert clocked.simulated_seconds == pytest.approx(3 * 16 * 1.25, rel=0.05)


@pytest.mark.parametrize("protocol", ["async", "hardsync", "all-reduce", {"kind": "ringmaster-stop", "threshold": 2}])
@pytest.mark.parametrize(
    "slow", [{"compute": {"per_sample": "1e9 s"}}, {"speeds": {"distribution": "gamma", "cv": 5.0}}, {"speeds": [5e-324] * 8}]
)
def test_no_spell_is_drawn_that_the_run_does_not_come_to(slow, protocol):
    changes = {
        "cluster": {"learners": 8, "profile": "ideal", "stragglers": SPELLS, **slow},
        "protocol": protocol,
        "stop": {"gradients": None, "simulated_time": "1 s"},
    }
    clocked, _ = clock(scenario(TIMING, changes))
    assert clocked.simulated_seconds == 1.0
    assert clocked.gradients_applied < 8 * 1000


@pytest.mark.parametrize("protocol", ["hardsync", "all-reduce", "local-sgd"])
def test_a_mini_batch_without_end_is_a_hang_that_is_explained(protocol):
    cluster = {"profile": "ideal", "speeds": [1.0, 5e-324, 1.0, 5e-324]}
    clocked, _ = clock(scenario(TIMING, {"cluster": cluster, "protocol": protocol}))
    assert "wait for ever for mini-batches that never end: learners 1, 3" in clocked.hang.reason
    assert clocked.simulated_seconds < 1.0
    assert clock(scenario(TIMING, {"cluster": cluster}))[0].hang is None  # under async the others go on


def test_a_cluster_that_never_finishes_a_mini_batch_is_ended():
    crashes = {"faults": {"crashes": {"mtbf": "100 us", "mttr": "100 us"}}}
    clocked, _ = clock(scenario(TIMING, {"cluster": {"profile": "ideal", **crashes}, "protocol": "hardsync"}))
    assert clocked.gradients_applied == 0
    assert clocked.hang.at == 0.0
    assert clocked.hang.reason.startswith("the run makes no progress: no gradient in 251,600 events and ")
    assert f"{clocked.fault_counts.crashes:,} crashes" in clocked.hang.reason


def test_a_cluster_that_drops_all_gradients_is_ended(monkeypatch):
    """Under adv* the learners below one that crashed for good get no newer weights, so in the end all of theirs are too old."""
    monkeypatch.setattr(monitor, "_EVENTS", 25_000)
    cluster = {
        "learners": 3,
        "profile": "p775",
        "architecture": {"kind": "adv*", "broadcast_fan_out": 1},
        "faults": {"crashes": [{"learner": 0, "at": "20 ms"}]},
    }
    clocked, _ = clock(scenario(TIMING, {"cluster": cluster, "protocol": {"kind": "async", "spread": 1}}))
    assert clocked.gradients_applied < 400
    assert f"{clocked.gradients_dropped:,} gradients dropped" in clocked.hang.reason
    assert "crashed for good: 0 (at 0.02 s)" in clocked.hang.reason


def test_a_clock_that_stands_still_is_ended(monkeypatch):
    """A thousandth of a femtosecond is nothing beside a second."""
    monkeypatch.setattr(monitor, "_EVENTS", 25_000)
    late = {**AT_ONCE, "compute": {"per_batch": 0, "per_sample": "1e-15 s"}, "speeds": [1e6], "learners": 1}
    late["server"] = {"bandwidth": "unlimited", "update": "0 s"}
    late["faults"] = {"server_pauses": [{"at": "0 s", "lasting": "1 s"}]}
    chosen = scenario(TIMING, {"cluster": late, "stop": {"gradients": None, "simulated_time": "2 s"}})
    clocked, _ = clock(chosen)
    assert "the clock stands still at 1 s" in clocked.hang.reason
    assert f"{clocked.gradients_applied:,} gradients were applied" in clocked.hang.reason
    # With a number of gradients to stop at nothing is wrong.
    assert clock(scenario(TIMING, {"cluster": late, "stop": {"gradients": 5000}}))[0].hang is None


def test_a_rejoining_learner_may_crash_at_once():
    """0.1 + 0.2 is a little more than 0.3."""
    crashes = [{"learner": 0, "at": "0.1 s", "down": "0.2 s"}, {"learner": 0, "at": "0.3 s", "down": "0.1 s"}]
    clocked, _ = clock(scenario(TIMING, {"cluster": {"profile": "ideal", "faults": {"crashes": crashes}}}))
    assert clocked.fault_counts.crashes == clocked.fault_counts.rejoins == 2


def test_nothing_takes_no_time_however_slow_the_learner():
    """0 s at a speed of 5e-324 are 0 s, and 1 ms is for ever."""
    law = {"per_sample": None, "distribution": "empirical", "cv": None, "measured": ["0 s", "1 ms"]}
    cluster = {"profile": "ideal", "learners": 1, "compute": law, "speeds": [5e-324], "stragglers": SPELLS}
    counts = {seed: clock(scenario(TIMING, {"seed": seed, "cluster": cluster}))[0].gradients_applied for seed in range(8)}
    assert len(set(counts.values())) > 1
    assert max(counts.values()) < 400
