"""Slow spells of one kind: their law in the long run, and bounded work for very many of them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster.clock.paces import SPEC, alternating, end, long_run, paces

TIMES = st.floats(min_value=0.0, max_value=1e6)


@given(TIMES, TIMES)
def test_it_is_exact_where_nothing_is_slow(start: float, work: float) -> None:
    assert alternating(0, 0, 10.0, 1e15, 1e-15).advance(start, work) == (start + work, 0.0)


@pytest.mark.parametrize(("slowdown", "normal", "slow"), [(10.0, 9.0, 1.0), (2.0, 1.0, 1.0), (1.5, 1.0, 20.0)])
@pytest.mark.parametrize("work", [0.03, 3.0])
def test_the_mean_slowdown_is_that_of_the_formula(slowdown: float, normal: float, slow: float, work: float) -> None:
    pace = alternating(3, 1, slowdown, normal, slow)
    cycles = 4_000
    law = (normal + slow) / (normal + slow / slowdown)
    found = long_run(pace, work, int(cycles * (normal + slow) / law / work))
    # A cycle's useful work varies no more than its length; its relative spread is about 1/√cycles.
    assert found == pytest.approx(law, rel=5 / cycles**0.5)


def test_it_begins_in_a_slow_spell_as_often_as_it_is_in_one() -> None:
    """Over many learners the pace is stationary from the first second on.

    Of work too short to see the end of a spell, the fraction S/(N + S) is slow.
    """
    for start in (0.0, 0.7, 50.0):
        slow = [end(pace, start, 1e-7) - start > 2e-7 for pace in paces(SPEC, 5, 2000)]
        assert np.mean(slow) == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 2000) ** 0.5)


def test_a_question_before_the_last_answer_meets_the_same_spells() -> None:
    """As when a learner crashes half-way and begins anew: the spells do not depend on what is asked."""
    once, again = (alternating(1, 0, 5.0, 2.0, 1.0) for _ in range(2))
    once.advance(0.0, 100.0)
    assert [end(once, start, 1.0) for start in range(1, 300)] == [end(again, start, 1.0) for start in range(1, 300)]


def test_learners_and_seeds_differ_and_repeat() -> None:
    ends = {(seed, learner): end(paces(SPEC, seed, 2)[learner], 0.0, 100.0) for seed in (0, 1) for learner in (0, 1)}
    assert len(set(ends.values())) == 4
    assert end(paces(SPEC, 1)[0], 0.0, 100.0) == ends[1, 0]


def test_its_memory_does_not_grow() -> None:
    pace = alternating(0, 0, 5.0, 0.02, 0.01)
    now = 0.0
    for _ in range(1000):
        now = end(pace, now, 1.0)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(1000):
        now = end(pace, now, 1.0)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 100_000  # 85,000 spells went by


def test_nothing_is_done_for_each_of_very_many_spells() -> None:
    law = (2.0 + 1.0) / (2.0 + 1.0 / 5.0)
    once, again = (alternating(0, 0, 5.0, 2.0, 1.0) for _ in range(2))
    assert once.advance(0.0, 1e15) == (pytest.approx(1e15 * law), 0.0)
    # It has not drawn any for that, and is asked for another computation.
    assert once.advance(0.0, 1.0) == again.advance(0.0, 1.0)
    assert once.advance(1e9, 1.0)[0] <= 1e9 + 5.0
    until, left = once.advance(2e9, 4e4)  # a few spells at a time
    assert until < 2e9 + 1e4
    assert 3e4 < left < 4e4
    short = alternating(0, 0, 5.0, 2e-15, 1e-15)
    assert short.advance(1e3, 1e-9) == (1e3 + 1e-9 * law, 0.0)


def test_the_state_after_a_long_time_is_as_it_is_at_first() -> None:
    slow = [pace.advance(1e5, 1e-4)[0] - 1e5 > 2e-4 for pace in paces(SPEC, 5, 2000)]
    assert np.mean(slow) == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 2000) ** 0.5)
