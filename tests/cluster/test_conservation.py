"""Over random clusters and all protocols: no deadlock, nothing lost, every second named."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.job import Job
from simasgd.cluster.simulation import run as run_cluster
from simasgd.tape.recorder import SummaryRecorder
from simasgd.tape.tape import staleness_counts
from tests.build import IS_AT_LENGTH, TIMING, clock, same_tape, scenario
from tests.cluster.invariants import holds
from tests.cluster.random_runs import runs


@settings(max_examples=100 if IS_AT_LENGTH else 50, deadline=None)
@given(run=runs(), gradients=st.integers(1, 150))
def test_conservation(run, gradients):
    # The limit of time is for learners that crash too often to get anything done.
    chosen = scenario(TIMING, run, {"stop": {"gradients": gradients, "simulated_time": "3 s"}})
    clocked, tape = clock(chosen, SpanLog())
    holds(chosen, clocked, tape)
    if clocked.hang:
        assert "crashed for good" in clocked.hang.reason or "the traces of these learners ended" in clocked.hang.reason

    # A run with a time line has a process for each role. Without one, cycles that nothing interrupts have none.
    again, same = clock(chosen)
    assert same_tape(tape, same)
    assert (again.bytes, again.critical_path) == (clocked.bytes, clocked.critical_path)
    if chosen.protocol.has_server and not chosen.protocol.has_own_models:
        assert _what_happened(again) == _what_happened(clocked)


def test_gradients_that_arrive_when_a_pause_ends_are_applied_after_those_before():
    """A pause until 140 ms holds up an update that takes no time, and a sum of the same learner that comes with its end."""
    run = {
        "cluster": {
            "learners": 2,
            "learners_per_node": 1,
            "seed": 22,
            "architecture": {"kind": "adv*", "broadcast_fan_out": 3},
            "compute": {"per_batch": 0, "per_sample": "1 ms", "distribution": "constant"},
            "stragglers": [{"slowdown": 5, "hits": "all", "mean_slow": "forever"}],
            "faults": {"server_pauses": [{"at": "50 ms", "lasting": "90 ms"}]},
        },
        "protocol": "async",
    }
    chosen = scenario(TIMING, run, {"stop": {"gradients": 40}})
    clocked, tape = clock(chosen)
    holds(chosen, clocked, tape)
    assert tape.stepped_at.tolist().count(0.14) > 3


def _what_happened(clocked):
    """Return all results but the spans, and the number of events: a process takes one to start."""
    return {field.name: getattr(clocked, field.name) for field in fields(clocked) if field.name not in ("spans", "events")}


@settings(max_examples=10, deadline=None)
@given(run=runs(may_fail=False), gradients=st.integers(1, 150))
def test_the_summary_says_what_the_tape_says(run, gradients):
    # The limit of time is for learners that need thousands of attempts for each gradient that arrives.
    chosen = scenario(TIMING, run, {"stop": {"gradients": gradients, "simulated_time": "3 s"}})
    _, tape = clock(chosen)
    recorder = SummaryRecorder()
    run_cluster(Job.of(chosen), recorder)
    assert recorder.staleness_counts() == staleness_counts(tape.staleness)


@pytest.mark.parametrize("protocol", ["async", "hardsync", {"kind": "n-softsync", "n": 2}])
@pytest.mark.parametrize(
    "stop",
    [
        {"gradients": 12},
        {"updates": 3},
        {"simulated_time": "50 ms"},
        {"epochs": 0.1},
        {"updates": 100, "simulated_time": "9 ms"},
    ],
)
def test_every_stop_stops(protocol, stop):
    chosen = scenario(TIMING, {"protocol": protocol, "stop": {"gradients": None, **stop}})
    clocked, tape = clock(chosen)
    if "simulated_time" in stop:
        assert clocked.simulated_seconds == pytest.approx(chosen.stop.simulated_time)
    elif "updates" in stop:
        assert clocked.updates == stop["updates"]
    else:
        wanted = stop.get("gradients", 0.1 * 1000 / 4)
        assert clocked.gradients_applied >= wanted > clocked.gradients_applied - np.diff(tape.offsets)[-1]
