"""The sentences follow from the numbers: other numbers, other sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from simasgd.report.facts.learning_facts import GoalFact, Trend
from simasgd.report.facts.part_facts import ResourceFact, WhatIfFact
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.results.outcome import Outcome
from tests.report.verdict.by_hand import DIVERGED, HUNG, TIMES, TIMING, facts, learns, loss, said, spread

STALE = "likely rate × staleness is too high (0.05 × 28.8 = 1.44; hardsync learns at 0)."
MORE = "9.8 s longer than all-reduce (53 % of 20 s against 8.0 % of 10 s)"
ALONE = "Only hardsync learns: 3.0 % test error in 10 s."
CLOCK: dict[str, Any] = {"test_error": None, "classes": None, "learning": None}
AT_LOSS = "hardsync is best: a test loss of 0.01 in 10 s; no other variant learns as well."


@pytest.mark.parametrize(
    ("other", "sentences"),
    [
        (facts("async", error=0.906, seconds=7.5), f"{ALONE} async (90.6 %) fails to learn: {STALE}"),
        (
            facts("async", error=None, seconds=7.5, diverged=DIVERGED),
            f"{ALONE} async (diverged at update 1,234) fails to learn: {STALE}",
        ),
        (
            facts("aware", error=0.032, seconds=7.5, rule="α₀/τ"),
            "aware (α₀/τ) is best by time: 1.33× as fast as hardsync; their test errors tie (3.2 % against 3.0 %).",
        ),
        (
            facts("async", error=0.10, seconds=7.5),
            "hardsync is best: 3.0 % test error in 10 s; no other variant learns as well. "
            "async is 1.33× as fast as hardsync but worse: 10.0 % against 3.0 %.",
        ),
        (
            facts("async", error=0.01, seconds=7.5),
            "async is best: 1.0 % test error in 7.5 s; no other variant learns as well (one seed).",
        ),
        (
            facts("async", error=0.07, width=0.08, seconds=7.5, seeds=(0, 1)),
            "hardsync is best: 3.0 % test error in 10 s; async is not clearly worse. "
            "async is 1.33× as fast as hardsync and not clearly worse: 7.0 % (3.0 % – 11.0 % over the seeds) against 3.0 %.",
        ),
        (
            facts("async", error=0.10, seconds=20.0),
            "hardsync is best: 3.0 % test error in 10 s; no other variant learns as well.",
        ),
        (
            facts("async", error=0.03, seconds=20.0),
            "hardsync is best by time: 2.00× as fast as async; their test errors tie (3.0 % against 3.0 %).",
        ),
        (
            facts("async", error=0.03, samples=80_000),
            "All tie: they take equally long, and none has a worse test error than another.",
        ),
    ],
)
def test_two_variants_in_either_order(other: VariantFacts, sentences: str) -> None:
    assert said(facts("hardsync"), other) == sentences
    assert said(other, facts("hardsync")) == sentences


@pytest.mark.parametrize(
    ("other", "sentences"),
    [
        (loss("async", 0.025), f"{AT_LOSS} async is 1.33× as fast as hardsync but worse: 0.025 against 0.01."),
        (loss("async", 0.004), "async is best: a test loss of 0.004 in 7.5 s; no other variant learns as well."),
        (
            loss("async", 0.0109),
            "async is best by time: 1.33× as fast as hardsync; their test losses tie (0.0109 against 0.01).",
        ),
        (
            loss("async", 1.7, learning=learns(trend=Trend.REBOUNDS, setup="another")),
            "Only hardsync learns: a test loss of 0.01 in 10 s. async (1.7) fails to learn: "
            "likely the learning rate is too high for this staleness (0.05 × 28.8 = 1.44).",
        ),
        (
            loss("async", None, learning=learns(trend=Trend.NO_LOWER)),
            f"Only hardsync learns: a test loss of 0.01 in 10 s. async (infinite test loss) fails to learn: {STALE}",
        ),
        (
            facts("async", error=0.05, seconds=7.5),
            "async reaches 5.0 % test error in 7.5 s; others have another metric. "
            "hardsync reaches a test loss of 0.01 in 10 s; others have another metric.",
        ),
        (
            facts("clock", **TIMING, seconds=5.0),
            "hardsync reaches a test loss of 0.01 in 10 s. Without learning: clock in 5 s.",
        ),
    ],
)
def test_losses_and_other_metrics(other: VariantFacts, sentences: str) -> None:
    assert said(loss("hardsync", 0.01), other) == sentences


def test_six_variants_take_a_paragraph() -> None:
    text = said(
        facts("hardsync", seconds=84.6, learner_time={**TIMES, "compute": 0.5, "wait": 0.48}),
        facts("async", error=0.908, seconds=46.6),
        facts("all-reduce", protocol="all-reduce", staleness=spread(0.0), seconds=52.6),
        facts("backups", error=0.022, seconds=97.0, staleness=spread(0.0)),
        facts("inverse", error=0.128, seconds=46.6, rule="α₀/τ"),
        facts("ssp", error=0.889, seconds=59.6, staleness=spread(2.47)),
    )
    assert text == (
        "all-reduce is best: 1.61× as fast as hardsync; their test errors tie (3.0 % against 3.0 %). "
        "inverse (α₀/τ) is 1.13× as fast as all-reduce but worse: 12.8 % against 3.0 %. "
        "async (90.8 %) and ssp (88.9 %) fail to learn: likely rate × staleness is too high "
        "(0.05 × 28.8 = 1.44 and 0.05 × 2.47 = 0.124; hardsync learns at 0). "
        "inverse learns at a staleness of 28.8, likely because α₀/τ lowers its rate. "
        "hardsync waits 36.4 s longer than all-reduce (48 % of 84.6 s against 8.0 % of 52.6 s)."
    )


def test_a_number_said_of_several_holds_for_all() -> None:
    """Each of few has its own, and of many the least and the greatest are said."""
    base, times = facts("hardsync", seconds=20.0), (10.0, 10.05, 10.1, 10.15)
    every = [facts(f"v{i}", seconds=at, error=0.03 + 0.001 * i) for i, at in enumerate(times)]
    text = said(base, *every)
    assert text.startswith("v0, v1, v2 and v3 tie as best by time: 1.97× to 2.00× as fast as hardsync; ")
    assert "3.0 % to 3.3 % against 3.0 %" in text
    clocks = [replace(one, **{**CLOCK, "samples_rate": one.samples_rate}) for one in (base, *every)]
    assert said(*clocks).startswith(
        "v0, v1, v2 and v3 tie as fastest: 3,941 to 4,000 samples per simulated second, 1.97× to 2.00× as many as hardsync"
    )


def test_what_a_variant_is_stands_beside_a_name_that_does_not_say_it() -> None:
    best = facts("backups", seconds=5.0, setting="backup-workers, 3 backups", rule="α₀/τ")
    assert said(facts("hardsync"), best).startswith("backups (backup-workers, 3 backups, α₀/τ) is best by time: 2.00× as fast")


def test_a_tie_is_a_tie() -> None:
    text = said(facts("hardsync", seconds=20.0), facts("a"), facts("b", seconds=10.1, error=0.04))
    assert (
        text == "a and b tie as best by time: 1.98× to 2.00× as fast as hardsync; "
        "their test errors tie (3.0 % and 4.0 % against 3.0 %)."
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "likely rate × staleness is too high (0.05 × 28.8 = 1.44; hardsync learns at 0)"),
        ({"learning": learns(setup="another")}, "the test loss still falls, so likely more epochs are needed"),
        (
            {"learning": learns(setup="another", trend=Trend.NO_LOWER)},
            "likely the learning rate is too high for this staleness",
        ),
        ({"staleness": spread(0.0), "learning": learns(0.8, Trend.NO_LOWER)}, "too high even without staleness (0.8)"),
        (
            {"rule": "α₀/τ", "learning": learns(0.8, Trend.NO_LOWER)},
            "likely the learning rate is too high even with α₀/τ (0.8)",
        ),
        ({"learning": None}, "fails to learn."),
    ],
)
def test_the_reason_is_what_the_facts_tell(changes: dict[str, Any], reason: str) -> None:
    assert reason in said(facts("hardsync"), facts("async", error=0.9, **changes))


def test_staleness_is_no_reason_where_a_variant_as_stale_learns() -> None:
    text = said(facts("hardsync"), facts("as-stale", staleness=spread(40.0)), facts("async", error=0.9))
    assert "rate × staleness" not in text
    assert "async (90.0 %) has not learned yet: the test loss still falls" in text


def test_no_variant_may_learn_or_finish() -> None:
    text = said(facts("hardsync", error=0.9, learning=learns(0.8, Trend.NO_LOWER)), facts("async", error=0.88))
    assert text.startswith("No variant learns. hardsync (90.0 %) fails to learn: likely the learning rate is too high even")
    assert said(facts("a", error=None, **HUNG), facts("b", error=None, **HUNG)) == (
        "No variant finishes. a and b hang, the first after its last update at 1.07 s: all wait for learner 3."
    )


def test_who_hangs_or_does_nothing_comes_after_the_winner() -> None:
    nothing = facts("idle", error=None, seconds=None, staleness=None, outcomes=(Outcome.APPLIED_NOTHING,))
    assert said(facts("hardsync", error=None, **HUNG), facts("async"), nothing) == (
        "Only async learns: 3.0 % test error in 10 s. hardsync hangs after its last update at 1.07 s: all wait for learner 3. "
        "idle applies no gradient before the stop."
    )


def test_failures_of_some_seeds_are_counted() -> None:
    seeds: dict[str, Any] = {"seeds": (0, 1, 2), "outcomes": (Outcome.FINISHED, Outcome.FAILS, Outcome.FINISHED)}
    assert "async (33.0 %, 1 of 3 seeds) fails to learn" in said(facts("hardsync"), facts("async", error=0.33, **seeds))
    assert "async hangs (1 of 3 seeds) after its last update at 1.07 s" in said(
        facts("hardsync"), facts("async", **(HUNG | {"seeds": (0, 1, 2), "seconds": 9.0}))
    )


def test_a_given_target_is_answered() -> None:
    def reaches(name: str, at: float | None, **changes: Any) -> VariantFacts:
        goal = GoalFact(0.05, 0 if at is None else 1, None if at is None else spread(at))
        return facts(name, goal=goal, **changes)

    fast, slow = reaches("async", 3.0, seconds=12.0), reaches("hardsync", 3.6)
    first = "async is best: it reaches 5.0 % test error after 3 s, 1.20× as fast as hardsync (3.6 s)."
    assert said(slow, fast) == said(fast, slow) == first, "though hardsync ends sooner, at the same error"
    near = reaches("hardsync", 3.2)
    assert said(fast, near).endswith("1.07× as fast as hardsync (3.2 s) (one seed).")
    tied = reaches("hardsync", 3.01)
    assert said(fast, tied) == (
        "All tie: they reach 5.0 % test error after 3 s and 3.01 s. "
        "Over the whole run, async is dominated by hardsync: 3.0 % in 12 s against 3.0 % in 10 s."
    )
    assert said(fast, tied, reaches("b", None)).startswith(
        "async and hardsync tie as best: they reach 5.0 % test error after 3 s and 3.01 s; no other variant reaches it."
    )
    assert said(slow, reaches("async", None)) == "Only hardsync reaches 5.0 % test error, after 3.6 s."
    missed = said(reaches("hardsync", None), reaches("async", None, seconds=7.5))
    assert missed == (
        "No variant reaches 5.0 % test error. async is best by time: 1.33× as fast as hardsync; "
        "their test errors tie (3.0 % against 3.0 %)."
    )
    failing = reaches("async", 1.0, error=0.9)
    assert said(slow, failing).startswith("Only hardsync reaches 5.0 % test error, after 3.6 s."), "it failed in the end"


def test_the_time_lost_beside_a_target_is_that_of_the_whole_run() -> None:
    goals = {name: GoalFact(0.05, 1, spread(at)) for name, at in (("hardsync", 9.0), ("async", 3.0))}
    slow = facts("hardsync", seconds=20.0, goal=goals["hardsync"], learner_time={**TIMES, "compute": 0.45, "wait": 0.53})
    assert said(slow, facts("async", goal=goals["async"])) == (
        "async is best: it reaches 5.0 % test error after 3 s, 3.00× as fast as hardsync (9 s). "
        "Over the whole run: hardsync waits 9.8 s longer than async (53 % of 20 s against 8.0 % of 10 s)."
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"learner_time": {**TIMES, "compute": 0.45, "wait": 0.53}}, f" hardsync waits {MORE}."),
        (
            {"learner_time": {**TIMES, "compute": 0.45, "push": 0.46}},
            " Messages take 9.2 s longer under hardsync than under all-reduce.",
        ),
        (
            {
                "learner_time": {**TIMES, "compute": 0.45, "wait": 0.53},
                "what_if": (WhatIfFact("network", 2, 1.5, 100), WhatIfFact("node", 2, 1.9, 100)),
            },
            f" hardsync waits {MORE}; a network twice as fast would make it 1.50× as fast.",
        ),
        (
            {
                "learner_time": {**TIMES, "compute": 0.45, "wait": 0.53},
                "resources": (ResourceFact("server, link in", 0.97, 8.0),),
            },
            f" hardsync waits {MORE}; the link into the server is the bottleneck, busy 97 % of the time.",
        ),
        (
            {"learner_time": {**TIMES, "compute": 0.45, "wait": 0.53}, "least_wait": 0.02, "slowest": 2.0},
            f" hardsync waits {MORE}, most of it for its slowest learner, which computes 2.00× as long as the fastest.",
        ),
        (
            {"learner_time": {**TIMES, "compute": 0.4, "push": 0.29, "wait": 0.29}},
            " hardsync waits 5 s longer than all-reduce, and its messages take 5.8 s longer.",
        ),
        ({"learner_time": TIMES}, ""),
    ],
)
def test_the_time_lost_is_named_where_it_is_plain(changes: dict[str, Any], sentence: str) -> None:
    both = facts("hardsync", seconds=20.0, **changes), facts("all-reduce", protocol="async", staleness=spread(0.0))
    winner = "all-reduce is best by time: 2.00× as fast as hardsync; their test errors tie (3.0 % against 3.0 %)."
    assert said(*both) == winner + sentence


def test_timing_only_names_the_fastest() -> None:
    base = facts("hardsync", **TIMING)
    two = facts("async", seconds=8.0, **TIMING), facts("aware", seconds=8.0, **TIMING)
    assert said(base, *two) == (
        "async and aware tie as fastest: 5,000 samples per simulated second, 1.25× as many as hardsync, "
        "at a mean staleness of 28.8 against 0."
    )
    assert said(base, facts("async", **TIMING)) == "All tie: they apply 4,000 samples per simulated second."
    hung = facts("hardsync", **TIMING, **HUNG)
    assert said(hung, two[0]) == (
        "Only async finishes: 5,000 samples per simulated second. "
        "hardsync hangs after its last update at 1.07 s: all wait for learner 3."
    )
    assert said(hung, hung).startswith("No variant finishes. hardsync and hardsync hang")
