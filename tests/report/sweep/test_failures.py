"""The settings of a sweep that did not learn, by hand: which they are, where on the axes, and why."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from simasgd.report.facts.learned_result import LearnedResult, find_limit, judge
from simasgd.report.sweep.blocks import explain_rules
from simasgd.report.sweep.facts.best_setting import find_answers
from simasgd.report.sweep.facts.dials import find_dials
from simasgd.report.sweep.facts.patterns import find_patterns
from simasgd.report.sweep.facts.sweep_facts import SweepFacts
from simasgd.report.sweep.naming import name_settings
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.results.outcome import Outcome
from simasgd.sweeps.axes import Axis
from simasgd.sweeps.table import Sweep
from simasgd.sweeps.targets import Target
from tests.build import LEARNING, TIMING, scenario
from tests.report.sweep.tables import LEARNERS, RATE, point, sweep

DONE, FAILS = Outcome.FINISHED, Outcome.FAILS


@pytest.mark.parametrize(
    ("runs", "classes", "limit", "failing"),
    [
        # Half of the way from 4 % to guessing (90 %) is 47 %.
        ([(DONE, 0.04, 100), (DONE, 0.469, 100), (DONE, 0.471, 100)], 10, 0.47, {2}),
        # 80 % of guessing is 72 %, and half of the way from 60 % is 75 %.
        ([(DONE, 0.6, 100), (DONE, 0.71, 100)], 10, 0.72, set()),
        # A run that applied fewer samples may need more time; what failed by itself stays so, and sets no limit.
        ([(DONE, 0.04, 100), (DONE, 0.6, 89), (DONE, 0.6, 90), (FAILS, 0.01, 100)], 10, 0.47, {2, 3}),
        ([(DONE, None, 100), (DONE, 0.6, 100)], None, None, set()),
        ([(FAILS, 0.8, 100)], 10, None, {0}),
    ],
)
def test_a_run_that_stays_nearer_to_guessing_than_to_the_best_did_not_learn(
    runs: list[tuple[Outcome, float | None, float]], classes: int | None, limit: float | None, failing: set[int]
) -> None:
    learned = [LearnedResult(*run) for run in runs]
    assert find_limit(learned, classes) == (None if limit is None else pytest.approx(limit))
    assert {i for i, outcome in enumerate(judge(learned, classes)) if outcome is FAILS} == failing


def grid(is_lost: Callable[[float, float, str], bool], without: int = 0) -> tuple[pd.DataFrame, Sweep]:
    """Return the settings over three axes, with those that are lost, less the last ones."""
    axes = (
        Axis(RATE, ("0.01", "0.1", "0.2"), (0.01, 0.1, 0.2)),
        Axis(LEARNERS, ("4", "8", "16", "32"), (4, 8, 16, 32)),
        Axis("protocol", ("async", "hardsync", "ssp")),
    )
    rows = [dict(zip((RATE, LEARNERS, "protocol"), found, strict=True)) for found in product(*(axis.values for axis in axes))]
    lost = [is_lost(float(row[RATE]), float(row[LEARNERS]), row["protocol"]) for row in rows]
    table = pd.DataFrame(rows).assign(lost=lost, variant="")
    return table.iloc[: len(table) - without], Sweep(scenario(TIMING), axes, table, "")


@pytest.mark.parametrize(
    ("is_lost", "patterns", "left"),
    [
        (lambda rate, _learners, _protocol: rate >= 0.1, ["24 of 24: learning rate 0.1 or more"], 0),
        (
            lambda rate, learners, _protocol: rate >= 0.1 and learners >= 16,
            ["12 of 12: learning rate 0.1 or more and 16 learners or more"],
            0,
        ),
        (
            lambda rate, _learners, protocol: rate == 0.2 and protocol != "ssp",
            ["8 of 8: learning rate 0.2 and any protocol but ssp"],
            0,
        ),
        # One of 12 learns after all: an exception, and no third condition.
        (
            lambda rate, learners, protocol: protocol == "async" and (rate, learners) != (0.01, 4.0),
            ["11 of 12: async"],
            0,
        ),
        # Two of 12 are too many exceptions for one pattern.
        (
            lambda rate, learners, protocol: protocol == "async" and (rate, learners) not in ((0.01, 4.0), (0.01, 8.0)),
            ["8 of 8: learning rate 0.1 or more and async", "6 of 6: 16 learners or more and async"],
            0,
        ),
        (lambda rate, learners, protocol: (rate, learners, protocol) == (0.1, 8.0, "ssp"), [], 1),
        (lambda _rate, _learners, _protocol: True, [], 36),
    ],
)  # fmt: skip
def test_the_simplest_description_of_the_failures(
    is_lost: Callable[[float, float, str], bool], patterns: list[str], left: int
) -> None:
    table, swept = grid(is_lost)
    found, rest = find_patterns(table, table["lost"].to_numpy(dtype=bool), find_dials(swept, table))
    assert [f"{one.found} of {one.total}: {one.words}" for one in found] == patterns
    assert int(rest.sum()) == left


def test_every_pattern_counts_what_it_describes() -> None:
    """Whatever fails: a pattern's counts are right, nine of ten there fail, and with the rest all failures are covered."""
    random = np.random.default_rng(0)
    for share in (0.1, 0.3, 0.6, 0.9):
        for _ in range(10):
            table, swept = grid(lambda *_: bool(random.random() < share))  # noqa: B023
            lost = table["lost"].to_numpy(dtype=bool)
            found, rest = find_patterns(table, lost, find_dials(swept, table))
            covered = np.zeros_like(lost)
            for pattern in found:
                meets = np.all([table[one.dial.key].isin(one.values) for one in pattern.conditions], axis=0)
                assert (pattern.found, pattern.total) == (int((meets & lost).sum()), int(meets.sum()))
                assert pattern.found >= 0.9 * pattern.total
                covered |= meets
            assert (rest == lost & ~covered).all()


def learned(errors: dict[tuple[str, str], float]) -> SweepFacts:
    """Return a sweep over rates and learners on digits; the mean staleness is λ − 1."""
    rows = [
        ((rate, count), point(test_error=error, seconds=8.0 / int(count), mean_staleness=int(count) - 1.0, count=int(count)))
        for (rate, count), error in errors.items()
    ]
    chosen = scenario(LEARNING, {"learning": {"data": "digits", "modulation": "none"}})
    return SweepFacts.of(replace(sweep([RATE, LEARNERS], rows), scenario=chosen))


def test_rate_times_staleness_is_blamed_where_it_parts_those_that_learn() -> None:
    """0.1 × 7 and 0.2 × 3 and 0.2 × 7 fail; 65.8 % is no learning beside 4 %."""
    errors = {
        (rate, count): 0.658 if float(rate) * (int(count) - 1) > 0.5 else 0.04 for rate in ("0.1", "0.2") for count in "248"
    }
    facts = learned(errors)
    verdict = SweepVerdict.of(facts)
    assert len(facts.sound) == 3
    assert verdict.reasons[-3:-1] == [
        "Three settings of 6 did not learn (test error 65.8\u00a0%): all 2 with 8 learners; learning rate 0.2, 4 learners.",
        "Likely learning rate × mean staleness is too high there: from 0.6 on, all 3 settings failed to learn; up to 0.3, all "
        "3 learned. No setting lies between.",
    ]
    ending = facts.sweep.scenario.model_copy(update={"stop": facts.sweep.scenario.stop.model_copy(update={"epochs": 5.0})})
    ended = SweepVerdict.of(SweepFacts.of(replace(facts.sweep, scenario=ending)))
    assert ended.reasons[-3].startswith("Three settings of 6 did not learn in 5\u00a0epochs (test error 65.8")
    rules = " ".join(explain_rules(facts)).replace("\u00a0", " ")
    assert "if its test error is 47.0 % or more: the middle between the best, 4.0 %, and guessing, 90.0 %." in rules
    assert "the lowest is 4.0 %, and up to 5.5 % counts as equal. One seed and 360 test samples cannot tell" in rules
    assert "Likely rate" not in SweepVerdict.of(learned({key: 0.658 if key[0] == "0.2" else 0.04 for key in errors})).text


def test_the_target_is_said_beside_the_setting_to_use() -> None:
    """Of those that reach 5 %, the soonest takes more learner-hours than another: 8 × 2 s and 2 × 4 s."""
    rows = [
        ((count,), point(test_error=0.04, seconds=seconds, seconds_to_target=reach, count=int(count)))
        for count, seconds, reach in (("2", 8.0, 4.0), ("4", 8.0, math.nan), ("8", 8.0, 2.0))
    ]
    facts = SweepFacts.of(replace(sweep([LEARNERS], rows), target=Target("test_error", 0.05, given=True)))
    (found,) = find_answers(facts)
    assert found.cheapest is not None
    assert (found.best[LEARNERS], found.cheapest[LEARNERS]) == ("8", "2")
    verdict = SweepVerdict.of(facts)
    assert verdict.reasons[2] == "The cheapest to the target is 2 learners: 8 learner-seconds instead of 16 learner-seconds."
    assert [(one.row[LEARNERS], one.title) for one in name_settings(verdict)] == [
        ("8", "use this, lowest error"), ("2", "cheapest to the target"),
    ]  # fmt: skip
