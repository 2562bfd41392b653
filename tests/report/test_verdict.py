"""The sentences follow from the numbers: other numbers, other sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from simasgd.report.facts.formats import (
    NBSP,
    format_duration,
    format_factor,
    format_percent,
    format_share,
    join_words,
    spell_count,
)
from simasgd.report.facts.part_facts import DivergenceFact, ResourceFact
from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.reference_comparison import judge_quality
from simasgd.report.sections.verdict import state_verdict
from simasgd.results.outcome import Outcome, fails

TIMES = {"compute": 0.9, "push": 0.01, "wait": 0.08, "pull": 0.01, "idle": 0.0}


def spread(value: float, width: float = 0.0) -> Spread:
    return Spread(value, value - width / 2, value + width / 2)


def facts(name: str, *, error: float | None = 0.03, width: float = 0.0, seconds: float = 10.0, **changes: Any) -> VariantFacts:
    values: dict[str, Any] = {
        "protocol": "hardsync" if name == "hardsync" else "async",
        "learners": 30,
        "seeds": (0,),
        "classes": 10,
        "test_error": None if error is None else spread(error, width),
        "simulated_seconds": spread(seconds),
        "rate": spread(10_000 / seconds),
        "epochs": 30.0,
        "samples": 40_000,
        "staleness": spread(0.0 if name == "hardsync" else 28.8),
        "law": 0.0 if name == "hardsync" else 29.0,
        "learner_time": TIMES,
        "resources": (ResourceFact("server", 0.1, 0.0), ResourceFact("server NIC", 0.41, 0.2)),
    }
    first_loss = changes.pop("first_loss", None)
    values |= changes
    return VariantFacts(name=name, **({"outcomes": outcomes(values, first_loss)} | values))


def outcomes(values: dict[str, Any], first_loss: float | None) -> tuple[Outcome, ...]:
    """Return the outcomes of seeds that all have the mean score."""
    if values.get("hangs"):
        return (Outcome.HUNG,) * len(values["seeds"])
    if values.get("diverged"):
        return (Outcome.DIVERGED,) * len(values["seeds"])
    score, classes = values["test_error"] or values.get("test_loss"), values["classes"]
    failing = classes is not None and fails(None if score is None else score.mean, classes, first_loss)
    return (Outcome.FAILS if failing else Outcome.FINISHED,) * len(values["seeds"])


def said(*variants: VariantFacts) -> str:
    return state_verdict(variants).replace(NBSP, " ")


DIVERGED = (DivergenceFact(seed=0, update=1234, epoch=0.5),)


HARDSYNC = "hardsync is best: 3.0 % test error in 10 s; no other variant learns as well. "
AT_LOSS = "hardsync is best: a test loss of 0.01 in 10 s; no other variant learns as well. "


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (
            facts("async", error=0.906, seconds=7.5),
            HARDSYNC + "async is 1.33× faster than hardsync but fails to learn: 90.6 % test error against 3.0 %.",
        ),
        (
            facts("aware", error=0.032, seconds=7.5, rule="α₀/τ"),
            "aware (α₀/τ) is best: 1.33× faster than hardsync at no worse test error, 3.2 % against 3.0 %.",
        ),
        (
            facts("async", error=0.10, seconds=7.5),
            HARDSYNC + "async is 1.33× faster than hardsync but 7.0 points worse: 10.0 % test error against 3.0 %.",
        ),
        (
            facts("async", error=0.01, seconds=7.5),
            "async is best: 1.0 % test error in 7.5 s; no other variant learns as well. "
            "async is 1.33× faster than hardsync and 2.0 points better: 1.0 % test error against 3.0 %.",
        ),
        (
            facts("async", error=0.10, width=0.08, seconds=7.5),
            "hardsync is best: 3.0 % test error in 10 s; async is not clearly worse. "
            "async is 1.33× faster than hardsync and not clearly worse: 10.0 % test error against 3.0 %, "
            "a difference within the range over the seeds.",
        ),
        (
            facts("async", error=0.10, seconds=20.0),
            HARDSYNC + "async takes 2.00× as long as hardsync and is 7.0 points worse: 10.0 % test error against 3.0 %.",
        ),
        (
            facts("async", error=0.03, seconds=20.0),
            "hardsync is best: 2.00× faster than async at no worse test error, 3.0 % against 3.0 %.",
        ),
        (
            facts("async", error=0.10, seconds=10.1),
            HARDSYNC + "async takes as long as hardsync but is 7.0 points worse: 10.0 % test error against 3.0 %.",
        ),
        (
            facts("async", error=None, seconds=7.5, diverged=DIVERGED),
            HARDSYNC + "async is 1.33× faster than hardsync but fails to learn: diverged at update 1,234 against 3.0 %.",
        ),
        (
            facts("async", error=0.03, seconds=10.0, samples=80_000),
            "No variant is best: all take equally long, and none has a worse test error than another. "
            "async applies 2.00× the samples per second of hardsync and is no worse: "
            "3.0 % test error against 3.0 %, within 0.0 points.",
        ),
    ],
)  # fmt: skip
def test_a_variant_is_compared_with_hardsync(other: VariantFacts, sentence: str) -> None:
    assert said(facts("hardsync"), other) == sentence
    assert said(other, facts("hardsync")) == sentence


def loss(name: str, value: float | None, **changes: Any) -> VariantFacts:
    """Return the facts of a regression with an initial loss of 2."""
    values: dict[str, Any] = {"error": None, "classes": 0, "first_loss": 2.0, "seconds": 7.5 if name == "async" else 10.0}
    return facts(name, test_loss=None if value is None else spread(value, changes.pop("width", 0.0)), **(values | changes))


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (
            loss("async", 0.025),
            AT_LOSS + "async is 1.33× faster than hardsync but 2.50× worse: a test loss of 0.025 against 0.01.",
        ),
        (
            loss("async", 0.004),
            "async is best: a test loss of 0.004 in 7.5 s; no other variant learns as well. "
            "async is 1.33× faster than hardsync and 2.50× better: a test loss of 0.004 against 0.01.",
        ),
        (
            loss("async", 0.0),
            "async is best: a test loss of 0 in 7.5 s; no other variant learns as well. "
            "async is 1.33× faster than hardsync and better: a test loss of 0 against 0.01.",
        ),
        (loss("async", 0.0109), "async is best: 1.33× faster than hardsync at no worse test loss, 0.0109 against 0.01."),
        (
            loss("async", 0.0112, width=0.002),
            "hardsync is best: a test loss of 0.01 in 10 s; async is not clearly worse. "
            "async is 1.33× faster than hardsync and not clearly worse: a test loss of 0.0112 against 0.01, "
            "a difference within the range over the seeds.",
        ),
        (
            loss("async", 1.7),
            AT_LOSS + "async is 1.33× faster than hardsync but fails to learn: a test loss of 1.7 against 0.01.",
        ),
        (
            loss("async", None),
            AT_LOSS + "async is 1.33× faster than hardsync but fails to learn: an infinite test loss against 0.01.",
        ),
        (
            loss("async", None, diverged=DIVERGED),
            AT_LOSS + "async is 1.33× faster than hardsync but fails to learn: diverged at update 1,234 against 0.01.",
        ),
        (
            facts("async", error=0.05, seconds=7.5),
            "async is 1.33× faster than hardsync and judged by another metric: 5.0 % test error.",
        ),
    ],
)
def test_losses_are_compared_by_their_ratio(other: VariantFacts, sentence: str) -> None:
    assert said(loss("hardsync", 0.01), other) == sentence


def test_losses_of_nothing_are_alike_and_a_start_at_the_minimum_is_no_failure() -> None:
    assert judge_quality(loss("async", 0.0), loss("hardsync", 0.0)) == "same"
    assert judge_quality(loss("async", 0.1, first_loss=None), loss("hardsync", 0.1, first_loss=None)) == "same"


def test_a_single_run_states_its_loss() -> None:
    text = said(loss("async", 0.05, width=0.02, seeds=(0, 1, 2)))
    assert "async reaches a test loss of 0.05 (0.04 – 0.06 over three seeds) after 30 epochs in 7.5 s" in text
    assert "async fails to learn: an infinite test loss after 30 epochs" in said(loss("async", None))


def test_a_reference_that_fails_is_said_to() -> None:
    base = facts("hardsync", error=0.9)
    assert "learns where hardsync fails: 3.0 % test error against 90.0 %" in said(base, facts("async", seconds=5.0))
    assert "fails to learn, too: 88.0 % test error against 90.0 %" in said(base, facts("async", error=0.88))


@pytest.mark.parametrize(
    ("error", "classes", "fails"), [(0.73, 10, True), (0.71, 10, False), (0.71, 2, True), (0.39, 2, False)]
)
def test_failing_is_measured_against_guessing(error: float, classes: int, fails: bool) -> None:
    assert facts("async", error=error, classes=classes).fails is fails


def test_worse_needs_more_than_the_seeds() -> None:
    base = facts("hardsync", error=0.03)
    assert judge_quality(facts("async", error=0.046), base) == "worse"
    assert judge_quality(facts("async", error=0.044), base) == "same"
    assert judge_quality(facts("async", error=0.046, width=0.02), base) == "same"
    assert judge_quality(facts("async", error=0.046), facts("hardsync", error=0.03, width=0.02)) == "same"


def test_the_reference_is_hardsync_else_the_least_stale_else_the_first() -> None:
    stale, fresh = facts("a", staleness=spread(9.0)), facts("b", staleness=spread(2.0))
    assert choose_reference([stale, fresh, facts("hardsync")]).name == "hardsync"
    assert choose_reference([stale, fresh]).name == "b"
    nothing = [replace(stale, staleness=None), replace(fresh, staleness=None)]
    assert choose_reference(nothing).name == "a"


def test_many_variants_are_summed_up() -> None:
    others = [facts(f"v{i}", error=0.02 + 0.1 * i, seconds=10.0 - i) for i in range(6)]
    text = said(facts("hardsync"), *others)
    assert "v5 is 2.00× faster than hardsync but 49.0 points worse" in text
    assert "v0 takes as long as hardsync and is no worse" in text
    assert "v3 " not in text
    assert "Of the 6 variants compared with hardsync, 5 are worse and 1 is no worse." in text


def test_a_single_run_states_its_main_facts() -> None:
    text = said(facts("async", error=0.05, width=0.02, seeds=(0, 1, 2)))
    assert "async reaches 5.0 % test error (4.0 % – 6.0 % over three seeds) after 30 epochs in 10 s of simulated time." in text
    assert "The mean staleness is 28.8; with free communication and no waiting it would be 29." in text
    assert (
        "Learners compute 90 % of the time and wait 8.0 %; the busiest resource is the server NIC, busy 41 % of the time."
        in text
    )


def test_a_single_run_may_diverge_or_do_nothing() -> None:
    assert "async diverged at update 1,234; its 30 epochs take 10 s" in said(facts("async", error=None, diverged=DIVERGED))
    two = facts("async", error=0.1, diverged=DIVERGED, seeds=(0, 1))
    assert "diverged at update 1,234 (1 of 2 seeds)" in said(two)
    nothing = facts("async", staleness=None, simulated_seconds=None)
    assert said(nothing) == "async applied no gradient: the run ends before the first update."


def test_a_resource_above_90_per_cent_is_the_bottleneck() -> None:
    full = (ResourceFact("server", 0.1, 0.0), ResourceFact("server NIC", 0.97, 8.0))
    assert "the server NIC is the bottleneck, busy 97 % of the time" in said(facts("async", resources=full))
    assert "bottleneck" not in said(facts("async", resources=(ResourceFact("server", 0.89, 0.0),)))


def test_timing_only_compares_throughput() -> None:
    changes: dict[str, Any] = {"error": None, "classes": None}
    base = facts("hardsync", **changes)
    text = said(base, facts("async", seconds=8.0, **changes), facts("aware", seconds=8.0, **changes))
    assert (
        "async and aware apply gradients 1.25× faster than hardsync: 1,250 gradients per simulated second against 1,000" in text
    )
    assert (
        "at a mean staleness of 28.8 against 0. Under hardsync, the busiest resource is the server NIC, busy 41 % of the time."
        in text
    )
    assert "test error" not in text
    assert "async applies gradients 2.00× slower than hardsync" in said(base, facts("async", seconds=20.0, **changes))
    assert "async applies gradients as fast as hardsync" in said(base, facts("async", **changes))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format_duration(0.0), "0 s"),
        (format_duration(3e-6), "3 µs"),
        (format_duration(0.918), "918 ms"),
        (format_duration(5.466), "5.47 s"),
        (format_duration(300.0), "5 min"),
        (format_duration(22_392.0), "6.22 h"),
        (format_percent(0.0), "0.0 %"),
        (format_percent(0.0044), "0.44 %"),
        (format_percent(0.9083), "90.8 %"),
        (format_share(0.0049), "0.5 %"),
        (format_share(0.406), "41 %"),
        (format_share(1.0), "100 %"),
        (format_share(0.9997), "> 99.9 %"),
        (format_share(0.0003), "< 0.1 %"),
        (format_factor(1.332), "1.33×"),
        (format_factor(41.7), "41.7×"),
        (join_words(["a"]), "a"),
        (join_words(["a", "b", "c"]), "a, b and c"),
        (spell_count(1, "seed"), "one seed"),
        (spell_count(1400, "seed"), "1,400 seeds"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert text.replace(NBSP, " ") == expected
