"""A later layer wins over values of an earlier one that contradict it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer, merge

PLAIN = """\
name: plain
cluster: {learners: 4, profile: ideal}
workload: {mini_batch: 4, payload: 1 kB}
protocol: async
learning:
  data: {kind: linear-regression, features: 5}
  model: linear
  optimizer: {kind: sgd, learning_rate: 0.05}
stop: {gradients: 10}
"""


class Pair(NamedTuple):
    """A section in an earlier layer and in a later one, and the values of some keys after merging."""

    label: str
    section: str
    earlier: Any
    later: Any
    holds: dict[str, Any]


def times(*pairs: tuple[str, Any, Any, dict[str, Any]]) -> list[Pair]:
    """Return the case for both sections with random times."""
    sections = ("cluster.compute", "cluster.server.update_law")
    return [Pair(f"{section}: {pair[0]}", section, *pair[1:]) for section in sections for pair in pairs]


GAMMA = {"distribution": "gamma", "cv": 0.3}
MEASURED = {"distribution": "empirical", "measured": ["1 s", "3 s"]}
PAIRS = [
    *times(
        ("constant over a cv", GAMMA, {"distribution": "constant"}, {"distribution": "constant", "cv": None}),
        ("exponential over a cv", GAMMA, {"distribution": "exponential"}, {"distribution": "exponential", "cv": None}),
        ("another law keeps the cv", GAMMA, {"distribution": "lognormal"}, {"distribution": "lognormal", "cv": 0.3}),
        ("empirical over a cv", GAMMA, MEASURED, {"cv": None, "measured": (1.0, 3.0)}),
        ("measured times over a law", GAMMA, {"measured": ["1 s", "3 s"]}, {"distribution": "empirical", "cv": None}),
        ("a law over measured times", MEASURED, GAMMA, {"distribution": "gamma", "cv": 0.3, "measured": None}),
        (
            "constant over measured times",
            MEASURED,
            {"distribution": "constant"},
            {"distribution": "constant", "measured": None},
        ),
    ),
    Pair(
        "measured times over a mean",
        "cluster.compute",
        {"per_batch": "2 ms", "per_sample": "1 ms", "efficiency": {"full_at": 8, "exponent": 0.5}},
        {"measured": ["1 s", "3 s"]},
        {"per_batch": 0.0, "per_sample": None, "efficiency": None, "variation": 0.5},
    ),
    Pair(
        "a trace over a law and a mean",
        "cluster.compute",
        {"per_sample": "1 ms", **GAMMA},
        {"distribution": "trace", "measured": ["1 s", "3 s"], "at_end": "stop"},
        {"distribution": "trace", "per_sample": None, "cv": None, "at_end": "stop"},
    ),
    Pair(
        "a law over a trace",
        "cluster.compute",
        {"distribution": "trace", "measured": ["1 s", "3 s"], "at_end": "bootstrap", "block": 1},
        {"per_sample": "1 ms", **GAMMA},
        {"distribution": "gamma", "cv": 0.3, "measured": None, "at_end": None, "block": None},
    ),
    Pair(
        "empirical over a trace",
        "cluster.compute",
        {"distribution": "trace", "measured": ["1 s", "3 s"], "per": "cluster"},
        {"distribution": "empirical"},
        {"distribution": "empirical", "measured": (1.0, 3.0), "per": None},
    ),
    Pair(
        "slow for ever over spells",
        "cluster.stragglers",
        {"slowdown": 2, "mean_normal": "1 s", "mean_slow": "1 s", "slow_law": {"distribution": "constant"}},
        {"mean_slow": "forever"},
        {"is_lasting": True, "mean_normal": None},
    ),
    Pair(
        "a mean over measured times",
        "cluster.compute",
        MEASURED,
        {"per_sample": "1 ms"},
        {"per_sample": 1e-3, "measured": (1.0, 3.0)},
    ),
    Pair(
        "no mean over its efficiency",
        "cluster.compute",
        {**MEASURED, "per_sample": "1 ms", "efficiency": {"full_at": 8, "exponent": 0.5}},
        {"per_sample": None},
        {"efficiency": None},
    ),
    Pair(
        "another law of delays",
        "protocol.delay",
        {"distribution": "normal", "mean": 5, "deviation": 2},
        {"distribution": "uniform", "low": 1, "high": 3},
        {"mean": None, "deviation": None, "low": 1, "high": 3},
    ),
    Pair(
        "a law of delays without deviation",
        "protocol.delay",
        {"distribution": "normal", "mean": 5, "deviation": 2},
        {"distribution": "poisson"},
        {"mean": 5.0, "deviation": None},
    ),
    Pair(
        "measured delays",
        "protocol.delay",
        {"distribution": "poisson", "mean": 5},
        {"measured": [1, 2]},
        {"distribution": "measured", "mean": None, "measured": (1, 2)},
    ),
    Pair(
        "a law over measured delays",
        "protocol.delay",
        {"distribution": "measured", "measured": [1, 2]},
        {"distribution": "constant", "mean": 3},
        {"mean": 3.0, "measured": None},
    ),
    Pair("no momentum", "learning.optimizer", {"momentum": 0.9, "nesterov": True}, {"momentum": 0}, {"nesterov": False}),
    Pair("no boundaries", "learning.schedule", {"boundaries": [1, 2], "factor": 0.1}, {"boundaries": []}, {"factor": None}),
    Pair("no factor", "learning.schedule", {"boundaries": [1, 2], "factor": 0.1}, {"factor": None}, {"boundaries": ()}),
    Pair("one feature", "learning.data", {"condition": 10}, {"features": 1}, {"condition": 1.0}),
    Pair(
        "data without classes",
        "learning",
        {"data": "digits", "model": "softmax", "partition": {"kind": "dirichlet", "concentration": 1}},
        {"data": {"kind": "linear-regression", "features": 5}, "model": "linear"},
        {"partition.kind": "shared"},
    ),
    Pair(
        "no copies",
        "",
        {"protocol": "downpour", "learning": {"local_learning_rate": 0.1}},
        {"protocol": "async"},
        {"learning.local_learning_rate": None},
    ),
    Pair(
        "no server for a tree",
        "",
        {"cluster": {"architecture": {"kind": "adv", "intra_node_bandwidth": "7 GB/s", "fan_out": 3}}},
        {"protocol": "all-reduce"},
        {"cluster.architecture.kind": "base", "cluster.architecture.intra_node_bandwidth": 7e9},
    ),
    Pair(
        "no server for shards",
        "",
        {"cluster": {"architecture": {"kind": "base", "shards": 3}}},
        {"protocol": "gossip-pull"},
        {"cluster.architecture.shards": 1},
    ),
    Pair(
        "models instead of gradients",
        "",
        {"workload": {"compression": {"kind": "top-k", "fraction": 0.1}}, "learning": {"modulation": "gap-aware"}},
        {"protocol": "gossip-push"},
        {"workload.compression.kind": "none", "learning.modulation.kind": "default"},
    ),
]
BASES: dict[str, dict[str, Any]] = {
    "cluster.compute": {"cluster": {"compute": {"per_sample": "1 ms"}}},
    "protocol.delay": {"cluster": {"learners": 1}, "protocol": {"kind": "injected-staleness"}},
}


def under(section: str, tree: Any) -> dict[str, Any]:
    for key in reversed(section.split(".") if section else []):
        tree = {key: tree}
    return dict(tree)


def file_of(tree: dict[str, Any]) -> Layer:
    """Return the layer of a tree as if it came from a file."""
    return yaml_layer.parse_layer(yaml_layer.dump_yaml(tree), "s.yaml")


def base_of(pair: Pair) -> dict[str, Any]:
    """Return a complete scenario with the earlier layer's values."""
    plain = yaml_layer.parse_layer(PLAIN, "").tree
    plain["cluster"] = {"learners": 4, **yaml_layer.read_layer(catalogue.list_profiles()["ideal"]).tree["cluster"]}
    plain["cluster"]["compute"] = {"per_batch": "1 ms", "per_sample": "1 ms"}
    earlier = merge(BASES.get(pair.section, {}), under(pair.section, pair.earlier))
    whole: dict[str, Any] = merge(plain, earlier)
    return whole


def judge(chosen: Scenario, pair: Pair) -> None:
    for key, value in pair.holds.items():
        found: Any = chosen
        for part in (pair.section.split(".") if pair.section else []) + key.split("."):
            found = getattr(found, part)
        assert found == value, key


def overrides(pair: Pair) -> list[str]:
    """Return the later layer's values as overrides, key by key."""
    prefix = f"{pair.section}." if pair.section else ""
    return [f"{prefix}{key}={json.dumps(value)}" for key, value in pair.later.items()]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.label)
def test_the_command_line_over_a_scenario(pair: Pair) -> None:
    judge(Scenario.from_layer(file_of(base_of(pair)), overrides(pair)), pair)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.label)
def test_a_variant_over_its_scenario(pair: Pair) -> None:
    variants = {"changed": under(pair.section, pair.later), "same": None}
    chosen = Scenario.from_layer(file_of({**base_of(pair), "variants": variants}))
    judge(chosen.variants["changed"], pair)
    assert chosen.variants["same"].resolved() == Scenario.from_layer(file_of(base_of(pair))).resolved()


# Within one layer, a choice contradicts values that it makes meaningless.
CONTRADICTIONS = [
    {"cluster": {"compute": {"distribution": "constant", "cv": 0.3}}},
    {"cluster": {"compute": {"distribution": "gamma", "cv": 0.3, "measured": ["1 s"]}}},
    {"cluster": {"compute": {"distribution": "empirical", "cv": 0.3, "measured": ["1 s"]}}},
    {"cluster": {"server": {"update_law": {"distribution": "exponential", "cv": 0.3}}}},
    {"learning": {"optimizer": {"momentum": 0, "nesterov": True}}},
    {"learning": {"schedule": {"factor": 0.1}}},
    {"learning": {"data": {"features": 1, "condition": 10}}},
    {"learning": {"local_learning_rate": 0.1}, "protocol": "hardsync"},
    {"cluster": {"architecture": "adv"}, "protocol": "all-reduce"},
    {"cluster": {"architecture": {"kind": "base", "shards": 3}}, "protocol": "gossip-pull"},
    {"workload": {"compression": "sign"}, "protocol": "gossip-push"},
    {"learning": {"modulation": "gap-aware"}, "protocol": "gossip-push"},
]


@pytest.mark.parametrize("tree", CONTRADICTIONS, ids=str)
def test_a_contradiction_within_one_layer_is_wrong(tree: dict[str, Any]) -> None:
    plain = yaml_layer.parse_layer(PLAIN, "").tree
    with pytest.raises(ScenarioError, match=r"^s\.yaml:"):
        Scenario.from_layer(file_of(merge(plain, tree)))
    with pytest.raises(ScenarioError, match=r"^s\.yaml:"):
        Scenario.from_layer(file_of({**plain, "variants": {"a": tree}}))


@pytest.mark.parametrize("profile", catalogue.list_profiles())
@pytest.mark.parametrize(
    "later",
    [
        {"cluster": {"compute": {"distribution": "constant"}}},
        {"cluster": {"compute": {"distribution": "exponential"}}},
        {"cluster": {"compute": {"measured": ["1 s", "2 s"]}}},
        {"protocol": "all-reduce"},
        {"protocol": "gossip-pull"},
    ],
    ids=str,
)
def test_a_scenario_over_any_profile(profile: str, later: dict[str, Any]) -> None:
    plain = merge(yaml_layer.parse_layer(PLAIN, "").tree, {"cluster": {"profile": profile}, **later})
    chosen = Scenario.from_layer(file_of(merge(plain, later)))
    law = later.get("cluster", {}).get("compute", {})
    assert chosen.cluster.compute.distribution == law.get(
        "distribution", "empirical" if law else chosen.cluster.compute.distribution
    )
    if law.get("measured"):
        assert chosen.cluster.compute.mean_measured == 1.5
        assert chosen.cluster.compute.per_sample is None


def test_a_cv_does_not_say_which_law_is_meant() -> None:
    """Check that a cv contradicts constant times, with its place and a hint."""
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_layer(
            file_of(merge(yaml_layer.parse_layer(PLAIN, "").tree, {"cluster": {"compute": {"distribution": "constant"}}})),
            ["compute.cv=0.3"],
        )
    assert str(caught.value).startswith("argument: cluster.compute.cv: constant times have a cv of 0, but cv is 0.3; give ")


def test_faults_never_give_way() -> None:
    """Check that a fault of the machine is refused if the protocol cannot have it."""
    faults = {"cluster": {"faults": {"server_pauses": [{"at": "1 s", "lasting": "1 s"}]}}}
    with pytest.raises(ScenarioError, match="there is no parameter server to pause"):
        Scenario.from_layer(file_of(merge(yaml_layer.parse_layer(PLAIN, "").tree, faults)), ["protocol=all-reduce"])
