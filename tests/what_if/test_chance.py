"""How much of a speed-up is chance, by blocks of two runs."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.what_if.chance import BLOCKS, CERTAIN, estimate_error, is_gain

STEADY = np.arange(1.0, 201.0)


@pytest.mark.parametrize("in_time", [False, True])
def test_a_run_that_is_twice_as_fast_throughout_leaves_nothing_to_chance(in_time: bool) -> None:
    assert estimate_error(STEADY, STEADY / 2.0, in_time=in_time) == pytest.approx(0.0, abs=1e-12)


def test_the_error_is_that_of_a_quotient_of_paired_sums() -> None:
    """Ten blocks of 20 gradients take 20 s each, and 5 s or 15 s in turn: R = 2, and the residuals are 20 − 2 · 5 = ±10."""
    faster = np.cumsum(np.tile(np.repeat([0.25, 0.75], 20), 5))
    expected = np.sqrt(10 / 9 * 10 * 10.0**2) / faster[-1]
    assert estimate_error(STEADY, faster, in_time=False) == pytest.approx(expected)


def test_blocks_of_equal_times_forgive_a_standstill_that_both_runs_meet() -> None:
    """Both stand still from 20 s to 60 s. By their numbers, gradients of one block wait in one run and not in the other."""
    slow, fast = (np.concatenate([np.arange(pace, 20.0, pace), 60.0 + np.arange(pace, 60.0, pace)]) for pace in (0.5, 0.25))
    by_time, by_number = (estimate_error(slow, fast[: len(slow)], in_time=in_time) for in_time in (True, False))
    assert by_time is not None
    assert by_number is not None
    assert by_time < 0.1 < by_number


def test_too_few_updates_tell_nothing() -> None:
    few = np.repeat(np.arange(1.0, 2 * BLOCKS), 8)
    assert estimate_error(few, few / 2.0, in_time=False) is None


@pytest.mark.parametrize(
    ("speedup", "error", "clear"), [(1.1, 0.04, False), (1.89, 0.05, True), (1.1, None, True), (1.004, None, False)]
)
def test_a_gain_is_more_than_the_99_percent_interval_of_chance(speedup: float, error: float | None, clear: bool) -> None:
    assert is_gain(speedup, error) == clear
    assert pytest.approx(3.25, abs=0.01) == CERTAIN  # Student's t with nine degrees of freedom
