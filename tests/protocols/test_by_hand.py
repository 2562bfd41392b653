"""Three learners with 2, 3 and 7 s a mini-batch and free communication: the updates by hand."""

from __future__ import annotations

import pytest

from tests.build import TIMING, clock, scenario

THREE = {
    "learners": 3,
    "compute": {"per_batch": 0, "per_sample": "250 ms", "distribution": "constant", "cv": None},  # 1 s at µ = 4
    "speeds": [1 / 2, 1 / 3, 1 / 7],
}

CASES = {
    # Learner 2 gives up at every update, and learner 0 waits for 1 s.
    "k-sync": ({"k": 2}, [(3, [(0, 0), (1, 0)]), (6, [(0, 1), (1, 1)]), (9, [(0, 2), (1, 2)])], 3),
    # Learner 0 continues at 2 s. Its second mini-batch is the third to finish, at 4 s. Then all
    # start again.
    "k-batch-sync": (
        {"k": 3},
        [(4, [(0, 0), (1, 0), (0, 0)]), (8, [(0, 1), (1, 1), (0, 1)])],
        4,  # in each round learners 1 and 2; learner 0 has just begun
    ),
    # Learner 0 waits from 5 to 6 s. Learner 2 finishes at 7 s and waits for learner 0, which
    # finishes at 8 s.
    "k-async": ({"k": 2}, [(3, [(0, 0), (1, 0)]), (6, [(0, 1), (1, 1)]), (8, [(2, 0), (0, 2)])], 0),
    # Like async: nobody waits.
    "k-batch-async": ({"k": 2}, [(3, [(0, 0), (1, 0)]), (6, [(0, 0), (1, 1)])], 0),
    # Learner 0 may be one ahead of the slowest: it waits for learner 2 from 4 to 7 s. Learner 2
    # is never ahead.
    "ssp": (
        {"slack": 1},
        [(2, [(0, 0)]), (3, [(1, 0)]), (4, [(0, 1)]), (6, [(1, 2)]), (7, [(2, 0)]), (9, [(0, 5)])],
        0,
    ),
    # Learner 2 has the initial weights, which are two updates old at 3 s.
    "ringmaster-stop": ({"threshold": 2}, [(2, [(0, 0)]), (3, [(1, 0)]), (4, [(0, 1)])], 1),
    # Learner 1 began a gradient on the first weights. It arrives after the update with two of
    # learner 0.
    "rennala": ({"batch": 2}, [(3, [(0, 0), (1, 0)]), (6, [(1, 1), (0, 1)])], 0),
    # Learner 2 is never among the first two: its gradient of 7 s is dropped.
    "backup-workers": ({"backups": 1}, [(3, [(0, 0), (1, 0)]), (6, [(0, 1), (1, 1)]), (9, [(0, 2), (1, 2)])], 0),
}


@pytest.mark.parametrize("kind", CASES)
def test_the_updates(kind):
    parameters, expected, cancelled = CASES[kind]
    chosen = {"cluster": THREE, "protocol": {"kind": kind, **parameters}, "stop": {"gradients": None, "updates": len(expected)}}
    clocked, tape = clock(scenario(TIMING, chosen))
    gradients = list(zip(tape.learner.tolist(), tape.timestamp.tolist(), strict=True))
    found = [gradients[tape.offsets[u] : tape.offsets[u + 1]] for u in range(tape.num_steps)]
    assert found == [who for _, who in expected]
    assert tape.stepped_at == pytest.approx([at for at, _ in expected])
    assert clocked.gradients_cancelled == cancelled


def test_a_learner_that_gives_up_was_computing():
    """Check k-sync: learner 2 computes for all of its 9 s."""
    chosen = {"cluster": THREE, "protocol": {"kind": "k-sync", "k": 2}, "stop": {"gradients": None, "updates": 3}}
    clocked, _ = clock(scenario(TIMING, chosen))
    compute, _, wait, _, _ = zip(*clocked.learner_seconds, strict=True)
    assert compute == pytest.approx((6, 9, 9))
    assert wait == pytest.approx((3, 0, 0))
    assert clocked.critical_path == pytest.approx((9, 0, 0, 0, 0))


def test_a_learner_that_needs_its_own_update_waits():
    """Check k-async: learner 0 waits 1 s before 3 s and before 6 s, learner 2 from 7 s to 8 s."""
    chosen = {"cluster": THREE, "protocol": {"kind": "k-async", "k": 2}, "stop": {"gradients": None, "updates": 3}}
    clocked, _ = clock(scenario(TIMING, chosen))
    assert [seconds[2] for seconds in clocked.learner_seconds] == pytest.approx([2, 0, 1])
