"""Estimates of the time left, by hand."""

from __future__ import annotations

import pytest

from simasgd.stages.estimate import PhaseEstimate, PointEstimate, describe_left


def test_a_fast_clock_promises_nothing_where_learning_follows() -> None:
    estimate = PhaseEstimate(0.0, learns=True)
    assert estimate.seconds_left(2.0, "simulate", 0.05) is None
    assert estimate.seconds_left(4.0, "simulate", 0.1) is None
    assert estimate.seconds_left(5.0, "compile", 0.1) is None
    assert estimate.seconds_left(10.0, "replay", 0.1) is None
    assert estimate.seconds_left(20.0, "replay", 0.2) == pytest.approx(80.0), "10 s a tenth, and eight are left"


def test_without_learning_the_clocks_own_speed_counts() -> None:
    estimate = PhaseEstimate(0.0, learns=False)
    assert estimate.seconds_left(0.0, "simulate", 0.0) is None
    assert estimate.seconds_left(0.5, "simulate", 0.2) is None, "too short to measure"
    assert estimate.seconds_left(3.0, "simulate", 0.25) == pytest.approx(9.0)


def test_whole_runs_have_all_phases_in_them() -> None:
    estimate = PhaseEstimate(0.0, learns=True)
    estimate.seconds_left(10.0, "replay", 0.2)
    assert estimate.seconds_left(12.0, "done", 0.25) == pytest.approx(36.0)
    assert estimate.seconds_left(13.0, "simulate", 0.26) == pytest.approx(35.0), "a second later it is a second less"
    assert estimate.seconds_left(14.0, "replay", 0.5) == pytest.approx(24.0), "the half that is left takes half of 48 s"
    assert estimate.seconds_left(60.0, "replay", 0.9) == 0.0


def test_points_that_were_kept_took_no_time() -> None:
    estimate = PointEstimate(0.0)
    for number in range(1, 51):
        assert estimate.seconds_left(0.001 * number, "kept", number, 60) is None
    assert estimate.seconds_left(10.0, "done", 51, 60) is None
    assert estimate.seconds_left(20.0, "done", 52, 60) == pytest.approx(80.0)


def test_the_start_of_processes_is_not_the_pace_of_points() -> None:
    """Two processes take 20 s to start and 10 s a loop of four points; after the first loops 16 points take 20 s."""
    estimate = PointEstimate(0.0)
    for number in range(1, 5):
        assert estimate.seconds_left(30.0 + 0.01 * number, "done", number, 24) is None
    assert estimate.seconds_left(30.9, "done", 8, 24) is None
    assert estimate.seconds_left(46.0, "done", 16, 24) == pytest.approx(8 * 16 / 12, rel=0.01)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.0, "a few seconds left"),
        (12.0, "about 10 s left"),
        (89.0, "about 90 s left"),
        (100.0, "about 2 min left"),
        (1800.0, "about 30 min left"),
        (9000.0, "about 2.5 h left"),
        (86_400.0, "about 24 h left"),
    ],
)
def test_the_time_left_in_words(seconds: float | None, words: str) -> None:
    assert describe_left(seconds) == words
