"""The measures of a run: warm-up, phases, barriers and distances, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simasgd.validation.forms import PhaseTimes, QuantityPair, StalenessDistance
from simasgd.validation.measures import OTHER, find_cycles, measure
from simasgd.validation.observation import Observation
from simasgd.validation.steady import find_warm_up
from simasgd.validation.validating import total_variation
from simasgd.validation.verdict import state_verdict


def spans(*rows: tuple[int, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["learner", "activity", "start", "end"])


def test_the_warm_up_is_the_slow_rounds_at_the_start() -> None:
    lasted = np.array([9.0, 5.0, 3.0, *[1.0] * 40])
    ends = np.cumsum(np.repeat(lasted / 2, 2))  # two learners: a round is two gradients
    assert find_warm_up(ends, 2) == (17.0, 6)
    assert find_warm_up(np.arange(1.0, 41.0), 2) == (0.0, 0)
    assert find_warm_up(np.arange(1.0, 11.0), 1) == (0.0, 0), "few rounds have no warm-up"


@given(st.integers(0, 12), st.floats(1.5, 100.0), st.integers(1, 5))
def test_what_is_left_out_is_at_most_half_and_exactly_the_slow_rounds(slow: int, factor: float, learners: int) -> None:
    lasted = np.array([factor] * slow + [1.0] * 30)
    ends = np.repeat(np.cumsum(lasted), learners)
    begin, left_out = find_warm_up(ends, learners)
    assert left_out == slow * learners
    assert begin == pytest.approx(factor * slow)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=9), st.lists(st.integers(0, 50), min_size=1, max_size=9))
def test_total_variation_is_a_distance(first: list[int], second: list[int]) -> None:
    size = max(len(first), len(second))
    one, two = (np.array([*counts, *[0] * (size - len(counts))]) for counts in (first, second))
    one[0] += 1
    two[-1] += 1
    distance = total_variation(one, two)
    assert 0.0 <= distance <= 1.0
    assert distance == pytest.approx(total_variation(two, one))
    assert total_variation(one, 3 * one) == pytest.approx(0.0)
    assert total_variation(np.array([1, 0]), np.array([0, 5])) == 1.0


def test_a_cycle_lasts_from_one_computation_to_the_next() -> None:
    found = find_cycles(
        spans(
            (0, "pull", 0.0, 1.0),  # before the first computation: in no cycle
            (0, "compute", 1.0, 3.0),
            (0, "push", 3.0, 3.5),
            (0, "push", 4.0, 4.5),
            (0, "compute", 5.0, 7.0),
            (1, "compute", 0.0, 2.0),
            (1, "compute", 2.0, 6.0),
            (1, "wait", 6.0, 8.0),
        )
    )
    assert found["lasts"].tolist() == [4.0, 0.0, 2.0, 0.0]
    assert found["whole"].tolist() == [True, False, True, False]
    assert found["compute"].tolist() == [2.0, 2.0, 2.0, 4.0]
    assert found["push"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert found[OTHER].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert "pull" not in found


@pytest.mark.parametrize(("gradients", "known"), [(2, False), (19, False), (20, True), (40, True)])
def test_halves_of_a_few_gradients_are_not_compared(gradients: int, known: bool) -> None:
    rows = [(0, "compute", float(k), float(k + 1)) for k in range(gradients)]
    measured = measure(Observation(1, float(gradients), None, None, None, None, spans(*rows)), "computed", 1)
    assert (measured.rate_halves is not None) == known


def test_a_barrier_costs_the_slowest_learner_of_each_round() -> None:
    rows = [(learner, "compute", 10.0 * k, 10.0 * k + seconds) for learner, seconds in ((0, 1.0), (1, 3.0)) for k in range(4)]
    found = Observation(2, 40.0, None, None, None, None, spans(*rows))
    measured = measure(found, "computed", 1)
    assert measured.barrier == pytest.approx(3.0 / 2.0)
    assert measured.barrier_halves == 0.0
    assert measured.whole_rate == pytest.approx(8 / 40)
    assert measure(found, "computed", 2).barrier == pytest.approx(6.0 / 4.0)
    lonely = Observation(2, 40.0, None, None, None, None, spans(*rows[:4], rows[4]))
    assert measure(lonely, "computed", 1).barrier is None, "one learner computes four times as often: there are no rounds"


STARTED_APART = [(0, "compute", 10.0 * k, 10.0 * k + 1) for k in range(9)] + [
    (1, "compute", 10.0 * k + k, 10.0 * k + k + 1) for k in range(9)
]


@pytest.mark.parametrize(
    ("learners", "updates", "rows", "reason"),
    [
        (1, None, STARTED_APART[:9], "there is one learner"),
        (2, None, None, "it is not known what learners do"),
        (2, None, STARTED_APART[:12], "learners do not compute equally often"),
        (2, None, STARTED_APART, "learners do not begin to compute at the same times"),
        (2, ([1, 2], [0, 1], [0, 1]), STARTED_APART, "gradients are stale, so learners do not wait for each other"),
        (2, ([1, 2], [0, 0], [0, 1]), STARTED_APART, "updates do not have a gradient of every learner"),
        (2, ([1, 1], [0, 0], [0, 1]), STARTED_APART, ""),
    ],
)
def test_why_there_are_no_rounds_is_known(
    learners: int, updates: tuple[list[int], ...] | None, rows: list[tuple[int, str, float, float]] | None, reason: str
) -> None:
    step, staleness, appliers = (None, None, None) if updates is None else map(np.array, updates)
    done_at = np.array([50.0, 100.0])
    found = Observation(learners, 100.0, done_at, step, staleness, appliers, None if rows is None else spans(*rows))
    assert measure(found, "applied", 1).no_barrier == reason


def pair(measured: float, simulated: float, halves: float | None = 0.01) -> QuantityPair:
    return QuantityPair(measured=measured, simulated=simulated, error=simulated / measured - 1.0, halves=halves)


def times(mean: float, share: float) -> PhaseTimes:
    return PhaseTimes(mean=mean, p50=mean, p95=mean, share=share)


def distance(total: float, halves: float) -> StalenessDistance:
    return StalenessDistance(
        measured=(1,), simulated=(1,), measured_mean=5.0, simulated_mean=4.5, total_variation=total, halves=halves
    )


@pytest.mark.parametrize(
    ("rate", "sentence"),
    [
        (pair(100.0, 103.0), "The simulation is 3.0 % too fast; the two halves of the measured run differ by 1.0 %."),
        (
            pair(100.0, 80.0, 0.3),
            "The simulation is 20.0 % too slow, which is within the difference of the measured run's two halves.",
        ),
        (pair(100.0, 98.5, None), "The simulation is 1.5 % too slow."),
        (
            pair(100.0, 100.2),
            "The simulation is as fast as the measured system: applied gradients per second differ by 0.2 %; "
            "the two halves of the measured run differ by 1.0 %.",
        ),
        (QuantityPair(measured=None, simulated=1.0, error=None, halves=None), "There is no rate to compare."),
    ],
)
def test_the_verdict_states_the_error_of_the_rate(rate: QuantityPair, sentence: str) -> None:
    assert state_verdict(rate, "applied", (), None, None) == sentence


def test_the_verdict_states_staleness_and_barriers() -> None:
    said = state_verdict(pair(1.0, 1.0), "applied", (), distance(0.02, 0.05), pair(1.2, 1.26))
    assert "Staleness has the mean 4.5, measured 5. Its distribution agrees within the difference of the measured" in said
    assert "(total variation distance 0.02, of the halves 0.05)" in said
    assert "barriers is 5.0 % too high: the slowest learner computes 1.26 times as long as the mean, measured 1.2." in said
    worse = state_verdict(pair(1.0, 1.0), "applied", (), distance(0.2, 0.05), pair(1.2, 1.205))
    assert "Its distribution differs by more than the two halves of the measured run do" in worse
    assert "The cost of barriers agrees within the difference of the measured run's two halves" in worse
