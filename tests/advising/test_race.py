"""Intervals of a race, by hand."""

from __future__ import annotations

import math

import pytest

from simasgd.advising.race import Cost, compare_costs

T_2, T_2_BONFERRONI = 4.302653, 6.205347
"""Student's quantiles for two degrees of freedom: 97.5 %, and 98.75 % for two rivals."""


def costs(*amounts: float, coarseness: float = 0.0) -> list[Cost]:
    return [Cost(amount, coarseness) for amount in amounts]


@pytest.mark.parametrize(("rivals", "quantile"), [(1, T_2), (2, T_2_BONFERRONI)])
def test_the_interval_is_students_of_paired_logarithms(rivals: int, quantile: float) -> None:
    """Logarithms of the ratios 0.1, 0.2, 0.3: mean 0.2, standard deviation 0.1."""
    leader = costs(1.0, 5.0, 2.0)
    other = costs(math.exp(0.1), 5.0 * math.exp(0.2), 2.0 * math.exp(0.3))
    ratio = compare_costs(other, leader, rivals)
    half = quantile * 0.1 / math.sqrt(3)
    assert [math.log(end) for end in (ratio.mean, ratio.low, ratio.high)] == pytest.approx([0.2, 0.2 - half, 0.2 + half])
    assert ratio.is_more is (half < 0.2)


def test_equal_costs_are_known_up_to_the_rounding_of_evaluations() -> None:
    """Evaluations each tenth of the time round each cost: variance 0.1²/12 of each of the two."""
    same = costs(3.0, 3.0, 3.0, coarseness=0.1)
    ratio = compare_costs(same, same, 1)
    assert math.log(ratio.high) == pytest.approx(T_2 * math.sqrt(2 * 0.1**2 / 12 / 3))
    assert not ratio.is_more


def test_two_seeds_say_nothing() -> None:
    ratio = compare_costs(costs(10.0, 10.0), costs(1.0, 1.0), 1)
    assert (ratio.mean, ratio.low, ratio.high) == (pytest.approx(10.0), 0.0, math.inf)
