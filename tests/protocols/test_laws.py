"""Theorems of the papers about waiting, dropping and cancelling."""

from __future__ import annotations

from itertools import product
from math import fsum

import numpy as np
import pytest

from simasgd.tape.recorder import TapeRecorder
from tests.build import AT_LENGTH, TIMING, clock, scenario, thin
from tests.protocols.cluster import CLUSTER

EXPONENTIAL = {"per_batch": 0, "per_sample": "250 ms", "distribution": "exponential", "cv": None}  # of mean 1 s at µ = 4


STRAGGLERS = {
    "per_batch": 0,
    "per_sample": None,
    "distribution": "empirical",
    "measured": [*(f"{1200 + 3 * i} ms" for i in range(247)), "2.5 s", "4 s", "12 s"],
    "cv": None,
}


def run(protocol, learners, gradients, **cluster):
    chosen = {"cluster": {"learners": learners, **cluster}, "protocol": protocol, "stop": {"gradients": gradients}}
    return clock(scenario(TIMING, chosen))


def seconds_an_update(protocol, learners, gradients, compute=EXPONENTIAL):
    clocked, _ = run(protocol, learners, gradients, compute=compute)
    return clocked.simulated_seconds / clocked.updates


def harmonic(n):
    return fsum(1.0 / k for k in range(1, n + 1))


@pytest.mark.parametrize(("learners", "k"), [pytest.param(8, 1, marks=AT_LENGTH), (8, 4), (30, 10)])
def test_k_sync_takes_the_kth_of_the_compute_times(learners, k):
    """Check claim 31: H_P − H_{P−K}, 0.6345 for 4 of 8.

    A late learner gives up and starts again with the others, so all rounds are alike.
    """
    expected = harmonic(learners) - harmonic(learners - k)
    rounds = 10_000 if learners == 8 else 4_000
    assert seconds_an_update({"kind": "k-sync", "k": k}, learners, k * rounds) == pytest.approx(expected, rel=0.01)
    if (learners, k) == (8, 4):
        assert expected == pytest.approx(0.6345, abs=5e-5)


@pytest.mark.parametrize(("kind", "k"), thin(product(["k-batch-sync", "k-batch-async"], [1, 4, 8, 20]), 3))
def test_k_batch_protocols_update_every_k_pths(kind, k):
    """Check claim 32 for exponential times.

    Nobody waits. To give up loses nothing, because the remaining time is distributed like a new
    one.
    """
    gradients = 20_000
    found = seconds_an_update({"kind": kind, "k": k}, 8, gradients)
    assert found == pytest.approx(k / 8, rel=3 / gradients**0.5)


def test_k_async_with_exponential_times():
    """Check that a round takes the sum of 1/(P − j) over j = 0 … K − 1.

    K − 1 learners wait for the update, and P − j are at work until the next gradient. This is the
    round of K-sync, because the times have no memory.
    """
    found = seconds_an_update({"kind": "k-async", "k": 4}, 8, 80_000)
    assert found == pytest.approx(harmonic(8) - harmonic(4), rel=0.01)


def test_a_few_backup_workers_are_best_against_stragglers():
    """Check claim 33: of N + b = 100 learners, samples per second are greatest at some 1 ≤ b ≤ 10.

    The times resemble the paper's: the last of 100 took less than 2 s in 30 % of the rounds, so 1.2
    % of all took longer, and the 98th in 80 % (docs/papers.md B2.2).
    """
    rates = {}
    for backups in (0, 1, 2, 4, 6, 10, 20, 40):
        protocol = {"kind": "backup-workers", "backups": backups}
        clocked, _ = run(protocol, 100, 200 * (100 - backups), compute=STRAGGLERS)
        rates[backups] = clocked.gradients_applied / clocked.simulated_seconds
    best = max(rates, key=lambda backups: rates[backups])
    assert 1 <= best <= 10
    assert rates[best] > 1.5 * rates[0]
    assert rates[best] > 1.1 * rates[40]


class Clocks:
    """The clock of each learner by the protocol's own definition: its gradients applied so far."""

    def __init__(self, tape, learners):
        self.applied_at = [tape.stepped_at[tape.step][tape.learner == learner] for learner in range(learners)]

    def counts_at(self, time):
        return [int(np.searchsorted(times, time, side="right")) for times in self.applied_at]


@pytest.mark.parametrize("architecture", ["base", "adv", "adv*"])
@pytest.mark.parametrize("slack", [0, 1, 4])
def test_ssp_keeps_the_clocks_together(slack, architecture):
    """Check claim 44: before mini-batch c, all learners have finished c − s.

    Its weights contain all these gradients, and the learner's own. The slowest learner takes five
    times as long as the fastest, so the bound is reached.
    """
    cluster = {**CLUSTER, "architecture": architecture}
    chosen = scenario(TIMING, {"cluster": cluster, "protocol": {"kind": "ssp", "slack": slack}})
    _, tape = clock(chosen)
    clocks = Clocks(tape, 6)
    gaps = [int(batch) - min(clocks.counts_at(at)) for batch, at in zip(tape.batch, tape.read_at, strict=True)]
    assert max(gaps) == slack
    counted = np.zeros(6, int)
    done_when_made = [counted.copy()]  # the clocks that each version of the weights contains
    for u in range(tape.num_steps):
        rows = slice(tape.offsets[u], tape.offsets[u + 1])
        np.add.at(counted, tape.learner[rows], 1)
        done_when_made.append(counted.copy())
    for learner, batch, version in zip(tape.learner, tape.batch, tape.timestamp, strict=True):
        assert done_when_made[version].min() >= batch - slack
        if architecture == "base":
            assert done_when_made[version][learner] == batch


def test_faster_learners_make_more_updates_than_mini_batches_of_the_slowest():
    """Check claim 47: async makes Σ_m S/s_m updates in a time S, and hardsync min_m S/s_m.

    The ratio is at least M.
    """
    seconds = np.array([1.0, 1.0, 0.5, 0.25, 0.125, 4.0])
    cluster = {
        "compute": {"per_batch": 0, "per_sample": "250 ms", "distribution": "constant", "cv": None},
        "speeds": (1.0 / seconds).tolist(),
    }
    stop = {"gradients": None, "simulated_time": "100 s"}
    updates = {}
    for protocol in ("async", "hardsync"):
        chosen = {"cluster": {"learners": 6, **cluster}, "protocol": protocol, "stop": stop}
        updates[protocol] = clock(scenario(TIMING, chosen))[0].updates
    assert updates["hardsync"] == pytest.approx(100.0 / seconds.max(), abs=1)
    assert updates["async"] == pytest.approx((100.0 / seconds).sum(), abs=6)
    assert updates["async"] >= 6 * updates["hardsync"]


@pytest.mark.parametrize("delay", [0, 3, 9])
def test_weights_are_at_most_so_old_when_a_mini_batch_begins(delay):
    """Check bounded delay: some weights reach the bound, and fewer are pulled than in async."""
    clocked, tape = run({"kind": "bounded-delay", "delay": delay}, 6, 600)
    free, _ = run({"kind": "async"}, 6, 600)
    before = np.searchsorted(tape.stepped_at, tape.read_at, side="left")  # updates made before it began
    age = before - tape.timestamp
    assert age.max() <= delay
    assert (clocked.bytes.sent < free.bytes.sent) == (delay > 0)


def test_sums_with_stale_gradients_do_not_stop_backup_workers():
    """Check that fresh gradients count although a server of the tree adds a late one to them.

    Otherwise their senders would wait forever.
    """
    cluster = {
        "learners_per_node": 6,
        "profile": None,
        "architecture": {"kind": "adv", "fan_out": 6, "colocated": True},
        "compute": {"per_batch": "10 ms", "per_sample": 0},
        "speeds": [1, 1, 1, 1, 1, 0.02],
        "network": {"latency": "0 s", "bandwidth": "1 MB/s"},
        "server": {"bandwidth": "1 MB/s", "update": "0 s"},
    }
    for protocol in ({"kind": "backup-workers", "backups": 1}, {"kind": "k-sync", "k": 5}):
        clocked, tape = run(protocol, 6, 200, **cluster)
        assert clocked.hang is None
        assert set(np.diff(tape.offsets)) == {5}


@pytest.mark.parametrize(
    "protocol", [{"kind": "backup-workers", "backups": 1}, {"kind": "k-sync", "k": 3}, {"kind": "k-async", "k": 3}], ids=str
)
def test_a_learner_that_is_back_is_not_counted_twice(protocol):
    """Check a crash after a gradient: learner 0 sends at 10 ms, crashes, and sends another one."""
    cluster = {
        "compute": {"per_batch": "10 ms", "per_sample": 0, "distribution": "constant", "cv": None},
        "speeds": [1, 0.4, 0.4, 0.4],
        "faults": {"crashes": [{"learner": 0, "at": "11 ms", "down": "1 ms"}]},
    }
    _, tape = run(protocol, 4, 30, **cluster)
    for u in range(tape.num_steps):
        who = tape.learner[tape.offsets[u] : tape.offsets[u + 1]].tolist()
        assert len(who) == len(set(who)) == 3


def test_a_copys_own_updates_are_not_staleness():
    """Check staleness of copies.

    A lone learner steps its copy by the gradients it sends, so nothing is stale. With two learners,
    each is late by the other's updates.
    """
    for n_push in (1, 2):
        _, tape = run({"kind": "downpour", "n_fetch": 4, "n_push": n_push}, 1, 40)
        assert tape.ahead.max() == 3
        assert not tape.staleness.any()
    even = {"compute": {"per_batch": "10 ms", "per_sample": 0, "distribution": "constant", "cv": None}}
    _, tape = run({"kind": "downpour", "n_fetch": 2, "n_push": 1}, 2, 12, **even)
    rows = list(zip(tape.learner.tolist(), tape.ahead.tolist(), tape.staleness.tolist(), strict=True))
    assert rows[4:8] == [(0, 0, 1), (1, 0, 1), (0, 1, 2), (1, 1, 2)]


def test_the_recorder_gets_applied_gradients_only():
    """Check that a cancelled or dropped gradient has no row."""
    clocked, tape = run({"kind": "k-sync", "k": 2}, 6, 100)
    assert isinstance(TapeRecorder().tape(4).num_steps, int)
    assert tape.num_gradients == clocked.gradients_applied == 100
    assert clocked.gradients_cancelled + clocked.gradients_dropped == clocked.gradients_computed - 100
