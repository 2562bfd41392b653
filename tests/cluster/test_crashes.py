"""Crashes of three learners by hand. All times are in milliseconds; the cluster is described in by_hand.py."""

from __future__ import annotations

import pytest

from tests.build import TIMING, clock, scenario
from tests.cluster.by_hand import ADV_STAR, THREE, crash, ms, run_three, run_tree


def run(updates, *crashes, protocol="async", **cluster):
    return run_three(updates, {"crashes": list(crashes)}, {"cluster": cluster, "protocol": protocol})


def parts(tape, column):
    return [getattr(tape, column)[a:b].tolist() for a, b in zip(tape.offsets, tape.offsets[1:], strict=False)]


def test_a_crash_while_computing_costs_what_was_computed_and_the_way_to_the_weights():
    """Back at 17, learner 1 has weights at 19, which are those of 17; its first gradient is applied at 31.5."""
    clocked, tape = run(5, crash(1, 7, 17))
    assert ms(tape.stepped_at) == [14.5, 15, 29, 29.5, 31.5]
    assert tape.learner.tolist() == [0, 2, 0, 2, 1]
    assert tape.staleness.tolist() == [0, 1, 1, 1, 2]
    assert (tape.batch[4], ms(tape.read_at)[4]) == (0, 19)
    assert clocked.learner_gradients.computed == (2, 1, 2)
    assert (clocked.gradients_lost, clocked.bytes.lost) == (0, 0)
    assert (clocked.fault_counts.crashes, clocked.fault_counts.rejoins) == (1, 1)
    assert clocked.fault_counts.down_seconds == pytest.approx(10e-3)


def test_a_crash_while_pushing_costs_the_gradient_and_its_bytes():
    clocked, tape = run(5, crash(1, 13, 20))
    assert ms(tape.stepped_at) == [14.5, 15, 29, 29.5, 34.5]
    assert tape.learner.tolist() == [0, 2, 0, 2, 1]
    assert tape.batch[4] == 1
    assert clocked.learner_gradients.computed == (2, 2, 2)
    assert (clocked.gradients_lost, clocked.bytes.lost) == (1, 4e6)


def test_a_crash_while_pulling_costs_the_bytes():
    clocked, tape = run(3, crash(1, 1, 4))
    assert ms(tape.stepped_at) == [14.5, 15, 18.5]
    assert ms(tape.read_at) == [2, 2, 6]
    assert (clocked.gradients_lost, clocked.bytes.lost) == (0, 4e6)


def test_a_gradient_that_has_arrived_survives_its_learner():
    """Learner 1 is away from 14.2 to 14.3, while its gradient waits for the update at 15.

    It is answered then as if nothing had happened. If it is away until 20, it is late by 5.
    """
    _, calm = run(6)
    clocked, same = run(6, crash(1, 14.2, 14.3))
    assert ms(same.stepped_at) == ms(calm.stepped_at) == [14.5, 15, 15.5, 29, 29.5, 30]
    assert same.learner.tolist() == calm.learner.tolist()
    assert same.staleness.tolist() == calm.staleness.tolist() == [0, 1, 2, 2, 2, 2]
    assert clocked.gradients_lost == clocked.bytes.lost == 0
    _, later = run(6, crash(1, 14.2, 20))
    assert ms(later.stepped_at) == [14.5, 15, 15.5, 29, 30, 34.5]
    assert later.learner.tolist() == [0, 1, 2, 0, 2, 1]


def test_a_crash_under_adv_star_costs_the_weights_and_both_gradients():
    """A lone learner of the small tree takes 15 for a push within the node.

    It has weights at 3.5 and gradients at 13.5 and 23.5. The second gradient waits for the first
    until the crash at 25. After the return at 30 it has weights at 33.5, and a gradient at 43.5
    that is at its leaf at 58.5 and at the root at 62. The next is ready at 53.5 and sent from 58.5
    on.
    """
    one = {"cluster": {"learners": 1, "speeds": None, "faults": {"crashes": [crash(0, 25, 30)]}}}
    slow = {**ADV_STAR, "intra_node_bandwidth": "200 MB/s"}
    _, tape = run_tree(slow, 1, one)
    assert (ms(tape.read_at), ms(tape.stepped_at), tape.batch.tolist()) == ([33.5], [62.25], [2])
    for stop, expected in ((50, (3, 2, 1)), (56, (4, 2, 2))):
        clocked, _ = run_tree(slow, 1, one, {"stop": {"simulated_time": f"{stop} ms"}})
        assert (clocked.gradients_computed, clocked.gradients_lost, clocked.gradients_in_flight) == expected


def test_nothing_happens_to_the_others_while_one_is_down():
    _, tape = run(20, crash(1, 7))
    assert set(tape.learner) == {0, 2}
    assert ms(tape.stepped_at) == [14.5 * (1 + k // 2) + 0.5 * (k % 2) for k in range(20)]
    assert tape.staleness.tolist() == [0] + [1] * 19


def test_a_crash_at_the_barrier_leaves_the_gradient_there():
    """Learner 2 takes 20, and learner 0 crashes at 16 with its gradient at the barrier.

    Learner 0 is back at 20 and computes another gradient on weights 0. The round is complete at 24
    without it, and at 34 it is too late.
    """
    clocked, tape = run(2, crash(0, 16, 20), protocol="hardsync", speeds=[1.0, 1.0, 0.5])
    assert ms(tape.stepped_at) == [24.5, 49]
    assert parts(tape, "learner") == [[0, 1, 2], [1, 0, 2]]
    assert parts(tape, "batch") == [[0, 0, 0], [1, 2, 1]]
    assert not tape.staleness.any()
    assert (clocked.gradients_computed, clocked.gradients_dropped, clocked.gradients_lost) == (7, 1, 0)


def test_the_second_gradient_of_a_learner_in_one_round_is_dropped():
    """As before, but learner 2 takes 40: at 34 the round is not complete, and has learner 0's first gradient."""
    clocked, tape = run(2, crash(0, 16, 20), protocol="hardsync", speeds=[1.0, 1.0, 0.25])
    assert ms(tape.stepped_at) == [44.5, 89]
    assert parts(tape, "learner") == [[0, 1, 2], [1, 0, 2]]  # learner 1 has waited for weights 1 for longer
    assert parts(tape, "batch") == [[0, 0, 0], [1, 2, 1]]
    assert (clocked.gradients_computed, clocked.gradients_dropped) == (7, 1)


def test_a_crash_at_the_barrier_before_it_computes_again_delays_the_next_round_only():
    """Back at 30, learner 0 finds weights 1 and is done at 44; learner 1, that has them at 26.5, at 38.5."""
    _, tape = run(2, crash(0, 16, 30), protocol="hardsync", speeds=[1.0, 1.0, 0.5])
    assert ms(tape.stepped_at) == [24.5, 49]
    assert ms(tape.read_at) == [2, 2, 2, 26.5, 32, 26.5]


@pytest.mark.parametrize("stop", [{"updates": 100}, {"updates": 100, "simulated_time": "1 s"}])
@pytest.mark.parametrize(("at", "applied", "computed", "hang", "end"), [(7, 0, 2, 0, 14), (20, 3, 5, 14.5, 28.5)])
def test_a_barrier_without_a_time_out_waits_for_ever_for_a_learner_gone_for_good(stop, at, applied, computed, hang, end):
    faults = {"crashes": [crash(1, at)]}
    changed = {"cluster": {"faults": faults}, "protocol": "hardsync", "stop": {"gradients": None, **stop}}
    clocked, _ = clock(scenario(TIMING, THREE, changed))
    assert clocked.hang is not None
    assert ms([clocked.hang.at]) == [hang]
    assert f" 1 (at 0.{at:03d} s)" in clocked.hang.reason.replace("0.02 s", "0.020 s")
    assert (clocked.gradients_applied, clocked.gradients_computed, clocked.gradients_in_flight) == (applied, computed, 2)
    assert ms([clocked.simulated_seconds]) == [1000 if "simulated_time" in stop else end]


def test_where_all_are_gone_for_good_everything_ends_and_their_names_are_given():
    clocked, tape = run(100, crash(0, 20), crash(1, 7), crash(2, 30.1))
    assert clocked.hang is not None
    assert [f"{learner} (at" in clocked.hang.reason for learner in range(4)] == [True, True, True, False]
    assert ms(tape.stepped_at) == [14.5, 15, 29.5]
    assert ms([clocked.hang.at, clocked.simulated_seconds]) == [29.5, 31.5]  # learner 2's weights find nobody


def test_a_crash_and_a_return_is_no_hang():
    clocked, _ = run(4, crash(1, 7, 500), protocol="hardsync")
    assert clocked.hang is None
    assert clocked.updates == 4


def test_a_time_out_does_without_a_missing_member_until_it_is_back():
    """Learner 1 is down from 7 to 38, and the time-out is 5.

    Rounds: gradients at 14, time-out at 19, update 19.5; without learner 1 as a member, at 33.5 and 48, updates 34 and 48.5.
    Learner 1 computes on weights 2, which it asks for at 38; its gradient is late at 52, but it is a member again. It has
    weights 3 at 54 and its gradient there at 66, 3.5 after the others: in time.
    """
    clocked, tape = run(4, crash(1, 7, 38), protocol={"kind": "hardsync", "barrier_timeout": "5 ms"})
    assert ms(tape.stepped_at) == [19.5, 34, 48.5, 66.5]
    assert parts(tape, "learner") == [[0, 2], [0, 2], [0, 2], [0, 2, 1]]
    assert not tape.staleness.any()
    mishaps = clocked.fault_counts
    assert (mishaps.barrier_timeouts, mishaps.members_dropped, clocked.gradients_dropped) == (1, 1, 1)


def test_a_slow_learners_gradient_is_late_and_dropped_and_costs_a_time_out_each_time():
    """Learner 2 takes 40.

    The first round times out at 19, and the second ends at 33.5 without learner 2. At 44 its
    gradient on weights 0 is late, and it is a member again. The third round waits for it from 48 to
    53, and the fourth ends at 67.5 without it.
    """
    protocol = {"kind": "hardsync", "barrier_timeout": "5 ms"}
    clocked, tape = run(4, crash(2, 500, 501), protocol=protocol, speeds=[1.0, 1.0, 0.25])
    assert ms(tape.stepped_at) == [19.5, 34, 53.5, 68]
    assert parts(tape, "learner") == [[0, 1]] * 4
    mishaps = clocked.fault_counts
    assert (mishaps.barrier_timeouts, mishaps.members_dropped, clocked.gradients_dropped) == (2, 2, 1)
    assert clocked.gradients_computed == 9
    assert (mishaps.crashes, mishaps.rejoins, mishaps.down_seconds) == (0, 0, 0)


def test_a_time_out_that_is_long_enough_changes_nothing():
    protocol = {"kind": "hardsync", "barrier_timeout": "31 ms"}
    clocked, patient = run(5, protocol=protocol, speeds=[1.0, 1.0, 0.25])
    _, endless = run(5, protocol="hardsync", speeds=[1.0, 1.0, 0.25])
    assert ms(patient.stepped_at) == ms(endless.stepped_at) == [44.5 * k for k in range(1, 6)]
    assert clocked.fault_counts.barrier_timeouts == 0


@pytest.mark.parametrize("protocol", ["async", {"kind": "n-softsync", "n": 1}, {"kind": "hardsync", "barrier_timeout": "5 ms"}])
def test_random_crashes_take_the_share_of_the_time_that_they_should(protocol):
    """mttr/(mtbf + mttr), and a crash every mtbf + mttr per learner."""
    faults = {"crashes": {"mtbf": "80 ms", "mttr": "20 ms"}}
    chosen = scenario(
        TIMING, THREE, {"cluster": {"learners": 20, "faults": faults}, "protocol": protocol, "stop": {"gradients": 20_000}}
    )
    clocked, _ = clock(chosen)
    learner_seconds = 20 * clocked.simulated_seconds
    assert clocked.fault_counts.down_seconds / learner_seconds == pytest.approx(0.2, rel=0.05)
    assert clocked.fault_counts.crashes / learner_seconds == pytest.approx(1 / 0.1, rel=0.05)
    assert 0 <= clocked.fault_counts.crashes - clocked.fault_counts.rejoins <= 20
