"""When learners start, and what that does where they share links fairly."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.cluster.cast.start import mean_cycles, start_times
from tests.build import TIMING, clock, same_tape, scenario
from tests.cluster.laws.mean_value_analysis import analyse_mean_values
from tests.protocols.table import ROWS

MS = 1e-3
SPREAD = {"cluster": {"start": "spread"}}
EVEN = {"per_batch": "10 ms", "per_sample": 0, "distribution": "constant", "cv": None}


def spread_over(learners, seed=0):
    """Return the starts, in cycles."""
    return start_times(scenario(TIMING, SPREAD, {"cluster": {"learners": learners}}).cluster, lambda: [1.0] * learners, seed)


def test_learners_start_at_moments_drawn_uniformly_from_one_cycle():
    moments = np.array(spread_over(2000))
    assert moments[0] == 0.0
    assert ((moments[1:] > 0.0) & (moments[1:] <= 1.0)).all()
    # Kolmogorov and Smirnov: 1.95/√n is passed by one sample of a thousand.
    distance = np.abs(np.sort(moments[1:]) - (np.arange(1999) + 0.5) / 1999).max()
    assert distance < 1.95 / np.sqrt(1999)
    assert spread_over(2000) == moments.tolist()
    assert spread_over(7) == moments[:7].tolist(), "a learner's start depends on λ"
    assert spread_over(7, seed=1) != spread_over(7)
    assert start_times(scenario(TIMING).cluster, list, 0) == [0.0] * 4


def test_they_compute_from_then_on():
    """Where communication takes no time a cycle is a mini-batch's 10 ms, and the k-th begins k of them after the start."""
    chosen = scenario(TIMING, SPREAD, {"cluster": {"compute": EVEN}, "stop": {"gradients": 40}})
    clocked, tape = clock(chosen)
    moments = start_times(chosen.cluster, lambda: [10 * MS] * chosen.cluster.learners, chosen.cluster_seed)
    for learner, start in enumerate(moments):
        mine = tape.learner == learner
        assert tape.read_at[mine] == pytest.approx(start + 10 * MS * np.arange(mine.sum()))
    idle = [seconds[-1] for seconds in clocked.learner_seconds]
    assert idle == pytest.approx(moments)


@pytest.mark.parametrize("kind", ROWS)
def test_under_every_protocol_nobody_begins_before_its_start(kind):
    compute = {"distribution": "constant", "cv": None}
    cluster = {"learners": 6, "compute": compute, "server": {"update": "1 ms"}, "network": {"bandwidth": "1 MB/s"}}
    chosen = scenario(TIMING, SPREAD, {"cluster": cluster, "protocol": ROWS[kind].typical, "stop": {"gradients": 60}})
    clocked, tape = clock(chosen)
    has_server = chosen.protocol.has_server
    cycles = mean_cycles(chosen.cluster, [4 * MS] * 6, 10e3, 10e3, 0, has_server=has_server)
    moments = np.array(start_times(chosen.cluster, lambda: cycles, chosen.cluster_seed))
    first = [tape.read_at[(tape.learner == learner) & (tape.batch == 0)].min(initial=np.inf) for learner in range(6)]
    assert (np.array(first) >= moments - 1e-12).all()
    assert clocked.gradients_applied >= 60
    together = scenario(TIMING, {"cluster": cluster, "protocol": ROWS[kind].typical, "stop": {"gradients": 60}})
    assert not same_tape(tape, clock(together)[1])


@pytest.mark.parametrize("protocol", ["async", {"kind": "injected-staleness", "delay": 3}, "all-reduce"], ids=str)
def test_a_lone_learner_starts_at_once(protocol):
    alone = {"cluster": {"learners": 1}, "protocol": protocol}
    assert same_tape(clock(scenario(TIMING, alone))[1], clock(scenario(TIMING, alone, SPREAD))[1])


@pytest.mark.parametrize(("crash", "down", "expected"), [(0.25, 0.5, "start"), (0.25, 2.0, "back"), (2.0, 0.5, "start")])
def test_a_learner_that_crashes_before_its_start_starts_when_it_is_back_and_not_before(crash, down, expected):
    """Times in starts of learner 1."""
    chosen = scenario(TIMING, SPREAD, {"cluster": {"learners": 2, "compute": EVEN}, "stop": {"gradients": 40}})
    start = start_times(chosen.cluster, lambda: [10 * MS] * chosen.cluster.learners, chosen.cluster_seed)[1]
    faults = {"crashes": [{"learner": 1, "at": f"{crash * start:.9f} s", "down": f"{down * start:.9f} s"}]}
    clocked, tape = clock(scenario(TIMING, chosen.resolved(), {"cluster": {"faults": faults}}))
    when = {"start": start, "back": (crash + down) * start}[expected]
    mine = (tape.learner == 1) & (tape.batch == tape.batch[tape.learner == 1].min())
    if crash < 1.0:
        assert tape.read_at[mine] == pytest.approx([when], abs=1e-8)
    assert (clocked.fault_counts.crashes, clocked.fault_counts.rejoins) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "milliseconds"),
    [
        # A lone learner: 10 of computing, 1 each way at the learner's 10 MB/s, 2 × (0.5 + 0.25) on the way, an update of 2.
        ({}, 10 + 2 + 1.5 + 2),
        # 16 updates are longer.
        ({"learners": 16}, 16 * 2),
        # The server's interface: 4 each way and 16 learners; both on one link; two halves of it.
        ({"learners": 16, "server": {"bandwidth": "2.5 MB/s"}}, 16 * 4),
        ({"learners": 16, "server": {"bandwidth": "2.5 MB/s", "duplex": "half"}}, 16 * 8),
        ({"learners": 16, "server": {"bandwidth": "2.5 MB/s"}, "architecture": {"kind": "base", "shards": 2}}, 16 * 2),
        # A tree of servers adds gradients up: only the lone learner's.
        ({"learners": 16, "server": {"bandwidth": "2.5 MB/s"}, "architecture": "adv"}, 10 + 8 + 1.5 + 2),
    ],
    ids=str,
)
def test_a_cycle_by_hand(changes, milliseconds):
    cluster = {
        "profile": None,
        "learners": 4,
        "compute": EVEN,
        "network": {"latency": "0.25 ms", "overhead": "0.5 ms", "bandwidth": "10 MB/s"},
        "server": {"bandwidth": "20 MB/s", "update": "2 ms"},
    }
    chosen = scenario(TIMING, {"cluster": cluster}, {"cluster": changes})

    def cycles(*, has_server):
        means = [10 * MS] * chosen.cluster.learners
        return mean_cycles(chosen.cluster, means, 10e3, 10e3, 0, has_server=has_server)

    assert cycles(has_server=True) == pytest.approx([milliseconds * MS] * chosen.cluster.learners)
    if not changes:
        assert cycles(has_server=False) == pytest.approx([(10 + 1 + 0.75) * MS] * 4)


LEARNERS, THINK, MESSAGE = 16, 9 * MS, 16 * MS
LAW, _ = analyse_mean_values(LEARNERS, THINK, [MESSAGE, MESSAGE])


def rate(gradients, *, start, **compute):
    """Gradients per second of 16 learners that compute for 9 ms, and whose messages take 16 ms each way on fair links."""
    cluster = {
        "profile": None,
        "learners": LEARNERS,
        "compute": {"per_batch": "9 ms", "per_sample": 0, **compute},
        "network": {"latency": 0, "bandwidth": "unlimited", "sharing": "fair"},
        "server": {"bandwidth": "25 Gbit/s", "duplex": "full", "update": 0},
        "start": start,
    }
    clocked, tape = clock(
        scenario(TIMING, {"cluster": cluster, "workload": {"payload": "50 MB"}, "stop": {"gradients": gradients}})
    )
    return gradients / clocked.simulated_seconds, tape


def test_constant_times_and_one_start_keep_learners_in_step_for_ever():
    """All learners pull, compute and push at the same times.

    So a round takes Z + λ·(D + D) while the other direction rests: 30.7 gradients a second, where
    mean-value analysis has 58.7.
    """
    in_step = LEARNERS / (THINK + LEARNERS * 2 * MESSAGE)
    assert (in_step, LAW) == (pytest.approx(30.71, abs=0.005), pytest.approx(58.7, abs=0.005))
    found, tape = rate(LEARNERS * 100, start="together", distribution="constant")
    assert found == pytest.approx(in_step, rel=1e-9)
    assert np.diff(tape.stepped_at.reshape(100, LEARNERS), axis=1).max() < 1e-9


@pytest.mark.parametrize(
    "compute",
    [
        {"distribution": "constant"},
        {"distribution": "lognormal", "cv": 0.01},
        {"distribution": "lognormal", "cv": 0.2},
        {"distribution": "exponential"},
    ],
    ids=str,
)
def test_learners_that_start_apart_are_near_the_law_at_once(compute):
    found, _ = rate(2000, start="spread", **compute)
    assert found == pytest.approx(LAW, rel=0.05)


def test_with_little_variation_a_start_together_costs_a_short_run_much_and_a_long_one_little():
    short, _ = rate(1000, start="together", distribution="lognormal", cv=0.01)
    long, tape = rate(10_000, start="together", distribution="lognormal", cv=0.01)
    assert short < 0.85 * LAW
    last = 5000 / (tape.stepped_at[-1] - tape.stepped_at[-5001])
    assert short < long < last
    assert last == pytest.approx(LAW, rel=0.03)
