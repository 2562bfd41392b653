"""The law of times is found again, with its parameters, from draws of the simulator's own laws."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd import exact
from simasgd.calibration.laws.families import FAMILIES
from simasgd.calibration.laws.law_fit import estimate_mean_errors, fit_laws, is_constant
from simasgd.cluster.clock.compute import law
from simasgd.scenario.cluster.times import AbstractTimes, Update
from simasgd.tape.arrays import Floats

NAMES = [family.name for family in FAMILIES]
TRIES = 40


def draw(name: str, cv: float, count: int, seed: int) -> Floats:
    """Draw factors of mean 1 as the clock draws them."""
    times: AbstractTimes = Update(distribution=name, cv=None if name == "exponential" else cv)
    factors = law(times).factors(exact.stream(seed, exact.Purpose.COMPUTE, 0))
    return np.fromiter(factors, np.float64, count)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_within_two_standard_errors_in_about_19_tries_of_20(name: str) -> None:
    means = np.array([0.2, 0.1])
    hits = {"law": 0, "mean": 0, "cv": 0}
    for seed in range(TRIES):
        factors = draw(name, 0.3, 1000, 2 * seed + 1), draw(name, 0.3, 500, 2 * seed)
        best = fit_laws([mean * factor for mean, factor in zip(means, factors, strict=True)])[0]
        errors = estimate_mean_errors(best, [len(factor) for factor in factors])
        cv = 1.0 if name == "exponential" else 0.3
        hits["law"] += best.family.name == name or (name == "exponential" and abs(best.cv.value - 1) < 2 * best.cv.error)
        hits["mean"] += bool(abs(best.means[0] - means[0]) <= 2 * errors[0])
        hits["cv"] += abs(best.cv.value - cv) <= 2 * best.cv.error
    assert min(hits.values()) >= 0.9 * TRIES, hits  # 36 of 40; benchmarks/fit_coverage.py counts more of them


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cv", [0.05, 0.5, 0.95])
def test_a_density_is_the_slope_of_its_cumulative_probabilities(name: str, cv: float) -> None:
    family = next(one for one in FAMILIES if one.name == name)
    times = family.quantiles(np.array([0.02, 0.2, 0.5, 0.8, 0.98]), 3.0, cv)
    np.testing.assert_allclose(family.cumulative(times, 3.0, cv), [0.02, 0.2, 0.5, 0.8, 0.98], rtol=1e-9)
    step = 1e-6 * times
    slope = (family.cumulative(times + step, 3.0, cv) - family.cumulative(times - step, 3.0, cv)) / (2 * step)
    np.testing.assert_allclose(np.exp(family.log_density(times, 3.0, cv)), slope, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_family_is_the_law_that_the_clock_draws_from(name: str) -> None:
    family = next(one for one in FAMILIES if one.name == name)
    factors = np.sort(draw(name, 0.4, 20_000, 3))
    cv = 0.4 if family.has_cv else 1.0
    expected = family.cumulative(factors, 1.0, cv)
    assert np.abs(expected - (np.arange(20_000) + 0.5) / 20_000).max() < 1.63 / np.sqrt(20_000)  # Kolmogorov's 1 %


def test_learners_are_told_apart_only_if_they_differ() -> None:
    alike = [draw("gamma", 0.3, 400, seed) for seed in range(6)]
    assert len(set(fit_laws(alike)[0].means.tolist())) == 1
    apart = [times * (1.0 if number else 1.2) for number, times in enumerate(alike)]
    assert len(set(fit_laws(apart)[0].means.tolist())) == 6


def test_a_distance_of_times_that_fit_no_law_is_large() -> None:
    two = np.concatenate([draw("gamma", 0.02, 500, 1), 3 * draw("gamma", 0.02, 500, 2)])
    assert fit_laws([two])[0].distance > 0.2


def test_equal_times_are_constant() -> None:
    assert is_constant([np.full(9, 0.1), np.full(9, 0.3)])
    assert not is_constant([np.array([0.1, 0.1001])])
