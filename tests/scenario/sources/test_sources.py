"""A scenario is read by name, from a file, from standard input and from a dict; mistakes name the place."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simasgd import compare, simulate, study
from simasgd.errors import ScenarioError
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario
from tests.scenario.reading.plain import PLAIN

TREE: dict[str, Any] = {
    "name": "mine",
    "cluster": {"learners": 4, "profile": "ideal", "speeds": (1, 0.5, 2, 1)},
    "workload": {"mini_batch": 4, "payload": "1 kB"},
    "protocol": {"kind": "n-softsync", "n": 2},
    "stop": {"gradients": 10},
    "variants": {"sync": {"protocol": "hardsync"}, "base": None},
}


def feed(monkeypatch: pytest.MonkeyPatch, content: bytes | None, *, terminal: bool = False) -> None:
    """Let standard input have a content; None closes it."""
    stream = io.TextIOWrapper(io.BytesIO(content or b""))
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    if content is None:
        stream.close()
    monkeypatch.setattr(sys, "stdin", stream)


def test_a_dict_is_the_scenario_of_the_file_with_its_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml_layer.dump_yaml({**TREE, "cluster": {**TREE["cluster"], "speeds": [1, 0.5, 2, 1]}}))
    for overrides in ([], ["learners=4", "variants.base.protocol.n=1"]):
        assert Scenario.load(TREE, *overrides) == Scenario.load(file, *overrides)
    assert TREE["cluster"]["speeds"] == (1, 0.5, 2, 1), "the caller's dict is not changed"


def test_a_dict_may_have_values_of_numpy_and_paths(tmp_path: Path) -> None:
    (tmp_path / "times.txt").write_text("1\n2\n")
    tree = {**TREE, "cluster": {"learners": np.int64(4), "profile": "ideal"}}
    assert Scenario.load(tree).cluster.learners == 4
    assert type(Scenario.load(tree).cluster.learners) is int
    speeds = np.array([1, 0.5, 2, 1])
    learning = {
        "data": {"kind": "digits", "subtract_mean": np.True_},
        "model": "softmax",
        "optimizer": {"kind": "sgd", "learning_rate": 0.1},
    }
    tree = {**TREE, "cluster": {"learners": np.array(4), "profile": "ideal", "speeds": speeds}, "learning": learning}
    read = Scenario.load(tree)
    assert read.cluster.speeds == (1, 0.5, 2, 1)
    assert read == Scenario.load({**TREE, "learning": {**learning, "data": {"kind": "digits", "subtract_mean": True}}})
    assert Scenario.load(TREE, "repeats=1").resolved() == Scenario.load({**TREE, "repeats": np.uint8(1)}).resolved()
    law = {"per_sample": "1 ms", "file": tmp_path / "times.txt"}
    timed = Scenario.load({**TREE, "cluster": {"learners": 4, "profile": "ideal", "compute": law}})
    assert timed.cluster.least_variation == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cluster": {"learnerz": 4, "profile": "ideal"}}, "scenario: cluster.learnerz: unknown key 'learnerz'; did you mean"),
        ({"cluster": {"learners": 0, "profile": "ideal"}}, "scenario: cluster.learners: 0 is too small"),
        (
            {"cluster": {"workers": 4, "profile": "ideal"}},
            "cluster.workers: unknown key 'workers'; did you mean 'cluster.learners'?",
        ),
        ({"variants": {"sync": {"seeds": 3}}}, "scenario: variants.sync.seeds: unknown key 'seeds'; did you mean 'seed'?"),
        ({"workload": {"mini_batch": 4, "payload": 1000}}, "scenario: workload.payload: 1000 has no unit"),
        (
            {"cluster": {"learners": {4}}},
            "scenario: cluster.learners: found {4}, of the type set; expected a value that YAML has",
        ),
        ({3: 4}, "scenario: 3: unknown key '3'"),
        ({"variants": {1: {"seed": 2}, "1": {}}}, "scenario: variants.1: found duplicate key '1'"),
        ({"variants": {True: None}}, "scenario: variants: found the key true, of the type bool; expected text"),
        ({"variants": {0.5: None}}, "scenario: variants: found the key 0.5, of the type float; expected text"),
        ({None: 3}, "scenario: found the key null, of the type NoneType; expected text"),
        ({"seed": np.datetime64(3, "s")}, "scenario: seed: found "),
        ({"seed": np.array([3j])}, "scenario: seed: found "),
        ({"stop": None}, "scenario: stop: found null; expected a mapping"),
    ],
)
def test_a_mistake_in_a_dict_is_named_by_its_keys(change: dict[Any, Any], message: str) -> None:
    with pytest.raises(ScenarioError) as complaint:
        Scenario.load({**TREE, **change})
    assert message in str(complaint.value).splitlines()[0]


def test_a_dict_that_contains_itself_is_a_mistake() -> None:
    endless: dict[str, Any] = {**TREE}
    endless["cluster"] = {"inner": endless}
    with pytest.raises(ScenarioError, match="contain themselves"):
        Scenario.load(endless)


def test_a_scenario_is_a_source_too() -> None:
    chosen = Scenario.load(TREE)
    assert Scenario.load(chosen) is chosen
    for overrides in (["learners=8", "cluster.speeds=null"], ["variants.base.seed=3"], ["variants=null", "protocol=dynsgd"]):
        assert Scenario.load(chosen, *overrides) == Scenario.load(TREE, *overrides)
    assert Scenario.load(chosen, variants=["sync"]).protocol.kind == "hardsync"
    with pytest.raises(ScenarioError, match="there is no variant 'none'"):
        Scenario.load(chosen, variants=["none"])


def test_another_model_of_a_scenario_has_messages_of_its_own_size() -> None:
    """What follows from other values is not taken over: the payload, and the modulation of the protocol."""
    learning = Scenario.load("digits", "protocol=dynsgd")
    assert Scenario.load(learning, "model=softmax") == Scenario.load("digits", "protocol=dynsgd", "model=softmax")
    assert Scenario.load(learning, "protocol=async") == Scenario.load("digits", "protocol=async")


@pytest.mark.parametrize("source", [5, None, ["digits"]])
def test_another_source_is_refused(source: Any) -> None:
    for function in (Scenario.load, simulate, study, compare):
        with pytest.raises(ScenarioError, match=r"^scenario: found .*; expected a scenario, its name, a file or a dict$"):
            function(source)


def test_simulate_and_study_take_what_load_takes(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml_layer.dump_yaml({**TREE, "cluster": {"learners": 4, "profile": "ideal"}}))
    for source in (file, str(file), Scenario.load(file)):
        assert simulate(source, "learners=2").scenario.cluster.learners == 2
    assert list(study(file, "variants.base.seed=1").runs) == ["sync", "base"]
    assert list(compare(file, variants=["sync", "base"]).study.runs) == ["sync", "base"]
    with pytest.raises(ScenarioError, match="async takes the place of the scenario's variants, so sync cannot be chosen"):
        compare(file, "async", "hardsync", variants=["sync"])


def test_an_override_of_a_dict_is_named_as_such() -> None:
    with pytest.raises(ScenarioError, match=r"argument: cluster\.learners: 0 is too small"):
        Scenario.load(TREE, "learners=0")


def test_standard_input_is_a_file_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, PLAIN.encode())
    read = Scenario.load("-", "learners=3")
    assert read == Scenario.from_layer(yaml_layer.parse_layer(PLAIN, "s.yaml"), ["learners=3"])


def test_files_that_standard_input_names_are_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "times.txt").write_text("1\n2\n")
    monkeypatch.chdir(tmp_path)
    feed(monkeypatch, PLAIN.replace("profile: p775", "profile: p775, compute: {file: times.txt}").encode())
    assert Scenario.load("-").cluster.least_variation == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("content", "terminal", "message"),
    [
        (b"", False, "standard input: the file is empty; expected a scenario ('simasgd show quickstart' prints an example)"),
        (b"", True, "standard input: is a terminal, and no file; pipe a scenario into the command"),
        (None, False, "standard input: is closed; expected a scenario"),
        (b"name: \xff", False, "standard input: is not UTF-8 text"),
        (PLAIN.replace("30", "0").encode(), False, "standard input:2:21: cluster.learners: 0 is too small"),
        (PLAIN.replace("[32]", "[32").encode(), False, "standard input:7:33: not YAML: "),
        (b"#" * 16_000_001, False, "standard input: has more than 16,000,000 bytes"),
    ],
)
def test_what_standard_input_has_wrong(
    content: bytes | None, terminal: bool, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, content, terminal=terminal)
    with pytest.raises(ScenarioError) as complaint:
        Scenario.load("-")
    assert str(complaint.value).startswith(message)


@pytest.mark.parametrize(("text", "number"), [("50_000", 50_000), ("-1_000_000.5e3", -1e9 - 500), ("0x10", 16)])
def test_underscores_may_divide_a_number_into_thousands(text: str, number: float) -> None:
    assert yaml_layer.parse_scalar(text) == number
