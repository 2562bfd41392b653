"""Slow spells are found again in the simulator's own logs, and those that come to several learners at once."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.calibration.compute import ComputeFit, fit_compute
from simasgd.calibration.laws.estimates import Estimate
from simasgd.calibration.laws.families import FAMILIES
from simasgd.calibration.spells.likelihood import Loss, Sequences, Spells
from tests.calibration.simulated import simulate_log

SPELLS = "stragglers: {slowdown: 4, mean_normal: 5 s, mean_slow: 1500 ms"


def is_near(estimate: Estimate, value: float, errors: float = 3.0) -> bool:
    return abs(estimate.value - value) <= errors * estimate.error


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_from_either_state_the_probabilities_of_all_times_add_up_to_1(family: object) -> None:
    spells = Spells(0.1, 0.3 if family.has_cv else 1.0, 3.0, 0.4, 0.2)
    times = np.concatenate([np.linspace(1e-4, 3, 30_000)[:-1], np.linspace(3, 12, 3000)])
    with np.errstate(all="ignore"):
        nn, ns, sn, ss = Loss(family, Sequences((times,), (np.zeros(len(times) - 1),))).compute_entries(spells)
    for stay, leave in ((nn, ns), (ss, sn)):
        assert np.trapezoid((stay + leave)[0], times) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("law", "speeds"),
    [("gamma, cv: 0.3", ""), ("lognormal, cv: 0.3", ", speeds: [1, 0.5, 2, 0.5]")],
    ids=["equal", "unequal"],
)
def test_law_speeds_and_spells_are_found_together(law: str, speeds: str) -> None:
    fit = fit_compute(simulate_log(f"{{per_sample: 10 ms, distribution: {law}}}", f"{speeds}, {SPELLS}}}", gradients=1200))
    (kind,) = fit.kinds
    assert (fit.law, kind.members, kind.together) == (law.partition(",")[0], None, False)
    assert is_near(fit.cv, 0.3)
    assert is_near(kind.slowdown, 4.0)
    assert is_near(kind.normal, 5.0)
    assert is_near(kind.slow, 1.5)
    if speeds:
        assert fit.speeds is not None
        assert all(map(is_near, map(Estimate, fit.speeds.each, fit.speeds.errors), np.array([1, 0.5, 2, 0.5])))
        assert is_near(fit.mean, 0.08)
    else:
        assert fit.speeds is None
        assert is_near(fit.mean, 0.08)


def test_constant_times_with_spells_are_constant() -> None:
    fit = fit_compute(simulate_log("{per_sample: 10 ms}", f", {SPELLS}}}"))
    (kind,) = fit.kinds
    assert (fit.law, fit.cv.value, fit.distance) == ("constant", 0.0, 0.0)
    assert fit.mean.value == pytest.approx(0.08)
    assert kind.slowdown.value == pytest.approx(4.0, rel=1e-5)
    assert is_near(kind.normal, 5.0)
    assert is_near(kind.slow, 1.5)


def common(hits: str) -> ComputeFit:
    return fit_compute(
        simulate_log("{per_sample: 10 ms, distribution: gamma, cv: 0.2}", f", {SPELLS}, {hits}}}", gradients=4000)
    )


def test_spells_of_all_learners_at_once_are_found() -> None:
    (kind,) = common("hits: all").kinds
    assert (kind.members, kind.together) == (None, True)
    assert is_near(kind.normal, 5.0)
    assert is_near(kind.slow, 1.5)
    assert kind.slowdown.value == pytest.approx(4.0, rel=0.15)


def test_a_group_of_learners_is_found() -> None:
    (kind,) = common("hits: all, members: [1, 3]").kinds
    assert (kind.members, kind.together) == ((1, 3), True)


def test_learners_with_spells_of_their_own_are_found() -> None:
    (kind,) = common("members: [2]").kinds
    assert (kind.members, kind.together) == ((2,), False)


def test_slowdowns_that_vary_have_a_law() -> None:
    laws = "stragglers: {slowdown: {mean: 6, distribution: lognormal, cv: 0.8}, mean_normal: 3 s, mean_slow: 3 s"
    fit = fit_compute(simulate_log("{per_sample: 10 ms, distribution: gamma, cv: 0.1}", f", {laws}}}", gradients=3000))
    assert any(kind.slowdowns is not None for kind in fit.kinds) or len(fit.kinds) > 1


def test_independent_times_have_no_spells() -> None:
    for seed in range(3):
        fit = fit_compute(simulate_log("{per_sample: 10 ms, distribution: exponential}", gradients=1000, seed=seed))
        assert fit.kinds == ()
