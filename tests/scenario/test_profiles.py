from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simasgd.scenario import catalogue, text
from simasgd.scenario.load import typed

PROFILES = catalogue.profiles()


def leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    else:
        yield path


@pytest.mark.parametrize("path", PROFILES.values(), ids=list(PROFILES))
def test_every_value_has_a_source_and_every_source_a_value(path: Path) -> None:
    tree = text.read(path).tree
    assert set(tree) == {"title", "cluster", "sources"}
    assert tree["title"]
    assert set(leaves(tree["cluster"], "cluster")) == set(tree["sources"])
    assert all(isinstance(source, str) and source.strip() for source in tree["sources"].values())


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("protocol", ["hardsync", "async", "{kind: n-softsync, n: 2}"])
def test_every_profile_makes_a_scenario_whole(name: str, protocol: str) -> None:
    yaml = (
        f"name: whole\ncluster: {{learners: 4, profile: {name}}}\nworkload: {{mini_batch: 4, payload: 1 kB}}\n"
        f"protocol: {protocol}\nstop: {{gradients: 10}}\n"
    )
    chosen = typed(text.parse(yaml, "s.yaml"))
    assert chosen.cluster.profile == name
    # All it says is in the scenario, in the units of the simulator.
    said = text.read(PROFILES[name]).tree["cluster"]
    resolved = chosen.resolved()["cluster"]
    assert set(leaves(said, "cluster")) <= set(leaves(resolved, "cluster"))
    assert (
        typed(text.parse(yaml.replace(f", profile: {name}", f", {_flow(said)}"), "s.yaml")).cluster.compute
        == chosen.cluster.compute
    )


def _flow(sections: dict[str, dict[str, Any]]) -> str:
    return ", ".join(
        f"{name}: {{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}" for name, keys in sections.items()
    )


def test_the_three_profiles_are_there() -> None:
    assert {"p775", "ideal", "ethernet-25g"} <= set(PROFILES)
