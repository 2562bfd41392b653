"""Work at a varying pace, by hand and in the long run."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simasgd import exact
from simasgd.cluster.clock.pace import ScheduledPace, SlowSpells, slow_spells
from simasgd.scenario.cluster.faults import Stragglers

# Half of full speed from 10 s on, nothing from 20 s to 30 s, a quarter from 30 s to 38 s.
SLOW = ScheduledPace([(10.0, 20.0, 0.5), (20.0, 30.0, 0.0), (30.0, 38.0, 0.25)])


@pytest.mark.parametrize(
    ("start", "work", "end"),
    [
        (0.0, 4.0, 4.0),  # done before anything is slow
        (0.0, 10.0, 10.0),
        (0.0, 12.0, 14.0),  # 10 s at full speed, 2 s of work at half of it
        (0.0, 15.0, 20.0),  # done as the pause begins
        (0.0, 15.5, 32.0),  # 10 + 5, nothing, then 0.5 s of work at a quarter
        (0.0, 17.0, 38.0),
        (0.0, 20.0, 41.0),  # 10 + 5 + 0 + 2, and 3 more afterwards
        (16.0, 1.0, 18.0),
        (16.0, 3.0, 34.0),  # 2, nothing, 1
        (25.0, 0.0, 30.0),  # no work, but nothing answers in a pause
        (20.0, 0.0, 30.0),
        (30.0, 0.0, 30.0),
        (25.0, 1.0, 34.0),
        (12.0, 0.0, 12.0),
        (38.0, 7.0, 45.0),
        (100.0, 7.0, 107.0),
    ],
)
def test_by_hand(start: float, work: float, end: float) -> None:
    assert SLOW.end(start, work) == end


def test_questions_may_come_in_any_order() -> None:
    questions = [(25.0, 1.0), (0.0, 20.0), (100.0, 7.0), (0.0, 4.0), (16.0, 3.0)]
    assert [SLOW.end(*question) for question in questions] == [34.0, 41.0, 107.0, 4.0, 34.0]


def test_a_pause_before_anything_is_begun() -> None:
    assert ScheduledPace([(0.0, 5.0, 0.0)]).end(0.0, 0.0) == 5.0
    assert ScheduledPace([(0.0, 5.0, 0.0), (7.0, 8.0, 0.0)]).end(1.0, 3.0) == 9.0


def test_a_pause_without_end() -> None:
    assert ScheduledPace([(3.0, float("inf"), 0.0)]).end(0.0, 4.0) == float("inf")
    assert ScheduledPace([(3.0, float("inf"), 0.5)]).end(0.0, 4.0) == 5.0


def test_spells_may_be_given_in_any_order() -> None:
    shuffled = ScheduledPace([(30.0, 38.0, 0.25), (10.0, 20.0, 0.5), (20.0, 30.0, 0.0)])
    assert shuffled.end(0.0, 20.0) == 41.0


def test_spells_that_touch_but_for_rounding() -> None:
    pace = ScheduledPace([(0.1, 0.1 + 0.2, 0.0), (0.3, 0.5, 0.0)])
    assert 0.1 + 0.2 > 0.3
    assert pace.end(0.2, 0.0) == pytest.approx(0.5, abs=1e-15)


TIMES = st.floats(min_value=0.0, max_value=1e6)


@given(TIMES, TIMES)
def test_it_is_exact_where_nothing_is_slow(start: float, work: float) -> None:
    assert ScheduledPace([]).end(start, work) == start + work
    assert ScheduledPace([(3e6, 4e6, 0.0)]).end(start, work) == start + work
    assert ScheduledPace([(0.0, 1e-9, 0.1)]).end(start + 1.0, work) == start + 1.0 + work
    calm = SlowSpells(exact.stream(0, exact.Purpose.SPELL, 0), 10.0, mean_normal=1e15, mean_slow=1e-15)
    assert calm.advance(start, work) == (start + work, 0.0)


@given(st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=5), st.floats(min_value=0.01, max_value=1.0))
def test_work_in_two_parts_ends_when_the_whole_does(pieces: list[tuple[float, float]], factor: float) -> None:
    pace = ScheduledPace([(1e3, 2e3, factor), (5e3, 6e3, 0.0), (1e5, 2e5, factor)])
    for start, work in pieces:
        assert pace.end(pace.end(start, work / 2), work / 2) == pytest.approx(pace.end(start, work), rel=1e-9, abs=1e-9)


def end(pace: SlowSpells, start: float, work: float) -> float:
    """When work is done that is begun then."""
    now, left = pace.advance(start, work)
    while left:
        now, left = pace.advance(now, left)
    return now


def long_run(pace: SlowSpells, work: float, pieces: int) -> float:
    """How many times longer unbroken work takes."""
    now = 0.0
    for _ in range(pieces):
        now = end(pace, now, work)
    return now / (pieces * work)


@pytest.mark.parametrize(("slowdown", "normal", "slow"), [(10.0, 9.0, 1.0), (2.0, 1.0, 1.0), (1.5, 1.0, 20.0)])
@pytest.mark.parametrize("work", [0.03, 3.0])
def test_the_mean_slowdown_is_that_of_the_formula(slowdown: float, normal: float, slow: float, work: float) -> None:
    pace = SlowSpells(exact.stream(3, exact.Purpose.SPELL, 1), slowdown, normal, slow)
    cycles = 20_000
    law = (normal + slow) / (normal + slow / slowdown)
    found = long_run(pace, work, int(cycles * (normal + slow) / law / work))
    # A cycle's useful work varies no more than its length; its relative spread is about 1/√cycles.
    assert found == pytest.approx(law, rel=5 / cycles**0.5)


def test_it_begins_in_a_slow_spell_as_often_as_it_is_in_one() -> None:
    """Over many learners the pace is stationary from the first second on.

    Of work too short to see the end of a spell, the fraction S/(N + S) is slow.
    """
    spec = Stragglers.model_validate({"slowdown": 4.0, "mean_normal": "3 s", "mean_slow": "1 s"})
    for start in (0.0, 0.7, 50.0):
        slow = [end(slow_spells(spec, 5, learner), start, 1e-7) - start > 2e-7 for learner in range(4000)]
        assert np.mean(slow) == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 4000) ** 0.5)


def test_a_question_before_the_last_answer_meets_the_same_spells() -> None:
    """As when a learner crashes half-way and begins anew: the spells do not depend on what is asked."""
    once, again = (SlowSpells(exact.stream(1, exact.Purpose.SPELL, 0), 5.0, 2.0, 1.0) for _ in range(2))
    once.advance(0.0, 100.0)
    assert [end(once, start, 1.0) for start in range(1, 300)] == [end(again, start, 1.0) for start in range(1, 300)]


def test_learners_and_seeds_differ_and_repeat() -> None:
    spec = Stragglers.model_validate({"slowdown": 4.0, "mean_normal": "3 s", "mean_slow": "1 s"})
    ends = {(seed, learner): end(slow_spells(spec, seed, learner), 0.0, 100.0) for seed in (0, 1) for learner in (0, 1)}
    assert len(set(ends.values())) == 4
    assert end(slow_spells(spec, 1, 0), 0.0, 100.0) == ends[1, 0]


def test_its_memory_does_not_grow() -> None:
    pace = SlowSpells(exact.stream(0, exact.Purpose.SPELL, 0), 5.0, 0.02, 0.01)
    now = 0.0
    for _ in range(2000):
        now = end(pace, now, 1.0)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(2000):
        now = end(pace, now, 1.0)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 100_000  # 170,000 spells went by


def test_nothing_is_done_for_each_of_very_many_spells() -> None:
    law = (2.0 + 1.0) / (2.0 + 1.0 / 5.0)
    once, again = (SlowSpells(exact.stream(0, exact.Purpose.SPELL, 0), 5.0, 2.0, 1.0) for _ in range(2))
    assert once.advance(0.0, 1e15) == (pytest.approx(1e15 * law), 0.0)
    # It has not drawn any for that, and is asked for another computation.
    assert once.advance(0.0, 1.0) == again.advance(0.0, 1.0)
    assert once.advance(1e9, 1.0)[0] <= 1e9 + 5.0
    until, left = once.advance(2e9, 4e4)  # a few spells at a time
    assert until < 2e9 + 1e4
    assert 3e4 < left < 4e4
    short = SlowSpells(exact.stream(0, exact.Purpose.SPELL, 0), 5.0, 2e-15, 1e-15)
    assert short.advance(1e3, 1e-9) == (1e3 + 1e-9 * law, 0.0)


def test_the_state_after_a_long_time_is_as_it_is_at_first() -> None:
    spec = Stragglers.model_validate({"slowdown": 4.0, "mean_normal": "3 s", "mean_slow": "1 s"})
    slow = [slow_spells(spec, 5, learner).advance(1e5, 1e-4)[0] - 1e5 > 2e-4 for learner in range(4000)]
    assert np.mean(slow) == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 4000) ** 0.5)
