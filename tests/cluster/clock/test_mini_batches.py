"""Learners with mini-batches of unlike sizes: by hand, and what counts samples."""

from __future__ import annotations

import re

import numpy as np
import pytest

from simasgd import simulate
from simasgd.cluster.clock.compute import compute_times
from simasgd.cluster.clock.sizes import mini_batch_sizes
from simasgd.cluster.job import Job
from simasgd.errors import ScenarioError
from tests.build import TIMING, clock, same_tape, scenario
from tests.cluster.by_hand import ms
from tests.protocols.table import ROWS

SIZES = [4, 1, 7, 2, 3, 4]
TWO = {
    "cluster": {
        "learners": 2,
        "profile": None,
        "compute": {"per_batch": "1 ms", "per_sample": "2 ms"},
        "network": {"latency": 0, "bandwidth": "unlimited"},
        "server": {"bandwidth": "unlimited", "update": 0},
    },
    "workload": {"mini_batch": [4, 1], "samples_per_epoch": 10},
    "stop": {"gradients": None, "epochs": 1},
}
"""Two learners with mini-batches of 9 and 3 ms."""
LAW = {"mean": 20, "distribution": "gamma", "cv": 0.5}


def test_each_learner_computes_on_its_own_samples():
    """The run stops at the tenth sample.

    Learner 1 brings a sample every 3 ms, and learner 0 four every 9 ms. At 18 ms there are 6 + 8.
    """
    chosen = scenario(TIMING, TWO)
    _, tape = clock(chosen)
    times, learners = ms(tape.stepped_at), tape.learner.tolist()
    assert times == [3, 6, 9, 9, 12, 15, 18]
    assert learners[:2] == learners[4:6] == [1, 1]
    assert sorted(learners[2:4]) == [0, 1]
    assert tape.samples_before[-1] in (10, 13)
    assert tape.samples_before[-2] < 10
    run = simulate(chosen)
    assert run.summary.samples == tape.samples_before[-1]
    assert run.summary.epochs == run.summary.samples / 10
    assert run.summary.stopped_by == "epochs"
    assert run.summary.mini_batch is None
    assert run.learners["mini_batch"].tolist() == [4, 1]


@pytest.mark.parametrize("kind", ROWS)
def test_samples_add_up_and_epochs_end_by_them(kind):
    workload = {"mini_batch": SIZES, "samples_per_epoch": 300}
    changes = {"cluster": {"learners": 6, "speeds": [1, 1, 0.9, 0.8, 0.5, 0.2]}, "workload": workload}
    stop = {"gradients": None, "epochs": 0.7}
    chosen = scenario(TIMING, changes, {"protocol": ROWS[kind].typical, "stop": stop})
    clocked, tape = clock(chosen)
    assert tape.samples_before[-1] == np.dot(SIZES, clocked.learner_gradients.applied) == np.array(SIZES)[tape.learner].sum()
    assert tape.samples_before[-1] >= 210
    steps = np.flatnonzero(np.diff(tape.offsets))
    assert tape.samples_before[steps[-1]] < 210, "the run should have stopped before"
    summary = simulate(scenario(TIMING, chosen.resolved(), {"record": "summary"})).summary
    assert (summary.samples, summary.stopped_by) == (tape.samples_before[-1], "epochs")


@pytest.mark.parametrize("kind", ROWS)
def test_equal_mini_batches_in_a_list_change_nothing(kind):
    changes = {
        "cluster": {"learners": 6, "start": "spread", "network": {"bandwidth": "1 MB/s"}},
        "protocol": ROWS[kind].typical,
    }
    one = scenario(TIMING, changes, {"stop": {"gradients": None, "epochs": 0.2}})
    several = scenario(TIMING, one.resolved(), {"workload": {"mini_batch": [4] * 6}})
    assert Job.of(several).limit == Job.of(one).limit
    assert same_tape(clock(one)[1], clock(several)[1])


@pytest.mark.parametrize(
    "compute",
    [
        {"distribution": "gamma", "cv": 0.5},
        [{"per_batch": "1 ms", "per_sample": "1 ms"}] * 6,
        {"distribution": "trace", "measured": ["1 ms", "5 ms", "2 ms"], "per_sample": "3 ms"},
        {"distribution": "trace", "measured": ["1 ms", "5 ms", "2 ms"], "per_sample": "3 ms", "per": "cluster"},
        {"efficiency": {"full_at": 8, "exponent": 0.5}},
    ],
    ids=str,
)
def test_a_learners_times_are_those_of_its_size_for_all(compute):
    """A learner's times are those that it has if every learner has its size, but for a trace that all share."""
    cluster = {"cluster": {"profile": None, "learners": 6, "compute": compute, "network": TWO["cluster"]["network"]}}
    if isinstance(compute, dict):
        cluster["cluster"]["compute"] = {"per_batch": "1 ms", "per_sample": "1 ms", **compute}
    cluster["cluster"]["server"] = TWO["cluster"]["server"]
    spec = scenario(TIMING, cluster).cluster
    alone = isinstance(compute, dict) and compute.get("per") == "cluster"
    for learner, size in enumerate(SIZES):
        own = compute_times(spec, 0, tuple(SIZES))[learner]
        common = compute_times(spec, 0, size)[learner]
        assert [next(own) for _ in range(1 if alone else 5)] == [next(common) for _ in range(1 if alone else 5)]


def test_a_law_of_mini_batches():
    def drawn(learners, seed=0, **changes):
        chosen = scenario(TIMING, {"cluster": {"learners": learners}, "workload": {"mini_batch": {**LAW, **changes}}})
        return mini_batch_sizes(chosen.workload, learners, seed)

    many = drawn(2000)
    assert np.mean(many) == pytest.approx(20, rel=0.05)
    assert np.std(many) == pytest.approx(10, rel=0.1)
    assert drawn(7) == many[:7], "a learner's size depends on the number of learners"
    assert drawn(7, seed=1) != many[:7]
    assert drawn(50, mean=0.1) == 1, "no learner has less than a sample, and equal sizes are one"
    assert max(drawn(50, mean=1e9, cv=10)) <= 10**9


@pytest.mark.parametrize(
    ("mini_batch", "message"),
    [
        ([4, 1], "workload.mini_batch: there are 2 sizes of mini-batches for 4 learners"),
        ([4, 0, 1, 1], "workload.mini_batch.1: 0 is too small; it must be more than 0"),
        ([4, 1.5, 1, 1], "workload.mini_batch.1: 1.5 is not a whole number"),
        ("many", "workload.mini_batch: 'many' is not a whole number"),
        ({**LAW, "cv": 0}, "workload.mini_batch.cv: 0 is too small"),
        ({**LAW, "mean": 0}, "workload.mini_batch.mean: 0 is too small"),
        ({"distribution": "gamma", "cv": 1}, "workload.mini_batch.mean: missing"),
    ],
    ids=str,
)
def test_sizes_that_are_none(mini_batch, message):
    with pytest.raises(ScenarioError, match=re.escape(message)):
        scenario(TIMING, {"workload": {"mini_batch": mini_batch}})
