"""The critical path: what the last update had to wait for, by hand and where one thing is the bottleneck. In milliseconds."""

from __future__ import annotations

import pytest

from simasgd.cluster.clock.activity import Activity
from simasgd.cluster.clock.trail import COST_PARTS, LOST_PARTS, PARTS
from tests.build import TIMING, clock, scenario
from tests.cluster.by_hand import ADV, ADV_STAR, HALF_DUPLEX, THREE, crash, run_three, run_tree, spell

ALL = (*PARTS, *COST_PARTS, *LOST_PARTS)


def path(clocked):
    """Milliseconds of each part; they add up to the time."""
    assert sum(clocked.critical_path) == pytest.approx(clocked.simulated_seconds, abs=1e-9 * clocked.simulated_seconds)
    found = dict.fromkeys((*PARTS, *LOST_PARTS), 0.0)
    return found | {part: seconds * 1e3 for part, seconds in zip(ALL, clocked.critical_path, strict=False) if seconds}


def parts(**known):
    return pytest.approx({part: known.get(part, 0.0) for part in (*PARTS, *LOST_PARTS)}, abs=1e-9)


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        # Learner 0: weights at 5, gradient 16–19 in the pipe, at the server at 21.
        (1, {"compute": 11, "push": 5, "update": 0.5, "pull": 5}),
        # Learner 1's gradient of 18 waits until 19 for learner 0's; 19–22, at the server at 24.
        (2, {"compute": 11, "push": 3 + 5, "update": 0.5, "pull": 5}),
        # Learner 0's reply waits until 25 for three gradients, 16–25; it computes from 30 to 41, and is at the server at 46.
        (4, {"compute": 11 + 11, "push": 9 + 5, "update": 0.5, "pull": 5 + 5}),
        # Learner 1's gradient of 43 waits until 44 for it.
        (5, {"compute": 11 + 11, "push": 9 + 3 + 5, "update": 0.5, "pull": 5 + 5}),
    ],
)
def test_three_learners_by_hand(updates, expected):
    """The cluster of test_hand_timed.py, but learner 0 computes for 11 instead of 10, so nothing is ready at the same time."""
    changed = {"cluster": {"speeds": [10 / 11, 1.0, 1.0]}, "stop": {"gradients": None, "updates": updates}}
    clocked, tape = clock(scenario(TIMING, HALF_DUPLEX, changed))
    assert tape.stepped_at * 1e3 == pytest.approx([21.5, 24.5, 27.5, 46.5, 49.5][:updates])
    assert path(clocked) == parts(**expected)


def test_a_tree_of_servers_by_hand():
    """The run is that of test_architectures.py.

    Learner 1's gradient of 16, applied at 21, left when learner 0's first was applied. Its second,
    applied at 32.5, came together with learner 2's, whose update went first. Learner 2 computed for
    25, on weights that took 3.5 to its leaf.
    """
    clocked, _ = run_tree(ADV, 2)
    assert path(clocked) == parts(compute=10, push=3.5 + 3.5, update=0.25 + 0.25, pull=3.5)
    clocked, _ = run_tree(ADV, 5)
    assert path(clocked) == parts(compute=25, push=3.5, update=0.25 + 0.25, pull=3.5)


def test_a_tree_of_learners_by_hand():
    """Learner 1's second gradient, applied at 40.75, waited for all messages that left the node from 19 on.

    These are its own first gradient, weights 1 to two learners, learner 0's gradient, and weights 2
    to two learners.
    """
    clocked, _ = run_tree(ADV_STAR, 5)
    assert path(clocked) == parts(compute=12.5, push=3 + 3 + 3.5, update=0.25, pull=3 + 3.5 + 6 + 6)


@pytest.mark.parametrize("distribution", ["constant", "exponential"])
@pytest.mark.parametrize("architecture", ["base", "adv", "adv*"])
@pytest.mark.parametrize("protocol", ["async", "hardsync", {"kind": "n-softsync", "n": 2}], ids=str)
def test_it_is_all_computing_where_communication_is_free(protocol, architecture, distribution):
    cluster = {"learners": 6, "architecture": architecture, "compute": {"distribution": distribution, "cv": None}}
    if architecture != "base":
        cluster["architecture"] = {"kind": architecture, "intra_node_bandwidth": "unlimited"}
    clocked, _ = clock(scenario(TIMING, {"cluster": cluster, "protocol": protocol, "stop": {"gradients": 300}}))
    assert path(clocked) == parts(compute=clocked.simulated_seconds * 1e3)


BUSY = {"cluster": {"learners": 8, "compute": {"per_sample": "250 us", "distribution": "constant", "cv": None}}}


def test_it_is_all_updates_where_these_are_the_bottleneck():
    """λ = 8, computing takes 1 and an update 10: from 1 on the server is never idle."""
    clocked, _ = clock(scenario(TIMING, BUSY, {"cluster": {"server": {"update": "10 ms"}}, "stop": {"gradients": 100}}))
    assert path(clocked) == parts(compute=1, update=1000)


def test_it_is_all_messages_where_the_link_is_the_bottleneck():
    """One link takes both directions, 5 for a message, so it is always busy.

    Eight replies and eight gradients pass in turn. The hundredth gradient is in the thirteenth
    round.
    """
    slow = {"cluster": {"server": {"bandwidth": "1 MB/s", "duplex": "half"}}, "workload": {"payload": "5 kB"}}
    clocked, _ = clock(scenario(TIMING, BUSY, slow, {"stop": {"gradients": 100}}))
    found = path(clocked)
    assert found["compute"] == found["update"] == found["other"] == 0.0
    assert found["push"] == pytest.approx(500)
    assert found["pull"] == pytest.approx(5 * 8 * 13)


def test_a_barrier_adds_up_the_slowest_of_every_round():
    clocked, tape = clock(scenario(TIMING, {"cluster": {"learners": 6}, "protocol": "hardsync", "stop": {"updates": 50}}))
    slowest = sum((tape.computed_at - tape.read_at).reshape(-1, 6).max(axis=1)) * 1e3
    assert path(clocked) == parts(compute=slowest)


def test_what_is_not_work_has_the_name_of_its_fault():
    """The path names the fault for which nothing works.

    The cases are a crash at 7 and a return at 17 after 2 of pulling; a time-out of 5 at the
    barrier; and the end of a pause, for which the gradients of 14 wait until 20.
    """
    work = {"compute": 10, "push": 2, "update": 0.5, "pull": 2}
    clocked, _ = run_three(5, {"crashes": [crash(1, 7, 17)]})
    assert path(clocked) == parts(**(work | {"pull": 2 + 2}), down=15)
    barrier = {"protocol": {"kind": "hardsync", "barrier_timeout": "5 ms"}}
    clocked, _ = run_three(1, {"crashes": [crash(1, 7)]}, barrier)
    assert path(clocked) == parts(**work, timeout=5)
    clocked, _ = run_three(1, {"server_pauses": [spell(10, 20)]})
    assert path(clocked) == parts(**work, pause=6)


LOSSES = {"message_loss": {"probability": 0.5, "resend_after": "3 ms"}}


def test_a_lost_message_and_the_3_until_it_is_sent_again_are_resending_and_for_learners_waiting():
    """A message takes 2. So each loss takes 5 of the lone learner, which waits for nothing else but updates of 0.5."""
    clocked, _ = run_three(20, LOSSES, {"cluster": {"learners": 1}})
    found, lost = path(clocked), clocked.fault_counts.messages_lost
    assert found == parts(compute=20 * 10, push=20 * 2, update=20 * 0.5, pull=20 * 2, resend=5 * lost)
    spent = dict(zip(Activity, clocked.learner_seconds[0], strict=True))
    assert spent[Activity.WAIT] * 1e3 == pytest.approx(20 * 0.5 + 5 * lost)
    assert spent[Activity.PUSH] * 1e3 == pytest.approx(20 * 2)


def test_learners_of_an_all_reduce_wait_while_a_lost_message_is_not_sent_again():
    """Two learners that compute for 10 each exchange halves of 350 bytes in two rounds. One message after another gets lost."""
    faults = {"message_loss": {"probability": 0.3, "resend_after": "3 ms"}}
    clocked, _ = run_three(40, faults, {"cluster": {"learners": 2}, "protocol": "all-reduce"})
    found = path(clocked)
    assert clocked.fault_counts.messages_lost > 10
    for seconds in clocked.learner_seconds:
        spent = {activity: 1e3 * part for activity, part in zip(Activity, seconds, strict=True)}
        assert spent[Activity.PUSH] == pytest.approx(found["push"], rel=0.05)
        assert spent[Activity.WAIT] == pytest.approx(found["resend"], rel=0.05)


def test_a_server_is_not_busy_while_it_pauses():
    """It pauses from 10 to 20, when the gradients of 14 wait for their updates of 0.5 each."""
    clocked, _ = run_three(3, {"server_pauses": [spell(10, 20)]})
    assert clocked.simulated_seconds * 1e3 == pytest.approx(21.5)
    assert clocked.servers[0].busy == pytest.approx(1.5 / 21.5)


def test_the_time_after_the_last_update_is_other():
    clocked, _ = clock(scenario(TIMING, THREE, {"stop": {"gradients": None, "simulated_time": "22 ms"}}))
    assert path(clocked) == parts(compute=10, push=2, update=1.5, pull=2, other=6.5)
