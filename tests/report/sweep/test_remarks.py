"""What the top of a sweep's page says of its edges, of settings that are the same, and of what each run is."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from simasgd.report.sweep.blocks import describe_axes
from simasgd.report.sweep.facts.sweep_facts import SweepFacts
from simasgd.report.sweep.remarks import describe_twins
from simasgd.report.sweep.verdict import SweepVerdict
from simasgd.sweeps.axes import Axis
from tests.build import LEARNING, scenario
from tests.report.sweep.tables import AXES, LEARNERS, RATE, point, sweep


@pytest.mark.parametrize(
    ("best", "ends"),
    [
        (("2", "0.1"), "the fewest learners and the lowest learning rate"),
        (("4", "0.2"), "the highest learning rate"),
        (("8", "0.1"), "the most learners and the lowest learning rate"),
    ],
)
def test_a_setting_at_the_edge_of_the_axes_is_said_to_be_there(best: tuple[str, str], ends: str) -> None:
    keys = product(("2", "4", "8"), ("0.1", "0.2"))
    rows = [(key, point(test_error=0.04 if key == best else 0.2)) for key in keys]
    reasons = SweepVerdict.of(SweepFacts.of(sweep([LEARNERS, RATE], rows))).reasons
    assert f"The setting to use is at the edge of the axes, at {ends}: values beyond may be better." in reasons


def test_an_axis_with_another_value_that_is_as_good_has_no_edge() -> None:
    rows = [(key, point(test_error=0.04, seconds=8.0 / int(key[0]))) for key in product(("2", "4", "8"), ("0.1", "0.2"))]
    reasons = SweepVerdict.of(SweepFacts.of(sweep([LEARNERS, RATE], rows))).reasons
    assert "The setting to use is at the edge of the axes, at the most learners: values beyond may be better." in reasons


def test_below_one_learner_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AXES, LEARNERS, Axis(LEARNERS, ("1", "2"), (1, 2)))
    rows = [((count,), point(test_error=0.04 if count == "1" else 0.2)) for count in ("1", "2")]
    assert "edge" not in SweepVerdict.of(SweepFacts.of(sweep([LEARNERS], rows))).text


def twins(differing: dict[tuple[str, str], float]) -> list[str]:
    """Return what is said of settings with these test losses, by learners and protocol."""
    protocols = {"async": "async", "n": "{kind: n-softsync, n: 2}"}
    rows = [((count, protocols[kind]), point(test_error=0.04, test_loss=loss)) for (count, kind), loss in differing.items()]
    return [text.replace("\u00a0", " ") for text in describe_twins(SweepFacts.of(sweep([LEARNERS, "protocol"], rows)))]


def test_settings_with_the_same_numbers_are_said_to_be_counted_twice() -> None:
    one = {("2", "async"): 0.5, ("2", "n"): 0.5, ("4", "async"): 0.6, ("4", "n"): 0.7}
    assert twins(one) == [
        "At 2 learners, async and n-softsync (n = 2) give exactly the same numbers in one pair of settings; counts "
        "include each."
    ]
    assert twins(one | {("4", "n"): 0.6}) == [
        "Async and n-softsync (n = 2) give exactly the same numbers in two pairs of settings; counts include each."
    ]
    assert twins(one | {("4", "async"): 0.5}) == [
        "Three settings have exactly the numbers of another one; counts include each."
    ]
    assert twins(one | {("2", "n"): 0.51}) == []


def test_the_mean_of_equal_numbers_is_none_of_the_neighbouring_ones() -> None:
    """Rounded, the mean of three times 0.1 is more than 0.1, so that bars would be negative."""
    for throughput in (0.1, 0.7):
        seeds = [(("2",), point(seed=seed, test_error=0.1, samples_per_simulated_second=throughput)) for seed in range(3)]
        settings = SweepFacts.of(sweep([LEARNERS], seeds)).settings
        assert settings["samples_per_simulated_second"].tolist() == [throughput]


def test_the_top_says_what_each_run_is_unless_an_axis_changes_it() -> None:
    rows = [((rate,), point(test_error=0.04)) for rate in ("0.1", "0.2")]
    learns = scenario(LEARNING, {"learning": {"data": "digits", "model": {"kind": "softmax"}}, "stop": {"epochs": 2}})
    found = dict(describe_axes(SweepFacts.of(replace(sweep([RATE], rows), scenario=learns))))
    assert found["learning rate"] == "0.1 and 0.2"
    assert found["data (training + test)"] == "digits (1,437 + 360 samples)"
    assert found["model"] == "softmax 64–10 (650 parameters)"
    assert found["each run ends at"].startswith("2\u00a0epochs")
