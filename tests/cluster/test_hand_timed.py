"""Three learners timed by hand: 10 ms of computing, messages of 3 ms in a half-duplex pipe, 2 ms of travel, updates of 0.5 ms.

All times below are in milliseconds. E.g. async: the first replies enter the pipe at 0, 3 and 6 and arrive at 5, 8 and 11;
learner 0's gradient is computed at 15, occupies the pipe until 18, arrives at 20 and is applied at 20.5. Its reply finds the
pipe taken by learner 1's gradient until 21 and goes before learner 2's gradient, which is ready at 21 and enters at 24.
"""

from __future__ import annotations

import pytest

from simasgd.cluster.clock.activity import Activity
from tests.build import TIMING, clock, scenario
from tests.cluster.by_hand import HALF_DUPLEX

MICROSECOND = 1e-3  # in milliseconds

CASES = [
    # protocol, updates, times of the updates, learners and staleness of their gradients
    ({"kind": "async"}, 5, [20.5, 23.5, 29.5, 41.5, 50.0], [[0], [1], [2], [0], [1]], [[0], [1], [2], [2], [2]]),
    ({"kind": "n-softsync", "n": 3}, 5, [20.5, 23.5, 29.5, 41.5, 50.0], [[0], [1], [2], [0], [1]], [[0], [1], [2], [2], [2]]),
    ({"kind": "n-softsync", "n": 1}, 2, [29.5, 52.5], [[0, 1, 2], [0, 1, 2]], [[0, 0, 0], [1, 1, 0]]),
    ({"kind": "hardsync"}, 2, [26.5, 53.0], [[0, 1, 2], [0, 1, 2]], [[0, 0, 0], [0, 0, 0]]),
]


@pytest.mark.parametrize(("protocol", "updates", "times", "learners", "staleness"), CASES, ids=lambda value: str(value)[:32])
def test_updates(protocol, updates, times, learners, staleness):
    clocked, tape = clock(
        scenario(TIMING, HALF_DUPLEX, {"protocol": protocol, "stop": {"gradients": None, "updates": updates}})
    )
    assert tape.stepped_at * 1e3 == pytest.approx(times, abs=MICROSECOND)
    assert clocked.simulated_seconds == tape.stepped_at[-1]
    cuts = tape.offsets[1:-1]
    assert [part.tolist() for part in _split(tape.learner, cuts)] == learners
    assert [part.tolist() for part in _split(tape.staleness, cuts)] == staleness


def test_where_the_async_day_goes():
    clocked, _ = clock(scenario(TIMING, HALF_DUPLEX, {"stop": {"gradients": 5}}))
    days = {
        0: {"compute": 23.5, "push": 10.0, "wait": 1.5, "pull": 15.0, "idle": 0.0},
        1: {"compute": 20.0, "push": 10.0, "wait": 10.0, "pull": 10.0, "idle": 0.0},
        2: {"compute": 20.0, "push": 7.5, "wait": 12.5, "pull": 10.0, "idle": 0.0},  # cut off while it pushes
    }
    for learner, day in days.items():
        found = {activity.name.lower(): clocked.learner_seconds[learner][activity] * 1e3 for activity in Activity}
        assert found == pytest.approx(day, abs=MICROSECOND)
    (pipe,), (server,) = clocked.links, clocked.servers
    assert pipe.busy == pytest.approx(38.5 / 50)
    assert pipe.mean_queue == pytest.approx(21.5 / 50)
    assert pipe.bytes == 13 * 3e6  # 3 + 6 + 4 messages had begun
    assert (server.busy, server.mean_queue) == (pytest.approx(2.5 / 50), 0.0)
    assert (clocked.gradients_computed, clocked.gradients_applied, clocked.gradients_in_flight) == (6, 5, 1)


def test_full_duplex_does_not_make_a_reply_wait_for_a_push():
    duplex = {"cluster": {"server": {"duplex": "full"}}}
    clocked, tape = clock(scenario(TIMING, HALF_DUPLEX, duplex, {"stop": {"gradients": 4}}))
    # Replies 20.5–23.5, 23.5–26.5 and (the third gradient arrives at 26) 26.5–29.5; learner 0 again computes from 25.5 to 35.5.
    assert tape.stepped_at * 1e3 == pytest.approx([20.5, 23.5, 26.5, 41.0], abs=MICROSECOND)
    assert [link.name for link in clocked.links] == ["server nic in", "server nic out"]


def test_updates_are_served_one_at_a_time():
    slow = {"cluster": {"server": {"update": "4 ms", "duplex": "full"}}}
    _, tape = clock(scenario(TIMING, HALF_DUPLEX, slow, {"stop": {"gradients": 3}}))
    # The gradients arrive at 20, 23 and 26; each update takes 4 and waits for the one before.
    assert tape.stepped_at * 1e3 == pytest.approx([24, 28, 32], abs=MICROSECOND)


def test_a_learner_waits_for_its_own_update_only():
    """1-softsync of 2: learner 0's gradient is only summed up, so it is answered at once, with the old weights."""
    two = {"cluster": {"learners": 2}, "protocol": {"kind": "n-softsync", "n": 1}, "stop": {"gradients": None, "updates": 2}}
    _, tape = clock(scenario(TIMING, HALF_DUPLEX, two))
    # Arrivals 20 and 23 make update 23.5. Learner 0 read weights 0 again at 21, arrived 26, computed 36, delivered 41;
    # learner 1's reply enters at 24, after learner 0's, arrives 29; computed 39, in the pipe 39–42, delivered 44.
    assert tape.stepped_at * 1e3 == pytest.approx([23.5, 44.5], abs=MICROSECOND)
    assert tape.staleness.tolist() == [0, 0, 1, 0]
    assert tape.read_at * 1e3 == pytest.approx([5, 8, 26, 29], abs=MICROSECOND)


def _split(column, cuts):
    import numpy as np

    return np.split(column, cuts)
