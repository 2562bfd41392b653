"""The stated rule for events at one instant (simasgd/cluster/clock/events.py)."""

from __future__ import annotations

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st
from simpy.core import EmptySchedule

from simasgd.cluster.clock.events import Clock, Line, Signal, start, timeout
from simasgd.cluster.clock.trail import START
from tests.build import TIMING, clock, scenario

CONSTANT = {"cluster": {"learners": 5, "compute": {"distribution": "constant", "cv": None}}}


def test_simultaneous_gradients_are_taken_one_at_a_time_in_order_of_learners():
    """With constant times all learners arrive together.

    The sender of a gradient is answered before the next gradient is looked at, as if they were an
    infinitesimal apart. So the staleness is λ − 1 from the second round on.
    """
    _, tape = clock(scenario(TIMING, CONSTANT, {"stop": {"gradients": 25}}))
    assert tape.learner.tolist() == [0, 1, 2, 3, 4] * 5
    assert tape.staleness.tolist() == [0, 1, 2, 3, 4] + [4] * 20


def test_a_learner_that_pulls_right_after_its_push_sees_its_own_update():
    _, tape = clock(scenario(TIMING, CONSTANT, {"cluster": {"learners": 1}, "stop": {"gradients": 10}}))
    assert not tape.staleness.any()


def test_an_update_that_ends_when_a_reply_enters_the_pipe_comes_in_the_order_of_scheduling():
    """Learner 1's update ends at the instant at which its reply could enter the pipe.

    λ = 2, messages of 1 ms in full duplex, no latency, updates of 1 ms, 10 ms of computing. Learner
    0's update ends at 13 and learner 1's at 14. Learner 0's reply frees the pipe at 14.
    """
    chosen = scenario(
        TIMING,
        {
            "cluster": {
                "learners": 2,
                "compute": {"per_sample": "2.5 ms", "distribution": "constant", "cv": None},
                "network": {"latency": 0, "bandwidth": "1 GB/s"},
                "server": {"bandwidth": "1 GB/s", "duplex": "full", "update": "1 ms"},
            },
            "workload": {"payload": "1 MB"},
            "stop": {"gradients": 6},
        },
    )
    _, tape = clock(chosen)
    assert (tape.stepped_at * 1e3).round(6).tolist() == [13, 14, 26, 27, 39, 40]
    assert tape.staleness.tolist() == [0, 1, 1, 1, 1, 1]


def test_a_fired_signal_comes_before_what_was_scheduled_earlier_for_the_same_instant():
    env, seen = simpy.Environment(), []
    signal = Signal(env)

    def firing():
        yield env.timeout(1)
        signal.fire("now")
        seen.append("fired")

    def waiting():
        seen.append((yield signal))

    def bystander():
        yield env.timeout(1)
        seen.append("bystander")

    for process in (firing, waiting, bystander):
        env.process(process())
    env.run()
    assert seen == ["fired", "now", "bystander"]


def test_a_called_signal_comes_before_the_caller_goes_on():
    env, seen = simpy.Environment(), []
    signal = Signal(env)

    def calling():
        yield env.timeout(1)
        signal.call("at once")
        seen.append("caller")

    def waiting():
        seen.append((yield signal))

    env.process(calling())
    env.process(waiting())
    env.run()
    assert seen == ["at once", "caller"]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4), st.integers(0, 3)), max_size=40))
def test_the_ends_of_work_in_a_line_have_the_places_of_single_events(orders):
    """Orders are made one after the other. Work that would end before the work that is before it ends with it."""
    env, expected, seen, last = Clock(), [], [], 0.0
    times = (float(seconds) for in_line, seconds, _ in orders if in_line)
    line = Line(env, lambda now, seconds, trail: (now + seconds, trail), times, lambda work, trail: seen.append(work))

    def order():
        nonlocal last
        for number, (in_line, seconds, pause) in enumerate(orders):
            last = max(last, env.now + seconds) if in_line else last
            expected.append((last if in_line else env.now + seconds, number))
            if in_line:
                line.request(number, START)
            else:
                timeout(env, float(seconds)).callbacks.append(lambda _, number=number: seen.append(number))
            if pause:
                yield timeout(env, float(pause) - 0.5)

    start(env, order())
    with pytest.raises(EmptySchedule):
        env.run_events(10**6)
    assert seen == [number for _, number in sorted(expected)]


def test_work_that_takes_no_time_waits_for_the_work_that_ends_now():
    """The second request comes at the instant at which the first ends, and before it."""
    env, seen = Clock(), []
    line = Line(
        env, lambda now, seconds, trail: (now + seconds, trail), iter([2.0, 0.0, 0.0]), lambda work, trail: seen.append(work)
    )
    timeout(env, 2.0).callbacks.append(lambda _: line.request("second", START))
    line.request("first", START)
    with pytest.raises(EmptySchedule):
        env.run_events(10)
    line.request("at once", START)
    assert seen == ["first", "second", "at once"]


def test_a_role_that_fails_ends_the_run():
    env = Clock()

    def fail():
        yield timeout(env, 1.0)
        raise ValueError("of a protocol")

    start(env, fail())
    with pytest.raises(ValueError, match="of a protocol"):
        env.run_events(10)
    assert env.now == 1.0
