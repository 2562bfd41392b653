"""Three learners of 2, 3 and 7 s a mini-batch, free communication: who was in which update, and when."""

from __future__ import annotations

import pytest

from tests.build import TIMING, clock, scenario

THREE = {
    "learners": 3,
    "compute": {"per_batch": 0, "per_sample": "250 ms", "distribution": "constant", "cv": None},  # 1 s at µ = 4
    "speeds": [1 / 2, 1 / 3, 1 / 7],
}

CASES = {
    # Learner 2 gives up at every update, and 0 waits for a second.
    "k-sync": ({"k": 2}, [(3, [(0, 0), (1, 0)]), (6, [(0, 1), (1, 1)]), (9, [(0, 2), (1, 2)])], 3),
    # Learner 0 goes on at 2 s, and its second mini-batch is the third to be done, at 4 s; then all begin anew.
    "k-batch-sync": (
        {"k": 3},
        [(4, [(0, 0), (1, 0), (0, 0)]), (8, [(0, 1), (1, 1), (0, 1)])],
        4,  # in each round 1 and 2, for 0 has just begun nothing
    ),
    # Learner 0 waits from 5 to 6 s. 2 is done at 7 s, and waits for 0 to be done at 8 s.
    "k-async": ({"k": 2}, [(3, [(0, 0), (1, 0)]), (6, [(0, 1), (1, 1)]), (8, [(2, 0), (0, 2)])], 0),
    # As async, for nobody waits.
    "k-batch-async": ({"k": 2}, [(3, [(0, 0), (1, 0)]), (6, [(0, 0), (1, 1)])], 0),
    # Learner 0 may be one ahead of the slowest: it waits for 2 from 4 to 7 s. 2 is 0 ahead all the time.
    "ssp": (
        {"slack": 1},
        [(2, [(0, 0)]), (3, [(1, 0)]), (4, [(0, 1)]), (6, [(1, 2)]), (7, [(2, 0)]), (9, [(0, 5)])],
        0,
    ),
    # The weights of learner 2, of before the first update, are two updates old at 3 s.
    "ringmaster-stop": ({"threshold": 2}, [(2, [(0, 0)]), (3, [(1, 0)]), (4, [(0, 1)])], 1),
    # The gradient that 1 began on the first weights comes after the update with two of 0's.
    "rennala": ({"batch": 2}, [(3, [(0, 0), (1, 0)]), (6, [(1, 1), (0, 1)])], 0),
    # Learner 2 is never among the first two: what it finishes at 7 s is dropped.
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
    """K-sync: all of learner 2's 9 s."""
    chosen = {"cluster": THREE, "protocol": {"kind": "k-sync", "k": 2}, "stop": {"gradients": None, "updates": 3}}
    clocked, _ = clock(scenario(TIMING, chosen))
    compute, _, wait, _, _ = zip(*clocked.learner_seconds, strict=True)
    assert compute == pytest.approx((6, 9, 9))
    assert wait == pytest.approx((3, 0, 0))
    assert clocked.critical_path == pytest.approx((9, 0, 0, 0, 0))


def test_who_waits_for_its_own_update_waits():
    """K-async: learner 0 a second before 3 s and before 6 s, 2 from 7 s to 8 s."""
    chosen = {"cluster": THREE, "protocol": {"kind": "k-async", "k": 2}, "stop": {"gradients": None, "updates": 3}}
    clocked, _ = clock(scenario(TIMING, chosen))
    assert [seconds[2] for seconds in clocked.learner_seconds] == pytest.approx([2, 0, 1])
