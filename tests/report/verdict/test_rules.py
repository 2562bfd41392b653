"""The rules of a verdict at their limits: which differences count, what rests on one seed, who is judged with whom."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simasgd.report.facts.formats import use_plain_spaces
from simasgd.report.facts.learning_facts import Trend
from simasgd.report.facts.metric import ERROR, LOSS, Metric
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import compute_least_difference, compute_score_tolerance
from simasgd.report.headings import name_study
from simasgd.report.verdict.reasons import word_outcome
from simasgd.report.verdict.winner import find_winner
from simasgd.results.outcome import Outcome
from simasgd.results.study import Study
from tests.build import TIMING as CLOCK
from tests.build import scenario
from tests.report.contenders import compared, contender
from tests.report.verdict.by_hand import DIVERGED, HUNG, TIMING, facts, learns, loss, said, spread

NOTHING: dict[str, Any] = {"error": None, "seconds": None, "staleness": None, "outcomes": (Outcome.APPLIED_NOTHING,)}
TWO: dict[str, Any] = {"seeds": (0, 1)}


@pytest.mark.parametrize(
    ("least", "tests", "difference"),
    [
        (0.20, None, 0.015),  # 1.5 points
        (0.02, None, 0.005),  # a quarter
        (0.20, 10_000, 0.015),  # two standard errors are 1.1 points, less than a quarter
        (0.02, 1000, 0.0125220),  # 2 √(2 · 0.02 · 0.98 / 1000)
        (0.02, 360, 0.015),  # two standard errors are 2.1 points, cut to 1.5
        (0.0, 1000, 0.0035),  # three samples, and half of one
        (0.05, 100, 0.035),
    ],
)
def test_the_least_difference_of_errors_with_one_seed(least: float, tests: int | None, difference: float) -> None:
    found = compute_least_difference(spread(least), spread(least + 0.01), ERROR, tests)
    assert found == pytest.approx(difference, rel=1e-4)


@pytest.mark.parametrize(
    ("metric", "least", "widths", "tests", "difference"),
    [
        # The deviation of three seeds at equal distances is half of their range: 2 √((0.005² + 0.005²) / 3).
        (ERROR, 0.05, (0.010, 0.010), None, 0.0081650),
        (ERROR, 0.05, (0.010, 0.010), 10_000, 0.0081650),
        (ERROR, 0.05, (0.0, 0.0), 2000, 0.0079582),  # 2 √(2 · 0.05 · 0.95 / 2000 / 3): the test set's chance
        (ERROR, 0.05, (0.0, 0.0), 10_000, 0.005),  # a tenth, and half a point
        (ERROR, 0.20, (0.0, 0.0), None, 0.005),  # half a point
        (ERROR, 0.02, (0.0, 0.0), None, 0.002),  # a tenth
        (ERROR, 0.02, (0.0, 0.0), 10_000, 0.0022862),  # 2 √(2 · 0.02 · 0.98 / 10000 / 3)
        (ERROR, 0.02, (0.1, 0.0), 10_000, 0.005),  # a quarter
        (ERROR, 0.20, (0.0, 0.1), 10_000, 0.015),  # 1.5 points
        (ERROR, 0.0, (0.0, 0.0), 1000, 0.0015),  # one sample, and half of one
        (LOSS, 2.0, (0.0, 0.0), None, 0.04),  # a fiftieth
        (LOSS, 2.0, (0.1, 0.0), None, 0.0577350),  # 2 · 0.05 / √3
        (LOSS, 2.0, (0.9, 0.0), None, 0.2),  # a tenth
    ],
)
def test_the_least_difference_with_several_seeds(
    metric: Metric, least: float, widths: tuple[float, float], tests: int | None, difference: float
) -> None:
    first, second = (spread(value, width, 3) for value, width in zip((least, least * 1.1), widths, strict=True))
    assert compute_least_difference(first, second, metric, tests) == pytest.approx(difference, rel=1e-4)
    chance = 2.0 * math.sqrt(sum((width / 2) ** 2 for width in widths) / 3)
    assert compute_score_tolerance(first, second, metric, tests) == pytest.approx(max(difference, chance), rel=1e-4)


def test_ranges_that_do_not_meet_are_not_alike() -> None:
    """4.7 % (4.2 – 5.3) and 3.5 % (3.1 – 3.9) differ by 1.2 points; a quarter is 0.9 points, chance explains 0.8."""
    better, other = Spread.of([0.031, 0.035, 0.039]), Spread.of([0.042, 0.046, 0.053])
    assert better is not None
    assert other is not None
    assert compute_least_difference(other, better, ERROR, 10_000) == pytest.approx(0.0079162, rel=1e-4)
    assert compute_least_difference(other, better, ERROR, 360) == pytest.approx(0.035 / 4)
    seeds: dict[str, Any] = {"seeds": (0, 1, 2), "outcomes": (Outcome.FINISHED,) * 3}
    text = said(facts("hardsync", test_error=better, **seeds), facts("async", test_error=other, seconds=7.5, **seeds))
    assert text == (
        "hardsync is best: 3.5 % test error in 10 s; no other variant learns as well. "
        "async is 1.33× as fast as hardsync but worse: 4.7 % against 3.5 %."
    )


def test_a_difference_within_chance_that_is_large_is_neither_no_worse_nor_clear() -> None:
    """Seeds of 1, 3 and 5 %: 5 % is within twice the standard error (2.3 points), but more than a quarter worse."""
    best, other = facts("hardsync", width=0.04, seeds=(0, 1, 2)), facts("async", error=0.05, seconds=7.5, seeds=(0, 1, 2))
    assert said(best, other) == (
        "hardsync is best: 3.0 % test error in 10 s; async is not clearly worse. "
        "async is 1.33× as fast as hardsync and not clearly worse: 5.0 % against 3.0 % (1.00 % – 5.0 % over the seeds)."
    )


def test_two_and_a_half_times_the_error_of_a_large_test_set_is_worse() -> None:
    best = facts("hardsync", error=0.009, seconds=2.0, test_samples=10_000)
    other = facts("async", error=0.023, seconds=1.9, test_samples=10_000)
    assert said(best, other) == (
        "hardsync is best: 0.90 % test error in 2 s; no other variant learns as well. "
        "async is 1.05× as fast as hardsync but worse: 2.3 % against 0.90 %."
    )


def test_five_of_360_samples_are_no_difference() -> None:
    found = find_winner(
        [
            facts("hardsync", error=13 / 360, seconds=84.6),
            facts("all-reduce", error=13 / 360, seconds=52.6, protocol="all-reduce", staleness=spread(0.0)),
            facts("backups", error=8 / 360, seconds=97.0, staleness=spread(0.0)),
        ]
    )
    assert (found.names, found.than) == (("all-reduce",), "hardsync")


@pytest.mark.parametrize(("seeds", "seconds", "note"), [((0,), 9.5, True), ((0, 1), 9.5, False), ((0,), 8.0, False)])
def test_close_times_at_one_seed_say_so(seeds: tuple[int, ...], seconds: float, note: bool) -> None:
    learned = said(facts("hardsync", seeds=seeds), facts("async", seconds=seconds, seeds=seeds))
    assert ("as fast as hardsync (one seed); " in learned) == note
    timed = said(facts("hardsync", seeds=seeds, **TIMING), facts("async", seconds=seconds, seeds=seeds, **TIMING))
    assert ("as many as hardsync (one seed), at" in timed) == note


@pytest.mark.parametrize(("error", "note"), [(0.055, " (one seed)"), (0.07, "")])
def test_close_scores_at_one_seed_say_so(error: float, note: str) -> None:
    scores = f"{100 * error:.1f} % against 3.0 %"
    assert said(facts("hardsync"), facts("async", error=error, seconds=7.5)) == (
        f"hardsync is best: 3.0 % test error in 10 s; no other variant learns as well{note}. "
        f"async is 1.33× as fast as hardsync but worse: {scores}{note}."
    )


def test_each_metric_has_a_verdict_of_its_own() -> None:
    failing = [facts(name, error=0.9, learning=None) for name in ("c1", "c2")]
    regressions = [loss("r1", 0.01, seconds=5.0), loss("r2", 0.01, seconds=10.0)]
    text = said(*failing, *regressions)
    assert text.startswith(
        "By test error: no variant learns. "
        "By test loss: r1 is best by time: 2.00× as fast as r2; their test losses tie (0.01 against 0.01)."
    )
    tied = said(facts("a"), facts("b"), *regressions)
    assert tied.startswith("By test error: a and b tie: they take equally long, and none has a worse test error than another.")
    assert said(*failing, loss("r1", 5.0, learning=None), loss("r2", 5.0, learning=None)).startswith("No variant learns. c1")


def test_all_is_said_of_all_variants_only() -> None:
    clock = facts("clock", **TIMING)
    assert said(facts("a"), facts("b"), clock).startswith("a and b tie: they take equally long")
    assert said(facts("a"), facts("b")).startswith("All tie: they take equally long")


def test_without_staleness_no_staleness_is_blamed() -> None:
    """A modulation that learns does not make staleness 0 the reason."""
    aware = facts("aware", rule="α₀/τ")
    failing = facts("hardsync", error=0.9, learning=learns(0.1, Trend.NO_LOWER))
    text = said(aware, failing)
    assert "×" not in text
    assert text.endswith("hardsync (90.0 %) fails to learn: likely the learning rate is too high even without staleness (0.1).")


def test_variants_that_fail_for_the_same_reason_share_a_sentence() -> None:
    failing = [facts(name, error=0.9, learning=learns(setup=name)) for name in ("c1", "c2")]
    assert said(facts("hardsync"), *failing).endswith(
        "c1 (90.0 %) and c2 (90.0 %) have not learned yet: the test loss still falls, so likely more epochs are needed."
    )


def test_seeds_that_apply_nothing_are_counted() -> None:
    half = facts("a", outcomes=(Outcome.FINISHED, Outcome.APPLIED_NOTHING), **TWO)
    assert said(facts("hardsync"), half, facts("b", **NOTHING)).endswith(
        "a (1 of 2 seeds) and b apply no gradient before the stop."
    )
    assert "At 1 of 2 seeds it applies no gradient before the stop." in said(half)
    assert "fails" not in said(half)
    timed = facts("a", outcomes=(Outcome.APPLIED_NOTHING, Outcome.FINISHED), **TWO, **TIMING)
    assert said(timed).startswith("a applies 4,000 samples per simulated second with 30 learners. At 1 of 2 seeds it applies")


def test_every_kind_of_failed_seed_is_told() -> None:
    both: dict[str, Any] = {**HUNG, "staleness": spread(28.8), "outcomes": (Outcome.HUNG, Outcome.FAILS), **TWO}
    hung = facts("async", error=0.9, **both)
    assert said(hung).startswith(
        "async hangs (1 of 2 seeds) after its last update at 1.07 s: all wait for learner 3. async has not learned yet at 1"
    )
    text = said(facts("hardsync"), hung)
    assert "async hangs (1 of 2 seeds)" in text
    assert "async (90.0 %, 1 of 2 seeds) fails to learn" in text
    mixed: dict[str, Any] = {"diverged": DIVERGED, "outcomes": (Outcome.DIVERGED, Outcome.FAILS), **TWO}
    assert "diverged at update 1,234 (1 of 2 seeds), and fails to learn at 1 of 2 seeds." in said(
        facts("async", error=0.9, **mixed)
    )


@pytest.mark.parametrize(("given", "heading"), [(True, "a and b tie: time to 5.0 % test error"), (False, "a and b tie")])
def test_the_heading_names_a_target_only_if_it_was_given(given: bool, heading: str) -> None:
    """A default target decides nothing, so a heading that names it would contradict the verdict."""
    comparison = compared(contender("a", [0.03], [9.0], [8.0]), contender("b", [0.03], [9.0], [7.0]), given=given)
    found = name_study(Study(scenario(CLOCK), {}), [facts("a"), facts("b")], [comparison])
    assert use_plain_spaces(found) == heading


def test_a_slow_variant_has_not_learned_yet() -> None:
    """Its outcome is the same in JSON; what staleness explains keeps the outcome's own words."""
    slow = facts("hardsync", error=0.9, learning=learns(0.05, Trend.FALLS), staleness=spread(0.0))
    stuck = facts("async", error=0.9, learning=learns(0.05, Trend.NO_LOWER))
    assert slow.failure == "fails to learn"
    assert word_outcome("fails to learn (1 of 2 seeds)", slow, [slow, stuck]) == "has not learned yet (1 of 2 seeds)"
    assert word_outcome("fails to learn", stuck, [slow, stuck]) == "fails to learn"
    assert word_outcome("finished", slow, [slow]) == "finished"
