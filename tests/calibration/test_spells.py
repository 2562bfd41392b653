"""Slow spells are found again in the simulator's own logs, and those that come to several learners at once."""

from __future__ import annotations

import numpy as np
import pytest

from simasgd.calibration.compute import ComputeFit, fit_compute
from simasgd.calibration.laws.families import FAMILIES
from simasgd.calibration.laws.sample_time import SampleTime
from simasgd.calibration.laws.series import Series
from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.calibration.spells.errors import estimate_errors
from simasgd.calibration.spells.groups import is_by_chance
from simasgd.calibration.spells.likelihood import Loss, Sequences, Spells
from simasgd.calibration.spells.markov import search_spells
from simasgd.calibration.spells.replicas import simulate_times
from tests.build import AT_LENGTH
from tests.calibration.simulated import simulate_log

GAMMA = FAMILIES[0]
UNKNOWN = SampleTime(Estimate(0.0, 0.0), Estimate(0.0, 0.0), (), (), ())
SPELLS = "stragglers: {slowdown: 4, mean_normal: 5 s, mean_slow: 1500 ms"


def is_near(estimate: Estimate, value: float, errors: float = 3.0) -> bool:
    return abs(estimate.value - value) <= errors * estimate.error


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_from_either_state_the_probabilities_of_all_times_add_up_to_1(family: object) -> None:
    spells = Spells(0.1, 0.3 if family.has_cv else 1.0, 3.0, 0.4, 0.2)
    times = np.concatenate([np.linspace(1e-4, 3, 30_000)[:-1], np.linspace(3, 12, 3000)])
    with np.errstate(all="ignore"):
        nn, ns, sn, ss = Loss(family, Sequences.of([times], [np.zeros(len(times) - 1)])).compute_entries(spells)
    for stay, leave in ((nn, ns), (ss, sn)):
        assert np.trapezoid((stay + leave)[0], times) == pytest.approx(1.0, abs=0.01)


def test_a_slow_learners_spells_are_as_long_as_others() -> None:
    times = np.random.default_rng(3).gamma(10.0, 0.1, 40)
    x = np.log([1.0, 0.3, 2.0, 6.0, 2.5])
    gaps = [np.full(39, 0.2)]
    for scale in (0.25, 3.0):
        alone = Loss(GAMMA, Sequences.of([times / scale], gaps).over(np.array([1.0])))
        at_speed_1 = Loss(GAMMA, Sequences.of([times], gaps).over(np.array([scale])))
        slower = x + np.log([scale, 1.0, 1.0, 1.0, 1.0])
        # The same times and process; only the unit of the law differs, so densities differ by scale each.
        assert Loss(GAMMA, Sequences.of([times], gaps))(slower) == pytest.approx(at_speed_1(x) + 40 * np.log(scale), rel=1e-3)
        assert alone(x) != pytest.approx(at_speed_1(x), rel=1e-3), "spells that shrink with the times are another process"


def test_many_scales_are_interpolated() -> None:
    rng = np.random.default_rng(4)
    scales = np.geomspace(0.5, 4.0, 40)
    times = [scale * rng.gamma(10.0, 0.1, 6) for scale in scales]
    gaps = [np.zeros(5)] * 40
    x = np.log([1.0, 0.3, 2.0, 6.0, 2.5])
    each = [
        Loss(GAMMA, Sequences.of([one], gaps[:1]).over(np.array([scale])))(x) for one, scale in zip(times, scales, strict=True)
    ]
    assert Loss(GAMMA, Sequences.of(times, gaps).over(scales))(x) == pytest.approx(sum(each), abs=0.1)


@pytest.mark.parametrize("count", [500, 3])
def test_a_standard_error_is_the_curvatures_where_there_are_many_spells_and_more_where_there_are_few(count: int) -> None:
    spells = Spells(1.0, 0.2, 4.0, 8.0, 6.0)
    fake = Series(("a",), (np.ones(14 * count),), (np.arange(14.0 * count),), UNKNOWN, None, ())
    (times,) = simulate_times(fake, GAMMA, spells, np.ones(1), 1, np.random.default_rng(1))
    loss = Loss(GAMMA, Sequences.of([times], [np.zeros(len(times) - 1)]))
    found = search_spells(GAMMA, Sequences.of([times], [np.zeros(len(times) - 1)]), spells)
    assert found is not None
    x = np.log([found.spells.mean, found.spells.cv, found.spells.slowdown - 1, found.spells.normal, found.spells.slow])
    error = estimate_errors(loss, x)[2]
    step = np.array([0.0, 0.0, 5e-3, 0.0, 0.0])
    given_the_rest = 5e-3 / np.sqrt(loss(x - step) - 2 * loss(x) + loss(x + step))
    assert error == pytest.approx(given_the_rest, rel=0.25 if count > 100 else 5.0)
    assert error > 0.9 * given_the_rest


def test_few_spells_at_once_are_chance_and_many_are_not() -> None:
    first = np.arange(0.0, 100.0, 10.0)
    # One beginning of the other lies by chance near one of ten with probability 2 · 0.5 · 10 ÷ 100 = 0.1.
    assert is_by_chance([first, first[:2]], 0.5, 100.0, 2)  # 0.1² = 0.01
    assert not is_by_chance([first, first[:4] + 0.4], 0.5, 100.0, 2)  # 1e-4
    assert is_by_chance([first, first[:4] + 0.6], 0.5, 100.0, 2)
    assert is_by_chance([first, first[:4]], 0.5, 100.0, 10)  # 1e-4 for each of 45 pairs
    assert not is_by_chance([first] * 3, 0.5, 100.0, 10)


def test_what_a_process_shows_by_chance_is_not_taken_for_more() -> None:
    fit = fit_compute(
        simulate_log("{per_sample: 10 ms, distribution: pareto, cv: 0.3}", f", {SPELLS}}}", gradients=1500, seed=11)
    )
    (kind,) = fit.kinds
    assert (fit.law, kind.slow_law, kind.slowdowns) == ("pareto", None, None)
    assert is_near(kind.slowdown, 4.0)


def test_spells_among_times_that_vary_much_are_found() -> None:
    fit = fit_compute(simulate_log("{per_sample: 10 ms, distribution: exponential}", f", {SPELLS}}}", gradients=1500, seed=13))
    (kind,) = fit.kinds
    assert fit.law == "exponential"
    assert is_near(kind.slow, 1.5)


@pytest.mark.parametrize(
    ("law", "speeds"),
    [pytest.param("gamma, cv: 0.3", "", marks=AT_LENGTH), ("lognormal, cv: 0.3", ", speeds: [1, 0.5, 2, 0.5]")],
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
    assert kind.normal.value == pytest.approx(5.0, rel=0.4)
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
    fit = fit_compute(simulate_log("{per_sample: 10 ms, distribution: gamma, cv: 0.1}", f", {laws}}}", gradients=2000))
    assert any(kind.slowdowns is not None for kind in fit.kinds) or len(fit.kinds) > 1


def test_independent_times_have_no_spells() -> None:
    for seed in range(3):
        fit = fit_compute(simulate_log("{per_sample: 10 ms, distribution: exponential}", gradients=1000, seed=seed))
        assert fit.kinds == ()
