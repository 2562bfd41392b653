from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from simasgd.scenario import catalogue, text
from simasgd.scenario.json_schema import scenario_schema
from simasgd.scenario.schema import Scenario

VALIDATOR = Draft202012Validator(scenario_schema())
PLAIN: dict[str, Any] = {
    "name": "plain",
    "cluster": {
        "learners": 4,
        "compute": {"per_sample": "1 ms"},
        "network": {"latency": "2 us", "bandwidth": "25 Gbit/s"},
        "server": {"bandwidth": "unlimited", "update": 0},
    },
    "workload": {"mini_batch": 4, "payload": "350 kB"},
    "protocol": {"kind": "n-softsync", "n": 2},
    "learning": {
        "data": "digits",
        "model": {"kind": "mlp", "hidden": [32]},
        "optimizer": {"kind": "sgd", "learning_rate": 0.05},
        "schedule": {"boundaries": [24], "factor": 0.1},
        "modulation": {"kind": "sqrt-batch", "reference": 128},
    },
    "stop": {"epochs": 1, "simulated_time": "3 min"},
    "record": "summary",
    "variants": {"a": {"protocol": "async"}, "b": None},
}
_GONE = "(gone)"


def changed(path: str, value: Any) -> dict[str, Any]:
    tree = deepcopy(PLAIN)
    *parents, last = path.split(".")
    node = tree
    for part in parents:
        node = node[part]
    if value == _GONE:
        del node[last]
    else:
        node[last] = value
    return tree


def errors(tree: Any) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(tree)]


def test_it_is_a_valid_schema() -> None:
    schema = scenario_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", catalogue.scenarios())
def test_it_accepts_the_scenarios_as_written_and_as_resolved(name: str) -> None:
    assert errors(text.read(catalogue.scenarios()[name]).tree) == []
    chosen = Scenario.load(name)
    assert errors(chosen.resolved()) == []
    for variant in chosen.variants.values():
        assert errors(variant.resolved()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "plain"),
        ("protocol", "hardsync"),
        ("protocol", {"kind": "async"}),
        ("protocol.n", "learners"),
        ("learning.model", "softmax"),
        ("learning.modulation", "inverse-staleness"),
        ("learning.schedule", None),
        ("learning", None),
        ("learning", _GONE),
        ("cluster", {"learners": 4, "profile": "p775"}),
        ("cluster", {"learners": 4, "profile": "p775", "compute": {"cv": 0.3}}),
        ("cluster.network.latency", 0),
        ("cluster.network.latency", "10 µs"),
        ("cluster.network.latency", "1e-3 s"),
        ("workload.payload", None),
        ("variants", {}),
    ],
)
def test_it_accepts_what_a_file_may_hold(path: str, value: Any) -> None:
    assert errors(changed(path, value)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("clustre", {}),
        ("cluster.learnerz", 3),
        ("cluster.network.speed", "3 GB/s"),
        ("learning.model.widths", [3]),
        ("protocol.m", 3),
        ("variants.a", {"protocl": "async"}),
        ("variants.a", {"name": "x"}),
        ("variants", ["a"]),
        ("cluster.learners", 4.5),
        ("cluster.learners", 0),
        ("cluster.learners", "4"),
        ("cluster.learners", True),
        ("cluster.learners", _GONE),
        ("cluster.profile", "p757"),
        ("cluster.network.latency", 2),
        ("cluster.network.latency", "2"),
        ("cluster.network.latency", "2 kB"),
        ("cluster.network.latency", "-2 us"),
        ("cluster.network.latency", "2 parsec"),
        ("cluster.network.bandwidth", "25 Gbit"),
        ("cluster.network.bandwidth", "25 Gbps"),
        ("cluster.network.bandwidth", 0),
        ("cluster.server.duplex", "both"),
        ("cluster.compute.distribution", "normal"),
        ("workload.payload", 350),
        ("workload.payload", "350 kB/s"),
        ("workload.mini_batch", _GONE),
        ("protocol", "hardsink"),
        ("protocol", "n-softsync"),  # it needs its n
        ("protocol", {"kind": "n-softsync"}),
        ("protocol", {"n": 3}),
        ("learning.data", "digit"),
        ("learning.model.hidden", []),
        ("learning.model.hidden", [0]),
        ("learning.optimizer.learning_rate", 0),
        ("learning.optimizer.momentum", 1),
        ("learning.optimizer.momentum", "0.9"),
        ("learning.precision", "float16"),
        ("name", "A/b"),
        ("name", _GONE),
        ("seed", -1),
        ("seed", 2**32),
        ("repeats", 0),
        ("repeats", 1001),
        ("stop", _GONE),
        ("stop.epochs", 0),
        ("record", "all"),
    ],
    ids=lambda case: str(case).replace(" ", "_"),
)
def test_it_refuses_what_is_wrong(path: str, value: Any) -> None:
    assert errors(changed(path, value)) != []


def test_every_key_is_described_or_named_by_its_section() -> None:
    properties = scenario_schema()["properties"]
    assert {"name", "cluster", "workload", "protocol", "learning", "stop", "variants"} <= set(properties)
    assert "Absent: timing only." in str(properties["learning"])
