"""Over random clusters and all protocols: no deadlock, nothing lost, every second named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.cluster.book import Limit
from simasgd.cluster.log import SpanLog
from simasgd.cluster.simulation import run as run_cluster
from simasgd.cluster.trail import PARTS
from simasgd.tape import SummaryRecorder, staleness_counts
from tests.build import TIMING, clock, same_tape, scenario
from tests.cluster.random_runs import runs
from tests.protocols.table import ROWS


@settings(max_examples=150, deadline=None)
@given(run=runs(), gradients=st.integers(1, 150))
def test_conservation(run, gradients):
    # The limit of time is for learners that crash too often to get anything done.
    chosen = scenario(TIMING, run, {"stop": {"gradients": gradients, "simulated_time": "3 s"}})
    clocked, tape = clock(chosen, SpanLog())
    it_ends_or_says_why_not(chosen, clocked)
    nothing_gets_lost(chosen, clocked, tape)
    time_goes_forwards(chosen, tape)
    every_second_has_one_name(chosen, clocked)
    the_critical_path_is_as_long_as_the_run(chosen, clocked)

    again, same = clock(chosen)
    assert same_tape(tape, same)
    assert (again.bytes, again.critical_path) == (clocked.bytes, clocked.critical_path)


def it_ends_or_says_why_not(chosen, clocked):
    is_done = clocked.gradients_applied >= chosen.stop.gradients
    assert is_done or clocked.hang or clocked.simulated_seconds == 3.0
    if clocked.hang:
        assert not is_done
        assert chosen.cluster.faults.crashes
        assert "crashed for good" in clocked.hang.reason
        assert clocked.hang.at <= clocked.simulated_seconds


def nothing_gets_lost(chosen, clocked, tape):
    """Gradients, bytes, mini-batches; and an update takes what its protocol wants."""
    assert (clocked.gradients_applied, clocked.updates) == (tape.num_gradients, tape.updates_before[-1])
    assert clocked.gradients_computed == sum(clocked.learner_gradients)
    discarded = (clocked.gradients_dropped, clocked.gradients_cancelled)
    ends = (clocked.gradients_applied, *discarded, clocked.gradients_lost, clocked.gradients_in_flight)
    assert min(ends) >= 0
    assert clocked.gradients_computed == sum(ends)
    sent, received, lost = clocked.bytes
    assert min(sent, received, lost, sent - received - lost + 1e-6) >= 0.0
    protocol, faults, row = chosen.protocol, chosen.cluster.faults, ROWS[chosen.protocol.kind]
    if faults.message_loss is None and not faults.crashes:
        assert lost == clocked.gradients_lost == clocked.mishaps.messages_lost == 0
        assert not any(discarded) or row.drops(protocol)
    pairs = zip(tape.learner.tolist(), tape.batch.tolist(), strict=True)
    assert len(set(pairs)) == tape.num_gradients, "a mini-batch was used twice"
    sizes, learners = np.diff(tape.offsets), chosen.cluster.learners
    sizes = sizes[sizes > 0] if row.own_models else sizes
    if row.distinct:
        rounds = zip(tape.step.tolist(), tape.learner.tolist(), strict=True)
        assert len(set(rounds)) == tape.num_gradients, "a learner was twice in a round"
    size = row.size(protocol, learners)
    if size is not None:
        assert (sizes == size).all() if chosen.cluster.architecture.kind == "base" else (sizes >= size).all()


def time_goes_forwards(chosen, tape):
    assert (np.diff(tape.stepped_at) >= 0).all()
    assert (tape.read_at < tape.computed_at).all()
    assert (tape.computed_at <= tape.stepped_at[tape.step] + 1e-12).all()
    assert (tape.staleness >= 0).all()
    most_stale = ROWS[chosen.protocol.kind].most_stale(chosen.protocol)
    assert most_stale is None or (tape.staleness <= most_stale).all()
    if tape.ahead is not None:  # a copy was stepped by the mini-batches just before, which were sent before
        row_of = {pair: row for row, pair in enumerate(zip(tape.learner.tolist(), tape.batch.tolist(), strict=True))}
        for row in np.flatnonzero(tape.ahead).tolist():
            before = [row_of[tape.learner[row], tape.batch[row] - back] for back in range(1, tape.ahead[row] + 1)]
            assert max(before) < row
            assert (tape.timestamp[before] == tape.timestamp[row]).all()
    for learner in range(chosen.cluster.learners):
        mine = np.flatnonzero(tape.learner == learner)
        assert (np.diff(tape.batch[mine]) > 0).all()
        if not chosen.cluster.faults.crashes:
            assert (np.diff(tape.timestamp[mine]) >= 0).all(), "older weights than before"
        if chosen.cluster.architecture.kind == "base" and chosen.protocol.kind == "async":
            assert (tape.timestamp[mine][1:] > tape.step[mine][:-1]).all(), "weights without its own last gradient"


def every_second_has_one_name(chosen, clocked):
    now, spans = clocked.simulated_seconds, clocked.spans
    days = [*clocked.learner_seconds, *(day for days in clocked.thread_seconds.values() for day in days)]
    for seconds in days:
        assert min(seconds) >= -1e-12
        assert sum(seconds) == pytest.approx(now, rel=1e-9, abs=1e-12)
    usages = {usage.name: usage for usage in (*clocked.servers, *clocked.links)}
    for usage in usages.values():
        assert 0 <= usage.busy <= 1 + 1e-9
        assert usage.mean_queue >= -1e-12
    for number, (group, name) in enumerate(spans.tracks):
        mine = spans.track == number
        start, end = spans.start[mine], spans.end[mine]
        if group == "links" and chosen.cluster.network.sharing == "fair":
            continue  # many messages at once
        assert (start[1:] >= end[:-1] - 1e-12).all(), "two things at once"
        if group != "learners":
            assert (end - start).sum() == pytest.approx(usages[name].busy * now, rel=1e-9, abs=1e-12)
        else:
            learner, *thread = name.removeprefix("learner ").split()
            day = (clocked.thread_seconds[thread[0]] if thread else clocked.learner_seconds)[int(learner)]
            found = np.bincount(spans.activity[mine], weights=end - start, minlength=len(day))
            assert found == pytest.approx(np.array(day), rel=1e-9, abs=1e-11)


def the_critical_path_is_as_long_as_the_run(chosen, clocked):
    assert min(clocked.critical_path) >= 0.0
    assert sum(clocked.critical_path) == pytest.approx(clocked.simulated_seconds, rel=1e-9, abs=1e-12)
    faults = chosen.cluster.faults
    is_interrupted = faults.crashes or faults.server_pauses or faults.message_loss or chosen.cluster.start == "spread"
    if not is_interrupted and getattr(chosen.protocol, "barrier_timeout", None) is None and clocked.simulated_seconds < 3.0:
        assert clocked.critical_path[PARTS.index("other")] <= 1e-9 * clocked.simulated_seconds


@settings(max_examples=20, deadline=None)
@given(run=runs(may_fail=False), gradients=st.integers(1, 150))
def test_the_summary_says_what_the_tape_says(run, gradients):
    chosen = scenario(TIMING, run, {"stop": {"gradients": gradients}})
    _, tape = clock(chosen)
    recorder = SummaryRecorder()
    run_cluster(
        chosen.cluster,
        chosen.protocol,
        seed=chosen.cluster_seed,
        mini_batch=chosen.workload.mini_batch,
        payload=chosen.payload,
        limit=Limit(gradients=chosen.gradients_to_stop),
        recorder=recorder,
    )
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
