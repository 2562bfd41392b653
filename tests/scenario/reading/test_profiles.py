from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simasgd.cluster.clock import compute
from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.schema import Scenario

PROFILES = catalogue.list_profiles()
WORK = "workload: {mini_batch: 4, payload: 1 kB}, protocol: async, stop: {gradients: 10}"


def leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    else:
        yield path


@pytest.mark.parametrize("path", PROFILES.values(), ids=list(PROFILES))
def test_every_value_has_a_source_and_every_source_a_value(path: Path) -> None:
    tree = yaml_layer.read_layer(path).tree
    assert set(tree) - {"under_topology"} == {"title", "cluster", "sources"}
    assert tree["title"]
    values = {*leaves(tree["cluster"], "cluster"), *leaves(tree.get("under_topology", {}), "under_topology")}
    assert values == set(tree["sources"])
    assert all(isinstance(source, str) and source.strip() for source in tree["sources"].values())


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("protocol", ["hardsync", "async", "{kind: n-softsync, n: 2}"])
def test_every_profile_makes_a_scenario_whole(name: str, protocol: str) -> None:
    yaml = (
        f"name: whole\ncluster: {{learners: 4, profile: {name}}}\nworkload: {{mini_batch: 4, payload: 1 kB}}\n"
        f"protocol: {protocol}\nstop: {{gradients: 10}}\n"
    )
    chosen = Scenario.from_layer(yaml_layer.parse_layer(yaml, "s.yaml"))
    assert chosen.cluster.profile == name
    # All its values are in the scenario, and mean the same if the scenario itself gives them.
    said = yaml_layer.read_layer(PROFILES[name]).tree["cluster"]
    resolved = chosen.resolved()["cluster"]
    assert set(leaves(said, "cluster")) <= set(leaves(resolved, "cluster"))
    written = yaml_layer.parse_layer(
        yaml_layer.dump_yaml({**yaml_layer.parse_layer(yaml, "s.yaml").tree, "cluster": {"learners": 4, **said}}), "s.yaml"
    )
    assert Scenario.from_layer(written).resolved()["cluster"] == {**resolved, "profile": None}


def test_the_profiles_that_the_documentation_names_are_there() -> None:
    assert set(PROFILES) == {"p775", "ideal", "ethernet-25g", "k80-fdr", "k20x-gemini", "gpu8-200g", "wifi-laptops"}


def mean_time(profile: str, mini_batch: int) -> float:
    yaml = f"{{name: x, cluster: {{learners: 1, profile: {profile}}}, {WORK}}}"
    return compute.mean_time(Scenario.from_layer(yaml_layer.parse_layer(yaml, "s.yaml")).cluster.compute, mini_batch)


@pytest.mark.parametrize(
    ("profile", "mini_batch", "seconds"),
    [
        ("k80-fdr", 16, 0.11274),  # ResNet-18
        ("gpu8-200g", 256, 256 / 2470),  # ResNet-50
        ("p775", 128, 22_392 / 140 / (50_000 / 128)),  # Rudra's CIFAR-10 network
    ],
)
def test_a_mini_batch_takes_as_long_as_the_measurement_that_the_profile_was_calibrated_on(
    profile: str, mini_batch: int, seconds: float
) -> None:
    assert mean_time(profile, mini_batch) == pytest.approx(seconds, rel=0.01)


def test_a_k20x_is_slower_than_a_k80s_half_by_the_ratio_of_their_peaks() -> None:
    per_image = [(mean_time(name, 1000) - 2e-3) / 1000 for name in ("k20x-gemini", "k80-fdr")]
    assert per_image[0] / per_image[1] == pytest.approx((8.74 / 2) / 3.95, rel=0.001)


def test_to_name_the_profiles_architecture_again_keeps_its_numbers() -> None:
    yaml = f"{{name: x, cluster: {{learners: 16, profile: gpu8-200g, architecture: ARCHITECTURE}}, {WORK}}}"
    for word, bandwidth in (("adv", 300e9), ("{fan_out: 2}", 300e9), ("adv*", 20e9)):
        architecture = Scenario.from_layer(
            yaml_layer.parse_layer(yaml.replace("ARCHITECTURE", word), "s.yaml")
        ).cluster.architecture
        assert architecture.intra_node_bandwidth == bandwidth, word
    assert (
        Scenario.from_layer(yaml_layer.parse_layer(yaml.replace("ARCHITECTURE", "base"), "s.yaml")).cluster.architecture.kind
        == "base"
    )
