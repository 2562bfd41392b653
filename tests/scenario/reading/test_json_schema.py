from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from simasgd.scenario.editor_schema import build_scenario_schema
from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer, merge
from tests.scenario.sections.forms import CLUSTER_FORMS

VALIDATOR = Draft202012Validator(build_scenario_schema())
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
    schema = build_scenario_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", catalogue.list_scenarios())
def test_it_accepts_the_scenarios_as_written_and_as_resolved(name: str) -> None:
    assert errors(yaml_layer.read_layer(catalogue.list_scenarios()[name]).tree) == []
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
        ("protocol.spread", 0),
        ("protocol", {"kind": "async", "spread": None}),
        ("protocol", {"kind": "injected-staleness", "delay": 20}),
        ("protocol", {"kind": "injected-staleness", "delay": {"distribution": "poisson", "mean": 5}, "ramp_epochs": 2}),
        ("protocol", {"kind": "injected-staleness", "delay": [20, {"distribution": "measured", "file": "delays.txt"}, 0]}),
        ("learning.data", "mnist"),
        ("learning.data", {"kind": "cifar10", "crop": 4, "flip": True, "subtract_mean": False}),
        ("learning.data", {"kind": "imagenet", "resolution": 32, "classes": 10, "train": 100, "test": 50}),
        ("learning.data", {"kind": "linear-regression", "features": 3, "noise": 0, "condition": 10}),
        ("learning.data", {"kind": "logistic-regression", "features": 3, "samples": 5, "test": 5, "scale": 1}),
        ("learning.data", {"kind": "noise", "features": 2, "deviation": 0.5}),
        ("learning.model", "softmax"),
        ("learning.model", "linear"),
        ("learning.model", {"kind": "logistic"}),
        ("learning.model", {"kind": "quadratic", "spectrum": [1, 0.1], "start": -2}),
        ("learning.modulation", "inverse-staleness"),
        ("learning.schedule", None),
        ("learning.schedule", {"warmup": 0.5, "decay": {"kind": "linear", "start": 2, "end": 9.5}}),
        ("learning.optimizer", {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
        ("learning.optimizer", {"kind": "sgd", "learning_rate": 0.05, "momentum": {"total": 0.9}}),
        ("learning.modulation", "dana-dc"),
        ("learning.optimizer", {"kind": "adamw", "learning_rate": 1e-3, "b1": 0.5, "weight_decay": 0, "clip": 1}),
        ("learning.optimizer", {"kind": "rmsprop", "learning_rate": 1e-3, "centered": True, "clip": None}),
        ("learning.modulation", "wu-adaptive-1"),
        ("learning.modulation", "koloskova"),
        ("learning.modulation", {"kind": "staleness-table", "factors": [1, 0.5, 0]}),
        ("learning.modulation", {"kind": "mishchenko", "smoothness": None}),
        ("learning", None),
        ("learning", _GONE),
        ("cluster", {"learners": 4, "profile": "p775"}),
        ("cluster", {"learners": 4, "profile": "p775", "compute": {"cv": 0.3}}),
        ("cluster", {"learners": 4, "profile": "p775", "architecture": {"fan_out": 3}, "network": {"topology": {}}}),
        ("cluster", {"learners": 4, "profile": "wifi-laptops", "speeds": {"cv": 0.3}}),
        ("cluster", {"learners": 4, "profile": "wifi-laptops", "faults": {"message_loss": {"probability": 0.2}}}),
        ("cluster", {"learners": 4, "profile": "p775", "compute": {"file": "times.txt"}}),
        ("protocol", {"kind": "hardsync", "barrier_timeout": "3 s"}),
        ("protocol", {"kind": "hardsync", "barrier_timeout": None}),
        ("record", "timeline"),
        ("cluster.network.latency", 0),
        ("cluster.network.latency", "10 µs"),
        ("cluster.network.latency", "1e-3 s"),
        ("workload.payload", None),
        ("workload.compression", "none"),
        ("workload.compression", "top-k"),
        ("workload.compression", {"kind": "top-k", "fraction": 1, "error_feedback": False}),
        ("workload.compression", {"kind": "qsgd", "levels": 1, "bucket": None}),
        ("variants", {}),
    ],
)
def test_it_accepts_what_a_file_may_hold(path: str, value: Any) -> None:
    assert errors(changed(path, value)) == []


@pytest.mark.parametrize("form", CLUSTER_FORMS.values(), ids=list(CLUSTER_FORMS))
def test_it_accepts_every_form_of_a_cluster_as_written_and_as_resolved(form: dict[str, Any]) -> None:
    assert errors(changed("cluster", merge(PLAIN["cluster"], form))) == []
    whole = {"learners": 4, "profile": "ideal"}
    assert errors(changed("cluster", merge(whole, form))) == []
    chosen = Scenario.from_layer(Layer(changed("cluster", merge(whole, form))))
    assert errors(chosen.resolved()) == []


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
        ("cluster.compute.efficiency", 0.5),
        ("cluster.compute.efficiency", {"full_at": 16, "exponent": 1}),
        ("cluster.compute.measured", []),
        ("cluster.compute.measured", [1.5]),
        ("cluster.compute.file", 3),
        ("cluster.learners_per_node", True),
        ("cluster.speeds", 2),
        ("cluster.speeds", "gamma"),
        ("cluster.speeds", [1, 0]),
        ("cluster.speeds", [True]),
        ("cluster.speeds", {"distribution": "normal", "cv": 0.3}),
        ("cluster.speeds", {"law": "gamma", "cv": 0.3}),
        ("cluster.stragglers", {"slowdown": 1, "mean_normal": "1 s", "mean_slow": "1 s"}),
        ("cluster.stragglers", [{"slowdown": 2}]),
        ("cluster.network.sharing", "fare"),
        ("cluster.network.topology", "tre"),
        ("cluster.network.topology", {"kind": "ring", "nodes_per_rack": 3}),
        ("cluster.network.topology", {"kind": "tree", "nodes_per_rack": 2.5}),
        ("cluster.network.topology", {"kind": "p775", "local": 24}),
        ("cluster.architecture", "adv**"),
        ("cluster.architecture", {"kind": "base", "fan_out": 3}),
        ("cluster.architecture", {"kind": "adv", "fan_out": 1}),
        ("cluster.architecture", {"kind": "adv", "broadcast_fan_out": 3}),
        ("cluster.architecture", {"kind": "adv", "colocated": 1}),
        ("cluster.server.update_law", "gamma"),
        ("cluster.server.update_law", {"per_sample": "1 s"}),
        ("cluster.faults", []),
        ("cluster.faults", {"crash": []}),
        ("cluster.faults", {"crashes": 3}),
        ("cluster.faults", {"crashes": {"mtbf": "1 h", "learner": 3}}),
        ("cluster.faults", {"crashes": [{"learner": 3}]}),
        ("cluster.faults", {"crashes": [{"learner": -1, "at": "1 s"}]}),
        ("cluster.faults", {"crashes": [{"lerner": 3, "at": "1 s"}]}),
        ("cluster.faults", {"server_pauses": {"at": "1 s", "lasting": "1 s"}}),
        ("cluster.faults", {"server_pauses": [{"at": "1 s"}]}),
        ("cluster.faults", {"degraded_links": [{"link": "nod 3", "at": "1 s", "lasting": "1 s", "factor": 0.5}]}),
        ("cluster.faults", {"degraded_links": [{"link": "node 03", "at": "1 s", "lasting": "1 s", "factor": 0.5}]}),
        ("cluster.faults", {"degraded_links": [{"link": "node 3", "at": "1 s", "lasting": "1 s", "factor": 1}]}),
        ("cluster.faults", {"message_loss": 0.1}),
        ("cluster.faults", {"message_loss": {"probability": 1, "resend_after": "1 s"}}),
        ("protocol", {"kind": "hardsync", "barrier_timeout": 3}),
        ("protocol", {"kind": "async", "barrier_timeout": "3 s"}),
        ("workload.payload", 350),
        ("workload.payload", "350 kB/s"),
        ("workload.compression", "fp8"),
        ("workload.compression", {"fraction": 0.1}),
        ("workload.compression", {"kind": "top-k", "fraction": 0}),
        ("workload.compression", {"kind": "top-k", "fraction": 1.5}),
        ("workload.compression", {"kind": "sign", "error_feedback": 1}),
        ("workload.compression", {"kind": "qsgd", "levels": 0}),
        ("workload.compression", {"kind": "qsgd", "bucket": 0}),
        ("workload.compression", {"kind": "fp16", "levels": 4}),
        ("workload.mini_batch", _GONE),
        ("protocol", "hardsink"),
        ("protocol", "n-softsync"),  # it needs its n
        ("protocol", {"kind": "n-softsync"}),
        ("protocol", {"n": 3}),
        ("protocol.spread", -1),
        ("protocol.spread", 1.5),
        ("protocol", {"kind": "hardsync", "spread": 3}),
        ("protocol", {"kind": "injected-staleness", "delay": []}),
        ("protocol", {"kind": "injected-staleness", "delay": [20, -1]}),
        ("protocol", {"kind": "injected-staleness", "delay": [20, "poisson"]}),
        ("protocol", {"kind": "injected-staleness", "delay": "20"}),
        ("learning.data", "digit"),
        ("learning.data", "imagenet"),  # it needs its resolution
        ("learning.data", {"kind": "imagenet", "resolution": 4096}),
        ("learning.data", {"kind": "characters", "flip": True}),
        ("learning.data", {"kind": "digits", "crop": -1}),
        ("learning.data", {"kind": "digits", "crop": 1.5}),
        ("learning.data", {"kind": "digits", "flip": 1}),
        ("learning.data", {"kind": "digits", "resolution": 8}),
        ("learning.data", "noise"),  # it needs its features
        ("learning.data", {"kind": "noise", "features": 2, "test": 3}),
        ("learning.data", {"kind": "linear-regression", "features": 0}),
        ("learning.data", {"kind": "linear-regression", "features": 3, "condition": 0.5}),
        ("learning.data", {"kind": "logistic-regression", "features": 3, "noise": 0.1}),
        ("learning.model", "quadratic"),  # it needs its spectrum
        ("learning.model", {"kind": "quadratic", "spectrum": []}),
        ("learning.model", {"kind": "quadratic", "spectrum": [1, 0]}),
        ("learning.model", {"kind": "linear", "hidden": [3]}),
        ("learning.model.hidden", []),
        ("learning.model.hidden", [0]),
        ("learning.optimizer.learning_rate", 0),
        ("learning.optimizer", "adam"),  # it needs its learning rate
        ("learning.optimizer", {"kind": "adam", "learning_rate": 0.1, "momentum": 0.9}),
        ("learning.optimizer", {"kind": "lbfgs", "learning_rate": 0.1}),
        ("learning.optimizer.nesterov", 1),
        ("learning.optimizer.clip", 0),
        ("learning.schedule.warmup", 0),
        ("learning.schedule.decay", "cosine"),
        ("learning.schedule.decay", {"kind": "exponential", "end": 3}),
        ("learning.modulation", "staleness-table"),  # it needs its factors
        ("learning.modulation", {"kind": "staleness-table", "factors": []}),
        ("learning.modulation", {"kind": "gap-aware", "decay": 1}),
        ("learning.optimizer.momentum", 1),
        ("learning.optimizer.momentum", "0.9"),
        ("learning.optimizer.momentum", {}),
        ("learning.optimizer.momentum", {"total": 1}),
        ("learning.optimizer", {"kind": "rmsprop", "learning_rate": 0.1, "momentum": {"total": 0.9}}),
        ("learning.modulation", {"kind": "dana-zero", "lambda0": 2}),
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
    properties = build_scenario_schema()["properties"]
    assert {"name", "cluster", "workload", "protocol", "learning", "stop", "variants"} <= set(properties)
    assert "Timing only if absent." in str(properties["learning"])


def test_every_default_is_what_a_file_may_hold() -> None:
    schema = build_scenario_schema()
    sections = {name: section for name, section in schema["$defs"].items() if name != "Variant"}
    checked = 0
    for section in [schema, *sections.values()]:
        for key, value in section["properties"].items():
            if "default" in value:
                found = list(Draft202012Validator({**value, "$defs": schema["$defs"]}).iter_errors(value["default"]))
                assert not found, (section["title"], key, found[0].message)
                checked += 1
    assert checked > 40
