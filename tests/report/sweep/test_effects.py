"""What each axis of a sweep does, by hand: which values are best, where, and by which other axis."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from simasgd.report.sweep.facts.sweep_facts import SweepFacts
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.results.outcome import Outcome
from simasgd.sweeps.axes import Axis
from tests.report.sweep.tables import AXES, BATCH, LATENCY, LEARNERS, RATE, point, sweep

SOFTSYNC = "{kind: n-softsync, n: 2}"
FAILS = 0.9
"""The error of a setting that did not learn."""


def describe(keys: list[str], numbers: Mapping[tuple[str, ...], float], name: str = "test_error") -> dict[str, str]:
    """Return the lines on the axes of settings with these errors or seconds; NaN is one that hung."""
    rows = []
    for values, number in numbers.items():
        outcome = Outcome.FAILS if number == FAILS else Outcome.HUNG if math.isnan(number) else Outcome.FINISHED
        rows.append((values, point(outcome, **{name: number})))
    lines = SweepVerdict.of(SweepFacts.of(sweep(keys, rows))).effects
    return {line.partition(":")[0]: line.partition(": ")[2].replace("\u00a0", " ") for line in lines}


def place(errors: Mapping[str, Mapping[str, tuple[float, ...]]]) -> dict[tuple[str, ...], float]:
    """Return errors by rate, learners and protocol, of those by protocol and learners at the rates 0.1 and 0.2."""
    return {
        (rate, count, protocol): error
        for protocol, found in errors.items()
        for count, row in found.items()
        for rate, error in zip(("0.1", "0.2"), row, strict=True)
    }


def test_an_axis_whose_direction_differs_by_another_says_so_with_an_example() -> None:
    """With async the smaller rate is better, and with n-softsync the larger; of 12 points most where λ = 8."""
    errors = place(
        {
            "async": {"2": (0.02, 0.05), "4": (0.02, FAILS), "8": (0.02, FAILS)},
            SOFTSYNC: {"2": (0.1, 0.1), "4": (0.1, 0.06), "8": (0.2, 0.08)},
        }
    )
    line = describe([RATE, LEARNERS, "protocol"], errors)["Learning rate, test error"]
    assert line == (
        "learning rate 0.1 is best (2.0 %, against 5.0 % with learning rate 0.2). With n-softsync (n = 2), a larger learning "
        "rate is better in 2 of 3 combinations of the other axes (for example with 8 learners: 20.0 % at 0.1, 8.0 % at 0.2); "
        "with async, a smaller learning rate is better in all 3."
    )


def test_one_case_of_a_direction_is_no_evidence_for_another_axis() -> None:
    errors = place(
        {
            "async": {"2": (0.02, 0.05), "4": (0.02, FAILS), "8": (0.02, FAILS)},
            SOFTSYNC: {"2": (0.1, 0.1), "4": (0.1, 0.1), "8": (0.2, 0.08)},
        }
    )
    line = describe([RATE, LEARNERS, "protocol"], errors)["Learning rate, test error"]
    assert line.endswith(
        "In the other 5 combinations of learners and protocol: a smaller learning rate is better in 2, a larger learning rate "
        "is better in 1, no clear difference in 2."
    )


def test_what_does_not_learn_is_worse_than_what_does() -> None:
    """Of the two protocols async is best, but where the other one learns alone that one is better; one case has neither."""
    errors = place(
        {
            "async": {"2": (0.02, FAILS), "4": (FAILS, FAILS), "8": (0.1, FAILS)},
            SOFTSYNC: {"2": (0.1, 0.1), "4": (0.1, FAILS), "8": (0.1, 0.1)},
        }
    )
    line = describe([RATE, LEARNERS, "protocol"], errors)["Protocol, test error"]
    assert line == (
        "async is best (2.0 %, against 10.0 % with n-softsync (n = 2)). In the other 4 combinations of learning rate and "
        "learners: n-softsync (n = 2) is better than async in 3, no clear difference in 1."
    )


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ((0.2, 0.04, 0.2), "4 learners are best with learning rate 0.2 (4.0 %, against 20.0 % with 8 learners)"),
        ((0.2, 0.1, 0.04), "8 learners are best with learning rate 0.2 (4.0 %, against 20.0 % with 2 learners)"),
        ((0.04, 0.1, FAILS), "and with learning rate 0.2 (4.0 %, against 10.0 % with 4 learners; 8 learners did not learn)"),
        ((0.04, 0.2, 0.04), "2 and 8 learners are best with learning rate 0.2 (4.0 %, against 20.0 % with 4 learners)"),
        ((0.04, 0.04, 0.04), "no clear difference with learning rate 0.2 (4.0 %)"),
        ((FAILS, FAILS, 0.04), "8 learners are best with learning rate 0.2 (4.0 %; 2 and 4 learners did not learn)"),
    ],
)
def test_the_best_values_are_named_in_each_of_a_few_combinations(errors: tuple[float, ...], said: str) -> None:
    """The rate 0.1 is that of the best setting."""
    found = {(count, "0.1"): error for count, error in zip("248", (0.02, 0.03, 0.04), strict=True)}
    found |= {(count, "0.2"): error for count, error in zip("248", errors, strict=True)}
    line = describe([LEARNERS, RATE], found)["Learners, test error"]
    assert line.startswith("2 learners are best with learning rate 0.1 (2.0 %, against 4.0 % with 8 learners)")
    assert line.endswith(f"{said}.")


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ((0.2, 0.04, 0.2), "a number of learners between the ends is better in 5"),
        ((0.04, 0.1, FAILS), "fewer learners are better in 5"),
        ((0.04, FAILS, 0.1), "clear differences without a trend in 5"),
        ((0.2, 0.1, 0.04), "more learners are better in 5"),
        ((0.04, 0.04, 0.04), "no clear difference"),
    ],
)
def test_the_better_values_are_counted_over_many_combinations(errors: tuple[float, ...], said: str) -> None:
    """Five of the six combinations have these errors, and the first one has the best setting."""
    rest = [(rate, size, latency) for rate in ("0.1", "0.2") for size in ("4", "16") for latency in ("25 us", "5 ms")][:6]
    found = {(count, *values): error for values in rest for count, error in zip("248", errors, strict=True)}
    found |= {(count, *rest[0]): error for count, error in zip("248", (0.02, 0.03, 0.04), strict=True)}
    line = describe([LEARNERS, RATE, BATCH, LATENCY], found)["Learners, test error"]
    assert line.startswith("2 learners are best (2.0 %, against 4.0 % with 8 learners). In the other 5 combinations of ")
    assert line.endswith(f"combinations of learning rate, mini-batch and latency: {said}.")


def test_a_case_has_two_settings_that_can_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """At latency 25 µs, 8 learners are soonest; elsewhere they are missing, hung, or slowest."""
    monkeypatch.setitem(AXES, LEARNERS, Axis(LEARNERS, ("2", "8"), (2, 8)))
    seconds = {
        ("2", "25 us", "4"): 4.0, ("8", "25 us", "4"): 1.0,
        ("2", "25 us", "16"): 4.0,  # without 8, by a condition
        ("2", "5 ms", "4"): 4.0, ("8", "5 ms", "4"): 9.0,
        ("2", "5 ms", "16"): 4.0, ("8", "5 ms", "16"): math.nan,
    }  # fmt: skip
    keys, name = [LEARNERS, LATENCY, BATCH], "Learners, simulated time"
    line = describe(keys, seconds, "seconds")[name]
    assert line == (
        "8 learners are quickest with latency 25 µs, mini-batch 4 (1 s, against 4 s with 2 learners); "
        "2 learners are quickest with latency 5 ms, mini-batch 4 (4 s, against 9 s with 8 learners)."
    )
    del seconds["8", "5 ms", "4"]
    assert describe(keys, seconds, "seconds")[name] == "8 learners are quickest (1 s, against 4 s with 2 learners)."
