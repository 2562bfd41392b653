"""Invariants of every run of a cluster, for any scenario."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.cluster.clock.trail import PARTS
from tests.protocols.table import ROWS


def holds(chosen, clocked, tape):
    """Check all invariants, and those of the time line if the run has one."""
    it_ends_or_says_why_not(chosen, clocked)
    nothing_gets_lost(chosen, clocked, tape)
    time_goes_forwards(chosen, tape)
    every_second_has_one_name(chosen, clocked)
    the_critical_path_is_as_long_as_the_run(chosen, clocked)


def may_be_away(chosen):
    """Return whether learners may be away, and the others may notice it."""
    leaves = chosen.cluster.may_leave and ROWS[chosen.protocol.kind].serverless
    return chosen.cluster.faults.makes_learners_leave or leaves


def it_ends_or_says_why_not(chosen, clocked):
    stop, now = chosen.stop, clocked.simulated_seconds
    assert stop.simulated_time is None or now <= stop.simulated_time
    reached = [
        stop.gradients is not None and clocked.gradients_applied >= stop.gradients,
        stop.updates is not None and clocked.updates >= stop.updates,
    ]
    assert any(reached) or clocked.hang or now == stop.simulated_time
    if clocked.hang:
        assert not any(reached)
        assert clocked.hang.at <= now
        assert clocked.hang.reason


def nothing_gets_lost(chosen, clocked, tape):
    """Check that gradients, bytes and mini-batches are conserved, and that updates obey the protocol."""
    assert (clocked.gradients_applied, clocked.updates) == (tape.num_gradients, tape.updates_before[-1])
    each = clocked.learner_gradients
    for name, counts in each._asdict().items():
        assert sum(counts) == getattr(clocked, f"gradients_{name}")
        assert min(counts) >= 0
    assert each.applied == tuple(np.bincount(tape.learner, minlength=len(each.applied)).tolist())
    discarded = (clocked.gradients_dropped, clocked.gradients_cancelled)
    ends = (clocked.gradients_applied, *discarded, clocked.gradients_lost, clocked.gradients_in_flight)
    assert min(ends) >= 0
    assert clocked.gradients_computed == sum(ends)
    sent, received, lost = clocked.bytes
    assert min(sent, received, lost, sent - received - lost + 1e-6) >= 0.0
    protocol, faults, row = chosen.protocol, chosen.cluster.faults, ROWS[chosen.protocol.kind]
    if faults.message_loss is None and not may_be_away(chosen):
        assert lost == clocked.gradients_lost == clocked.fault_counts.messages_lost == 0
        assert not any(discarded) or row.drops(protocol)
    pairs = zip(tape.learner.tolist(), tape.batch.tolist(), strict=True)
    assert len(set(pairs)) == tape.num_gradients, "a mini-batch was used twice"
    sizes, learners = np.diff(tape.offsets), chosen.cluster.learners
    sizes = sizes[sizes > 0] if row.own_models else sizes
    if row.distinct:
        rounds = zip(tape.step.tolist(), tape.learner.tolist(), strict=True)
        assert len(set(rounds)) == tape.num_gradients, "a learner was twice in a round"
    size = row.size(protocol, learners)
    if size is not None and row.serverless and may_be_away(chosen):
        assert (sizes <= size).all(), "those that are away are missing"
    elif size is not None:
        assert (sizes == size).all() if chosen.cluster.architecture.kind == "base" else (sizes >= size).all()


def time_goes_forwards(chosen, tape):
    assert (np.diff(tape.stepped_at) >= 0).all()
    assert (tape.read_at <= tape.computed_at).all()
    assert (tape.computed_at <= tape.stepped_at[tape.step] * (1 + 1e-12) + 1e-12).all()
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
        if not chosen.cluster.faults.makes_learners_leave:
            assert (np.diff(tape.timestamp[mine]) >= 0).all(), "older weights than before"
        if chosen.cluster.architecture.kind == "base" and chosen.protocol.kind == "async":
            assert (tape.timestamp[mine][1:] > tape.step[mine][:-1]).all(), "weights without its own last gradient"


def every_second_has_one_name(chosen, clocked):
    now, spans = clocked.simulated_seconds, clocked.spans
    rounding = 1e-12 * max(1.0, now)
    days = [*clocked.learner_seconds, *(day for days in clocked.thread_seconds.values() for day in days)]
    for seconds in days:
        assert min(seconds) >= -rounding
        assert sum(seconds) == pytest.approx(now, rel=1e-9, abs=1e-12)
    usages = {usage.name: usage for usage in (*clocked.servers, *clocked.links)}
    for usage in usages.values():
        assert 0 <= usage.busy <= 1 + 1e-9
        assert usage.mean_queue >= -1e-12
    for number, (group, name) in enumerate(() if spans is None else spans.tracks):
        mine = spans.track == number
        start, end = spans.start[mine], spans.end[mine]
        if group == "links" and chosen.cluster.network.sharing == "fair":
            continue  # many messages at once
        assert (start[1:] >= end[:-1] - rounding).all(), "two things at once"
        if group != "learners":
            spent = (end - start).sum() - (paused_seconds(chosen, start, end) if name == "server" else 0.0)
            assert spent == pytest.approx(usages[name].busy * now, rel=1e-9, abs=rounding)
        else:
            learner, *thread = name.removeprefix("learner ").split()
            day = (clocked.thread_seconds[thread[0]] if thread else clocked.learner_seconds)[int(learner)]
            found = np.bincount(spans.activity[mine], weights=end - start, minlength=len(day))
            assert found == pytest.approx(np.array(day), rel=1e-9, abs=10 * rounding)


def paused_seconds(chosen, start, end):
    """Return how much of the slices from `start` to `end` lies in pauses of the server."""
    pauses = [(pause.at, pause.at + pause.lasting) for pause in chosen.cluster.faults.server_pauses]
    return sum(np.maximum(0.0, np.minimum(end, until) - np.maximum(start, since)).sum() for since, until in pauses)


def the_critical_path_is_as_long_as_the_run(chosen, clocked):
    now = clocked.simulated_seconds
    assert min(clocked.critical_path) >= 0.0
    assert sum(clocked.critical_path) == pytest.approx(now, rel=1e-9, abs=1e-12)
    is_cut = clocked.hang or chosen.cluster.start == "spread" or now == chosen.stop.simulated_time
    if not is_cut:  # faults and time-outs have names
        assert clocked.critical_path[PARTS.index("other")] <= 1e-9 * now
