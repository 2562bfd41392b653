"""Intervals of a race, by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import final

import pytest

from simasgd.advising.aims import Aim, SearchStage
from simasgd.advising.candidate_runs import CandidateRun
from simasgd.advising.race import SeedCost, compare_costs, count_comparisons
from simasgd.advising.search import Search
from simasgd.advising.trial_runner import Trial
from tests.advising.problems import TARGET, make_candidate

T_2, T_2_BONFERRONI = 4.302653, 6.205347
"""Student's quantiles for two degrees of freedom: 97.5 %, and 98.75 % for two comparisons."""


def costs(*amounts: float, coarseness: float = 0.0) -> list[SeedCost]:
    return [SeedCost(amount, coarseness) for amount in amounts]


@pytest.mark.parametrize(("comparisons", "quantile"), [(1, T_2), (2, T_2_BONFERRONI)])
def test_the_interval_is_students_of_paired_logarithms(comparisons: int, quantile: float) -> None:
    """Logarithms of the ratios 0.1, 0.2, 0.3: mean 0.2, standard deviation 0.1."""
    leader = costs(1.0, 5.0, 2.0)
    other = costs(math.exp(0.1), 5.0 * math.exp(0.2), 2.0 * math.exp(0.3))
    ratio = compare_costs(other, leader, comparisons)
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


def test_comparisons_are_pairs_of_finalists_at_looks_after_three_seeds_and_more() -> None:
    assert [count_comparisons(*race) for race in ((2, 3), (2, 5), (4, 5), (1, 5), (4, 2))] == [1, 3, 18, 0, 0]


@final
class EqualCosts:
    """Learns candidates that cost the same but for chance: their epochs to the target are log-normal about 100."""

    def __init__(self, spread: float, random: Random) -> None:
        self._spread, self._random = spread, random
        self._needed: dict[tuple[int, int], float] = {}

    def learn(self, trials: Sequence[Trial]) -> list[CandidateRun | None]:
        return [self._learn(trial) for trial in trials]

    def _learn(self, trial: Trial) -> CandidateRun:
        needed = self._needed.setdefault(
            (trial.candidate.number, trial.seed), 100.0 * math.exp(self._random.gauss(0.0, self._spread))
        )
        last = min(needed, trial.epochs)
        scores = ((last - 0.1, 1.01 * TARGET * needed / last), (last, TARGET * needed / last))
        reached = needed if needed <= trial.epochs else None
        return CandidateRun(trial.epochs, last, scores, reached, reached and reached / 900.0, reached, 0, "", "")


@pytest.mark.parametrize(("finalists", "seeds"), [(2, 5), (4, 5)])
def test_at_most_a_twentieth_of_races_find_a_difference_between_equals(finalists: int, seeds: int) -> None:
    """The test allows three standard deviations of 200 races. Undivided intervals find one in 10 to 26 %."""
    random, races, wrong = Random(finalists + seeds), 200, 0
    candidates = [make_candidate(number, 1.0) for number in range(finalists)]
    for _ in range(races):
        search = Search(candidates, EqualCosts(0.2, random), target=TARGET, most=1000.0, seed=0, seeds=seeds)
        search.run()
        stages = search.stages.values()
        assert SearchStage.FINALIST in stages
        wrong += SearchStage.BEATEN in stages or any(len(search.racing[aim]) < len(search.finalists[aim]) for aim in Aim)
    assert wrong <= races * 0.05 + 3.0 * math.sqrt(races * 0.05 * 0.95)
