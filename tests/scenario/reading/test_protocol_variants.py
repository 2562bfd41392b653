"""The scenario that `simasgd compare` makes of protocols on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simasgd.errors import ScenarioError
from simasgd.scenario.protocol_variants import build_comparison, is_protocol, parse_target
from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.scenario.schema import Scenario


def compared(name: str, words: list[str]) -> Scenario:
    return build_comparison(name, words).scenario


def test_protocols_become_variants_in_their_order() -> None:
    found = compared(
        "quickstart", ["hardsync", "async+inverse-staleness", "n-softsync:n=4,spread=10", "learners=8", "repeats=2"]
    )
    assert list(found.variants) == ["hardsync", "async-inverse-staleness", "n-softsync-n4-spread10"]
    protocols = [one.protocol.model_dump(exclude_none=True) for one in found.variants.values()]
    assert protocols == [{"kind": "hardsync"}, {"kind": "async"}, {"kind": "n-softsync", "n": 4, "spread": 10}]
    rules = [one.learning.modulation.kind for one in found.variants.values() if one.learning is not None]
    (own,) = {one.learning.modulation.kind for one in [Scenario.load("quickstart")] if one.learning is not None}
    assert rules == [own, "inverse-staleness", own]
    assert {(one.cluster.learners, one.repeats) for one in found.variants.values()} == {(8, 2)}


def test_a_variant_is_what_the_file_would_have_made_of_it() -> None:
    own, named = (
        compared("quickstart", []),
        compared("quickstart", ["hardsync", "async", "async+inverse-staleness"]),
    )
    assert [one.hash() for one in own.variants.values()] == [one.hash() for one in named.variants.values()]
    assert own == Scenario.load("quickstart")


def test_without_a_modulation_the_scenarios_own_holds_and_none_takes_it_away() -> None:
    found = compared("digits", ["async", "async+none"])
    rules = [one.learning.modulation.kind for one in found.variants.values() if one.learning is not None]
    assert rules == ["inverse-staleness", "none"]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("async+exponential-staleness:rate=0.1", "async-exponential-staleness-rate0_1"),
        ("async+exponential-staleness:rate=1e+0", "async-exponential-staleness-rate1e-0"),
        ("hardsync:barrier_timeout=5 ms", "hardsync-barrier_timeout5-ms"),
        ("n-softsync:n=learners", "n-softsync-nlearners"),
        ("async+staleness-table:factors=[1, 0.5]", "async-staleness-table-factors-1-0_5"),
    ],
)
def test_names(written: str, name: str) -> None:
    assert list(compared("quickstart", [written, "async"]).variants) == [name, "async"]


def test_what_is_compared_can_be_saved_and_read_again(tmp_path: Path) -> None:
    found = compared("quickstart", ["async:spread=3+polynomial-staleness:power=0.5", "n-softsync:n=4"])
    path = tmp_path / "scenario.yaml"
    path.write_text(dump_yaml(found.resolved()))
    assert {name: one.hash() for name, one in Scenario.load(path).variants.items()} == {
        name: one.hash() for name, one in found.variants.items()
    }


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("async", True), ("n-softsync:n=4", True), ("async+none", True), ("seed=3", False), ("protocol={kind: async}", False)],
)
def test_what_is_a_protocol(argument: str, expected: bool) -> None:
    assert is_protocol(argument) is expected


@pytest.mark.parametrize(("written", "value"), [("5%", 0.05), ("0.05", 0.05), ("3.3 %", 0.033), (" 0 ", 0.0), ("5e-2", 0.05)])
def test_targets(written: str, value: float) -> None:
    assert parse_target(written, Scenario.load("quickstart")) == value


def test_a_target_of_a_loss_is_a_plain_number() -> None:
    chosen = Scenario.load("stability-limit")
    assert parse_target("12", chosen) == 12.0
    with pytest.raises(ScenarioError, match="give a plain number"):
        parse_target("5%", chosen)
