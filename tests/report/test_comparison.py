"""Winners by each criterion, by numbers worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from simasgd import Study
from simasgd.asking.result_keys import COMPARE
from simasgd.report.comparison.comparison import compare_variants
from simasgd.report.comparison.comparison_json import build_comparison_json, write_comparison
from simasgd.report.comparison.contenders import (
    BYTES,
    EPOCHS_TO_TARGET,
    SCORE,
    SECONDS,
    TIME_TO_TARGET,
    Reach,
    find_point,
)
from simasgd.report.comparison.ranking import count_seeds_won, find_dominators, judge, rank
from simasgd.report.facts.metric import ERROR, LOSS
from simasgd.report.facts.reach import find_level, find_reach
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import compute_amount_tolerance, compute_score_tolerance
from simasgd.report.facts.variant_facts import collect_facts
from simasgd.results.outcome import Outcome
from simasgd.targets import choose_target, round_up
from tests.report.contenders import compared, contender


def evaluations(*errors: float) -> pd.DataFrame:
    """Return one evaluation for each epoch; an epoch takes 2 s and 10 bytes."""
    rows = range(len(errors))
    return pd.DataFrame(
        {
            "epoch": [float(i) for i in rows],
            "simulated_seconds": [2.0 * i for i in rows],
            "bytes": [10.0 * i for i in rows],
            "test_error": errors,
            "test_loss": [10.0 * error for error in errors],
        }
    )


# The target


def test_a_target_is_reached_at_the_first_evaluation_at_or_below_it() -> None:
    table = evaluations(0.9, 0.5, 0.04, 0.06, 0.03)
    assert find_reach(table, ERROR, 0.05) == Reach(4.0, 2.0, 20.0), "not in between, and not the last time"
    assert find_reach(table, ERROR, 0.04) == Reach(4.0, 2.0, 20.0), "at it is enough"
    assert find_reach(table, ERROR, 0.95) == Reach(0.0, 0.0, 0.0)
    assert find_reach(table, ERROR, 0.02) is None
    assert find_reach(table, LOSS, 0.3) == Reach(8.0, 4.0, 40.0)
    assert find_reach(evaluations(math.nan, math.nan), ERROR, 0.05) is None


def test_the_level_is_what_all_seeds_get_to() -> None:
    assert find_level([evaluations(0.9, 0.03, 0.05), evaluations(0.9, 0.04)], ERROR) == 0.04
    assert find_level([evaluations(0.9, 0.03), evaluations(math.nan)], ERROR) is None
    assert find_level([], ERROR) is None


@pytest.mark.parametrize(
    ("levels", "target"), [([0.031, 0.044, 0.2], 0.05), ([0.2, 0.031], 0.2), ([0.031], 0.04), ([], None), ([0.0, 0.0], 0.0)]
)
def test_the_default_target_is_the_second_best_level_rounded_up(levels: list[float], target: float | None) -> None:
    assert choose_target(levels) == target


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(0.0333, 0.04), (0.04, 0.04), (0.0401, 0.05), (0.091, 0.1), (0.1, 0.1), (7e-9, 8e-9), (1.213, 1.5), (340.0, 400.0),
     (0.0, 0.0), (-0.3, -0.3)],
)  # fmt: skip
def test_friendly_numbers(value: float, rounded: float) -> None:
    assert round_up(value) == rounded


# Wins and ties


def test_the_least_mean_wins_and_seeds_are_compared_one_by_one() -> None:
    values = {"a": {0: 1.0, 1: 5.0}, "b": {0: 2.0, 1: 2.5}, "c": {0: 9.0, 1: 2.5}}
    found = rank(SECONDS, values, lambda one, other: 0.5)
    assert (found.best, found.tied) == ("b", ())
    assert found.means == {"a": 3.0, "b": 2.25, "c": 5.75}
    assert (found.seeds_won, found.seeds) == ({"a": 1, "b": 1, "c": 1}, 2), "at seed 1 two are equal, and both win"
    assert rank(SECONDS, values, lambda one, other: 0.75).tied == ("a",), "at the limit is a tie"


def test_seeds_that_only_one_has_are_won_by_nobody() -> None:
    assert count_seeds_won({"a": {0: 1.0, 1: 1.0}, "b": {1: 2.0, 2: 0.0}}) == ({"a": 1, "b": 0}, 1)
    assert count_seeds_won({"a": {0: 1.0}}) == ({"a": 0}, 0)


def test_what_is_no_difference() -> None:
    narrow, wide = Spread(0.03, 0.03, 0.03), Spread(0.04, 0.03, 0.06, 0.02, 2)
    assert compute_score_tolerance(narrow, narrow, ERROR, 360) == 0.015
    assert compute_score_tolerance(narrow, wide, ERROR, 360) == pytest.approx(0.04 / math.sqrt(2.0))
    assert compute_score_tolerance(narrow, narrow, LOSS, 360) == pytest.approx(0.003)
    assert compute_amount_tolerance(Spread(10.0, 10.0, 10.0), Spread(20.0, 20.0, 20.0)) == 0.2
    assert compute_amount_tolerance(Spread(10.0, 9.5, 10.0), Spread(20.0, 20.0, 20.0)) == 0.5


def test_who_failed_does_not_compete() -> None:
    good, fast = contender("good", [0.03], [10.0]), contender("fast", [0.9], [5.0], failure=Outcome.FAILS)
    assert judge(SECONDS, [good, fast], ERROR).best == "good"
    assert judge(SECONDS, [fast], ERROR).reason == "no variant learns"


def test_a_target_is_won_by_those_who_reach_it_at_every_seed() -> None:
    sure, lucky = contender("sure", [0.03, 0.03], [9, 9], [8, 8]), contender("lucky", [0.03, 0.06], [9, 9], [2, None])
    assert judge(TIME_TO_TARGET, [sure, lucky], ERROR).best == "sure"
    assert judge(EPOCHS_TO_TARGET, [sure, lucky], ERROR).means == {"sure": 4.0}
    assert judge(TIME_TO_TARGET, [lucky], ERROR).reason == "no variant reaches the target at every seed"


def test_times_of_unequal_work_are_not_compared() -> None:
    half = contender("half", [0.03], [5.0], samples=500.0)
    for key in (SECONDS, BYTES):
        assert judge(key, [contender("whole", [0.03], [9.0], samples=1000.0), half], ERROR).reason.startswith("the runs apply")
    assert judge(SCORE, [contender("whole", [0.03], [9.0], samples=1000.0), half], ERROR).best == "whole"


# The Pareto front


def test_dominated_is_who_is_no_better_and_no_sooner() -> None:
    points = {"a": (1.0, 5.0), "b": (2.0, 4.0), "c": (2.0, 5.0), "d": (3.0, 3.0), "twin": (3.0, 3.0), "e": (9.0, 9.0)}
    found = find_dominators(points, ["a", "b", "c", "d", "twin", "absent"], lambda one, other: {one, other} == {"b", "e"})
    assert found == {
        "a": (),
        "b": (),
        "c": ("a", "b"),
        "d": (),
        "twin": (),
        "e": ("a", "c", "d", "twin"),
    }


def test_who_hung_or_lost_a_seed_has_no_point() -> None:
    assert find_point(contender("a", [0.02, 0.04], [1.0, 3.0])) == (2.0, pytest.approx(0.03))
    assert find_point(contender("a", [0.02, None], [1.0, 3.0])) is None
    assert find_point(contender("a", [0.02], [1.0], failure=Outcome.HUNG)) is None


def test_the_front_leaves_out_who_fails() -> None:
    found = compared(
        contender("slow", [0.02], [10.0]),
        contender("soon", [0.05], [5.0]),
        contender("bad", [0.9], [1.0], failure=Outcome.FAILS),
    )
    assert [one.name for one in found.front] == ["soon", "slow"]


# Real studies


def test_a_study_is_compared_by_what_its_runs_say(compared: Study) -> None:
    (found,) = compare_variants(compared, collect_facts(compared))
    assert not found.given
    for one, runs in zip(found.contenders, compared.runs.values(), strict=True):
        assert [outcome.score for outcome in one.outcomes] == [run.test_error for run in runs]
        assert [outcome.bytes for outcome in one.outcomes] == [run.summary.bytes.sent for run in runs]
        for outcome, run in zip(one.outcomes, runs, strict=True):
            rows = [
                row
                for row in run.summary.evaluations
                if found.target and row.test_error is not None and row.test_error <= found.target
            ]
            first = Reach(rows[0].simulated_seconds, rows[0].epoch, rows[0].bytes) if rows else None
            assert outcome.reached == first


def test_the_page_compares(drawn: Callable[[str], str]) -> None:
    page = drawn("compared")
    for section in ('id="target"', "The best variant by each criterion", "Final test error against simulated time"):
        assert section in page
    assert 'id="target-loss"' in drawn("losses")
    for other in ("timing", "single"):
        assert 'id="target' not in drawn(other)


def test_nothing_of_a_failure_is_a_number(diverging: Study, tmp_path: Path, drawn: Callable[[str], str]) -> None:
    write_comparison(diverging, tmp_path)
    content = json.loads((tmp_path / "compare.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    (found,) = content["comparisons"]
    assert (found["target"], found["pareto_front"]) == (None, [])
    assert {row["best"] for row in found["criteria"]} == {None}
    for row in content["variants"]:
        assert (row["final"], row["failure"], row["diverged"]) == (None, "diverged", 1)
        assert (row["to_target"], row["on_pareto_front"], row["dominated_by"]) == (None, False, None)
    assert "There is no Pareto front, because no variant learns." in drawn("diverging")


def test_the_target_is_kept(compared: Study, tmp_path: Path) -> None:
    """tests/command/test_cli.py makes the page of such a study again."""
    asked = replace(compared, target=0.5)
    asked.save(tmp_path)
    write_comparison(asked, tmp_path)
    loaded = Study.load(tmp_path)
    assert loaded.target == 0.5
    content = json.loads((tmp_path / "compare.json").read_text())
    assert content == build_comparison_json(loaded)
    assert (content["comparisons"][0]["target"], content["comparisons"][0]["target_given"]) == (0.5, True)


def test_timing_is_said_without_learning(timing: Study) -> None:
    content = build_comparison_json(timing)
    assert content["comparisons"] == []
    assert {row["metric"] for row in content["variants"]} == {None}
    assert all(row["simulated_seconds"]["mean"] > 0 for row in content["variants"])


def test_every_key_of_a_comparison_has_a_meaning(compared: Study) -> None:
    named = {"means", "seeds_won"}  # by variant or criterion
    spreads = {"mean", "min", "max"}

    def keys_of(content: Any, before: str = "") -> set[str]:
        if isinstance(content, list):
            return {key for item in content for key in keys_of(item, before)}
        if not isinstance(content, dict) or set(content) == spreads:
            return set()
        found = {f"{before}{key}" for key in content}
        return found | {
            inner for key, part in content.items() if key not in named for inner in keys_of(part, f"{before}{key}.")
        }

    assert set(COMPARE) == keys_of(build_comparison_json(compared))
