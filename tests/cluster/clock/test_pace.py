"""Work at a pace that is known beforehand, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simasgd.cluster.clock.pace import ScheduledPace

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


@given(st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=5), st.floats(min_value=0.01, max_value=1.0))
def test_work_in_two_parts_ends_when_the_whole_does(pieces: list[tuple[float, float]], factor: float) -> None:
    pace = ScheduledPace([(1e3, 2e3, factor), (5e3, 6e3, 0.0), (1e5, 2e5, factor)])
    for start, work in pieces:
        assert pace.end(pace.end(start, work / 2), work / 2) == pytest.approx(pace.end(start, work), rel=1e-9, abs=1e-9)
