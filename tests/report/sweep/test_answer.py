"""The verdict on a sweep, by hand: which setting to use, why, what failed, and what each axis does."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pytest

from simasgd.report.sweep.blocks import describe_axes
from simasgd.report.sweep.facts.best_setting import BestSetting, find_answers, find_equal_limits
from simasgd.report.sweep.facts.front import find_front
from simasgd.report.sweep.facts.sweep_facts import SettingRow, SweepFacts, list_rows
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.report.terminal.sweep import conclude_sweep
from simasgd.results.outcome import Outcome
from simasgd.sweeps.targets import Target
from tests.build import LEARNING, scenario
from tests.report.sweep.tables import LATENCY, LEARNERS, MIXED, RATE, point, sweep


def answer(sweep_facts: SweepFacts) -> BestSetting:
    (found,) = find_answers(sweep_facts)
    return found


def learned(rows: dict[str, list[tuple[float, float]]]) -> SweepFacts:
    """Return a sweep over learners: for each number of them (error, seconds) at each seed."""
    found = [
        ((count,), point(test_error=error, seconds=seconds, seed=seed, count=int(count)))
        for count, seeds in rows.items()
        for seed, (error, seconds) in enumerate(seeds)
    ]
    return SweepFacts.of(sweep([LEARNERS], found))


def at(row: SettingRow | None) -> str | None:
    return None if row is None else str(row[LEARNERS])


@pytest.mark.parametrize(
    ("rows", "lowest", "best", "alike", "front", "compromise"),
    [
        # 1.5 points count at least: 4.9 % is as good as 4 %, and sooner.
        ({"2": [(0.04, 9.0)], "4": [(0.049, 6.0)], "8": [(0.06, 5.0)]}, "2", "4", {"2", "4"}, "842", "4"),
        # Error × time: 36, 29.4 and 29.3 %·s; then 8 learners are 0.1 s later.
        ({"2": [(0.04, 9.0)], "4": [(0.049, 6.0)], "8": [(0.0978, 3.0)]}, "2", "4", {"2", "4"}, "842", "8"),
        ({"2": [(0.04, 9.0)], "4": [(0.049, 6.0)], "8": [(0.0978, 3.1)]}, "2", "4", {"2", "4"}, "842", "4"),
        # 1.5 points more always count, however far the seeds of the lowest are apart.
        ({"2": [(0.01, 9.0), (0.07, 9.0)], "4": [(0.09, 6.0), (0.09, 6.0)]}, "2", "2", {"2"}, "42", "2"),
        # Three do: 4.7 % is within twice the standard error of 4 % (0.8 points), 4.9 % is not.
        ({"2": [(0.035, 9.0), (0.04, 9.0), (0.045, 9.0)], "4": [(0.047 + shift, 6.0) for shift in (-0.005, 0.0, 0.005)],
          "8": [(0.049 + shift, 3.0) for shift in (-0.005, 0.0, 0.005)]}, "2", "4", {"2", "4"}, "842", "8"),
        # A range of another does not make it as good: 4 … 56 % is never recommended.
        ({"2": [(0.04, 9.0), (0.041, 9.0)], "4": [(0.039, 6.0), (0.56, 6.0)]}, "2", "2", {"2"}, "42", "2"),
        # Equal errors and times: fewer learner-hours.
        ({"2": [(0.04, 5.0)], "4": [(0.04, 5.0)], "8": [(0.04, 5.05)]}, "2", "2", {"2", "4", "8"}, "", None),
    ],
)  # fmt: skip
def test_the_rule(
    rows: dict[str, list[tuple[float, float]]], lowest: str, best: str, alike: set[str], front: str, compromise: str | None
) -> None:
    facts = learned(rows)
    found = answer(facts)
    limits = find_equal_limits(found, facts)
    assert limits is not None
    errors = {row[LEARNERS]: row["test_error"] for row in list_rows(facts.settings)}
    assert {count for count, error in errors.items() if error <= limits[0]} <= alike, "equal at any spread"
    assert {count for count, error in errors.items() if error <= limits[1]} >= alike, "worse at any spread"
    assert limits[0] == limits[1] or facts.repetitions > 1
    assert (at(found.lowest), at(found.best), {at(row) for row in found.alike}) == (lowest, best, alike)
    assert ("".join(row[LEARNERS] for row in found.front), at(found.compromise)) == (front, compromise)


def test_a_given_target_decides_as_in_a_comparison() -> None:
    """The first to reach it at every seed is best, though another has the lowest error."""
    reaches = {"2": (0.01, 4.0), "4": (0.04, 3.0), "8": (0.02, math.nan)}
    rows = [
        ((count,), point(test_error=error, seconds=9.0, seconds_to_target=reach, count=int(count)))
        for count, (error, reach) in reaches.items()
    ]
    for given in (False, True):
        facts = SweepFacts.of(replace(sweep([LEARNERS], rows), target=Target("test_error", 0.05, given=given)))
        found = answer(facts)
        assert (at(found.best), at(found.lowest), found.at_target) == (("4" if given else "2"), "2", given)
        text = SweepVerdict.of(facts).text
        said = "Use 4 learners: 5.0 % test error is reached after 3 s of simulated time. The next is 1.33× as slow (2 learners)"
        assert text.startswith(f"{said}; one other setting does not reach it at every seed.") is given
    missed = SweepFacts.of(replace(sweep([LEARNERS], rows[2:]), target=Target("test_error", 0.01, given=True)))
    assert not answer(missed).at_target
    assert "No setting reaches a test error of 1.0 % at every seed, so the lowest counts." in SweepVerdict.of(missed).text


def test_a_small_test_set_makes_more_settings_as_good() -> None:
    """1.2 points are more than a quarter of 4 %, and less than two standard errors of 360 samples (2.1 points)."""
    facts = learned({"2": [(0.04, 9.0)], "4": [(0.052, 6.0)]})
    assert at(answer(facts).best) == "2", "nothing is known of the test set"
    digits = replace(facts.sweep, scenario=scenario(LEARNING, {"learning": {"data": "digits"}}))
    assert SweepFacts.of(digits).test_samples == 360
    assert at(answer(SweepFacts.of(digits)).best) == "4"


def test_equals_are_named() -> None:
    rows = [((rate,), point(test_error=0.04, seconds=5.0)) for rate in ("0.1", "0.2")]
    verdict = SweepVerdict.of(SweepFacts.of(sweep([RATE], rows)))
    assert verdict.headline == "Use learning rate 0.1: 4.0\u00a0% test error after 5\u00a0s of simulated time."
    assert "Learning rate 0.2 is as good, as soon and as cheap." in verdict.reasons


def test_what_failed_at_one_seed_is_never_best() -> None:
    rows = [
        (("2",), point(test_error=0.05, seconds=9.0)),
        (("4",), point(test_error=0.01, seconds=1.0)),
        (("4",), point(Outcome.FAILS, test_error=0.9, test_loss=7.0, seconds=1.0, seed=1)),
        (("8",), point(Outcome.HUNG, seconds=float("nan"), reason="after its last update at 1 s: nobody moves")),
    ]
    facts = SweepFacts.of(sweep([LEARNERS], rows))
    verdict = SweepVerdict.of(facts)
    assert verdict.headline.startswith("Use 2 learners: 5.0")
    assert "One setting of 3 hung (8 learners): after its last update at 1 s: nobody moves." in verdict.reasons
    assert "One setting of 3 did not learn at 1 of 2 seeds (test error 90.0\u00a0%): 4 learners." in verdict.reasons
    assert verdict.effects == [
        "Learners, test error: 2 learners are best (5.0\u00a0%; 4 and 8 learners did not finish or learn)."
    ]


def worlds(errors: dict[tuple[str, str], float], seconds: dict[tuple[str, str], float]) -> SweepVerdict:
    rows = [(key, point(test_error=errors[key], seconds=seconds[key], count=int(key[0]))) for key in errors]
    return SweepVerdict.of(SweepFacts.of(sweep([LEARNERS, LATENCY], rows)))


def test_the_world_is_not_chosen() -> None:
    """The lowest error is at 25 µs; nobody is told to use 25 µs."""
    keys = list(product(("2", "4", "8"), ("25 us", "5 ms")))
    times = {(count, latency): 10.0 / int(count) + (latency == "5 ms") for count, latency in keys}
    common = worlds({key: 0.04 + 0.001 * (key[1] == "5 ms") for key in keys}, times)
    assert common.headline == (
        "Use 8 learners at every latency: 4.0\u00a0% test error after 1.25\u00a0s at latency 25\u00a0µs, 4.1\u00a0% test error "
        "after 2.25\u00a0s at latency 5\u00a0ms."
    )
    assert [entry["world"] for entry in common.list_best()] == [{LATENCY: 25e-6}, {LATENCY: 5e-3}]
    assert [entry["setting"] for entry in common.list_best()] == [{LEARNERS: 8}] * 2
    split = worlds({key: 0.3 if key == ("8", "5 ms") else 0.04 for key in keys}, times)
    assert split.headline == (
        "At latency 25\u00a0µs use 8 learners: 4.0\u00a0% test error after 1.25\u00a0s of simulated time. "
        "At latency 5\u00a0ms use 4 learners: 4.0\u00a0% test error after 3.5\u00a0s of simulated time."
    )


def test_an_axis_without_effect_is_said_to_have_none() -> None:
    keys = list(product(("2", "4"), ("0.1", "0.2")))
    rows = [
        (key, point(test_error=0.04 if key[1] == "0.1" else 0.04 + 0.02 * int(key[0]), seconds=8.0 / int(key[0])))
        for key in keys
    ]
    verdict = SweepVerdict.of(SweepFacts.of(sweep([LEARNERS, RATE], rows)))
    assert [effect.replace("\u00a0", " ") for effect in verdict.effects] == [
        "Learners, test error: no clear difference with learning rate 0.1 (4.0 %); 2 learners are best with learning rate 0.2 "
        "(8.0 %, against 12.0 % with 4 learners).",
        "Learners, simulated time: 4 learners are quickest with learning rate 0.1 (2 s, against 4 s with 2 learners) and with "
        "learning rate 0.2 (2 s, against 4 s with 2 learners).",
        "Learning rate, test error: learning rate 0.1 is best with 4 learners (4.0 %, against 12.0 % with learning rate 0.2) "
        "and with 2 learners (4.0 %, against 8.0 % with learning rate 0.2).",
        "Learning rate, simulated time: no clear difference with 4 learners (2 s) and with 2 learners (4 s).",
    ]


def test_what_counts_as_higher_is_said_to_be_unsure_where_the_seeds_cannot_show_it() -> None:
    """The means are 4.4 and 6.2 %: 1.8 points apart, more than a quarter of 4.4 %, less than twice the standard error (3.5)."""
    facts = learned({"4": [(0.036, 2.0), (0.053, 2.0)], "8": [(0.047, 1.0), (0.078, 1.0)], "2": [(0.2, 4.0), (0.2, 4.0)]})
    verdict = SweepVerdict.of(facts)
    assert verdict.headline.startswith("Use 4 learners")
    assert "Two seeds cannot show that the test error is higher with 8 learners." in verdict.reasons
    assert verdict.effects[0] == (
        "Learners, test error: 4 and 8 learners are best (4.5 – 6.2\u00a0%, against 20.0\u00a0% with 2 learners)."
    )
    clear = learned({"4": [(0.044, 2.0), (0.045, 2.0)], "8": [(0.062, 1.0), (0.063, 1.0)]})
    assert "cannot show" not in SweepVerdict.of(clear).text


def test_each_part_of_the_world_has_its_reasons() -> None:
    keys = list(product(("2", "4", "8"), ("25 us", "5 ms")))
    errors = {(count, latency): 0.2 if count == "8" else 0.1 if count == "4" else 0.04 for count, latency in keys}
    times = {(count, latency): 10.0 / int(count) * (1 + (latency == "5 ms")) for count, latency in keys}
    told = [reason.replace("\u00a0", " ") for reason in worlds(errors, times).reasons]
    for where, first, second in (("25 µs", "2.5 s", "1.25 s"), ("5 ms", "5 s", "2.5 s")):
        (found,) = [reason for reason in told if reason.startswith(f"At latency {where}: the setting to use has the lowest")]
        assert f"the next is 4 learners (10.0 % after {first})" in found
        assert f"the soonest is 8 learners (20.0 % after {second}), 4.00× as fast as 2 learners" in found


def test_what_varies_together_with_a_choice_is_not_recommended() -> None:
    """The second is 4 times as fast at twice the error; the target is named where its column is."""
    rows = [
        (("4:25 us",), point(test_error=0.05, seconds=8.0, seconds_to_target=6.0)),
        (("16:5 ms",), point(test_error=0.1, seconds=2.0, seconds_to_target=2.0)),
    ]
    found = replace(sweep([MIXED], rows), target=Target("test_error", 0.11, given=False))
    end = conclude_sweep(found)
    assert end.verdict[:5] == (
        "Use mini-batch 4 (at latency 25 µs): 5.0 % test error after 8 s of simulated time.",
        "The setting to use has the lowest mean test error; the next is mini-batch 16 (at latency 5 ms) (10.0 % after 2 s).",
        "With less time: the best compromise (least error × time) is mini-batch 16 (at latency 5 ms) (10.0 % after 2 s), 4.00× "
        "as fast as mini-batch 4 (at latency 25 µs).",
        "The mini-batch varies together with the latency, which is not a choice: their effects cannot be told apart.",
        "Two settings of the 2 that learn reach a test error of 11.0 %. Mini-batch 16 (at latency 5 ms) is the first, after 2 s"
        "; the setting to use reaches this target after 6 s.",
    )
    assert end.remark.startswith("The target is a test error of 11.0 %, chosen by the program to compare times")
    assert describe_axes(SweepFacts.of(found))[0][0] == "mini-batch and latency (the latency is given, not chosen)"


def test_where_nothing_is_learned_the_speed_decides() -> None:
    rows = [(("2",), point(seconds=4.0)), (("4",), point(seconds=1.0)), (("8",), point(seconds=2.0))]
    verdict = SweepVerdict.of(SweepFacts.of(sweep([LEARNERS], rows)))
    assert verdict.headline == "Use 4 learners: 1\u00a0s of simulated time."
    assert verdict.reasons == ["It is 4.00× as fast as the slowest (2 learners)."]
    most = [((count,), point(seconds=1.0, samples_per_simulated_second=rate)) for count, rate in (("2", 9.0), ("4", 12.0))]
    assert SweepVerdict.of(SweepFacts.of(sweep([LEARNERS], most))).headline == "Use 4 learners: 12 samples/s."


def test_the_front_has_no_setting_below_or_left_of_it() -> None:
    ends = ("", "_low", "_high")
    rows = [{"points": 1, "test_error_deviation": 0.0, "simulated_seconds_deviation": 0.0,
             **{f"test_error{end}": error for end in ends}, **{f"simulated_seconds{end}": seconds for end in ends}}
            for error, seconds in product((0.1, 0.2, 0.3), (1.0, 2.0, 3.0)) if error * seconds > 0.25]  # fmt: skip
    front = find_front(rows, "test_error")
    assert [(row["test_error"], row["simulated_seconds"]) for row in front] == [(0.3, 1.0), (0.2, 2.0), (0.1, 3.0)]


def test_of_equal_settings_the_one_with_the_lowest_error_is_named() -> None:
    """Both take as long and cost as much; of equal errors the sooner one is called the lowest."""
    rows = [((rate,), point(test_error=error, seconds=4.0)) for rate, error in (("0.1", 0.036), ("0.2", 0.032))]
    found = answer(SweepFacts.of(sweep([RATE], rows)))
    assert [found.best[RATE], *(row[RATE] for row in found.also)] == ["0.2", "0.1"]
    assert at(answer(learned({"2": [(0.04, 9.0)], "4": [(0.04, 5.0)], "8": [(0.05, 1.0)]})).lowest) == "4"


def test_an_effect_is_found_between_any_two_values() -> None:
    """The lowest varies with the seed, so it is not clearly lower; the next one is."""
    facts = learned({"2": [(0.005, 4.0), (0.065, 4.0)], "4": [(0.036, 4.0)] * 2, "8": [(0.042, 4.0)] * 2})
    error, _ = SweepVerdict.of(facts).effects
    assert error == "Learners, test error: 4 learners are better than 8 learners (3.6\u00a0%, against 4.2\u00a0%)."
