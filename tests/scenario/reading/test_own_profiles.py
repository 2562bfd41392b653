"""A profile may be a file of the user's own, beside the scenario that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simasgd.errors import ScenarioError
from simasgd.scenario.cluster.profile_file import ProfileFile
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario

OWN = """title: Our cluster
cluster:
  compute: {per_batch: 5 ms, per_sample: 1 ms, distribution: gamma, cv: 0.3}
  network: {latency: 10 us, bandwidth: 2 GB/s}
  server: {bandwidth: 2 GB/s, update: 1 ms}
under_topology:
  ring: {network: {bandwidth: 3 GB/s}}
sources:
  cluster.compute: measured
  cluster.compute.cv: >-
    fitted,
    0.3 ± 0.01
  cluster.network.latency: assumed
  under_topology.ring.network.bandwidth: of the ring
"""
SCENARIO = """name: mine
cluster: {learners: 2, profile: own.yaml}
workload: {mini_batch: 4, payload: 1 kB}
protocol: async
stop: {gradients: 10}
"""


def written(folder: Path, own: str = OWN, scenario: str = SCENARIO) -> Path:
    folder.joinpath("own.yaml").write_text(own, encoding="utf-8")
    folder.joinpath("s.yaml").write_text(scenario, encoding="utf-8")
    return folder / "s.yaml"


def complaint(path: Path, *overrides: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(path, *overrides)
    return str(caught.value)


def test_its_values_hold_below_the_scenarios(tmp_path: Path) -> None:
    path = written(tmp_path, scenario=SCENARIO.replace("own.yaml", "own.yaml, server: {update: 3 ms}"))
    cluster = Scenario.load(path, "compute.cv=0.5").cluster
    assert (cluster.compute.per_batch, cluster.compute.cv, cluster.server.update) == (0.005, 0.5, 0.003)
    assert cluster.network.bandwidth == 2e9


def test_its_values_for_a_topology_hold_there(tmp_path: Path) -> None:
    cluster = Scenario.load(written(tmp_path), "topology=ring").cluster
    assert cluster.network.bandwidth == 3e9
    assert isinstance(cluster.profile, ProfileFile)
    assert ("cluster.network.bandwidth", "3 GB/s", "of the ring") in cluster.profile.numbers


def test_the_resolved_scenario_has_its_sources_and_needs_no_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    chosen = Scenario.load(path)
    text = yaml_layer.dump_yaml(chosen.resolved())
    tmp_path.joinpath("own.yaml").unlink()
    again = Scenario.from_layer(yaml_layer.parse_layer(text, "resolved.yaml"))
    assert again == chosen
    assert again.hash() == chosen.hash()
    profile = again.cluster.profile
    assert isinstance(profile, ProfileFile)
    assert (profile.file, profile.title) == ("own.yaml", "Our cluster")
    sources = {number.key: number.source for number in profile.numbers}
    assert sources["cluster.compute.cv"] == "fitted, 0.3 ± 0.01"
    assert sources["cluster.compute.per_batch"] == "measured"  # the section's
    assert sources["cluster.server.update"] == "not stated"


def test_variants_may_have_profiles_of_their_own(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        scenario=f"{SCENARIO}"
        "variants: {a: {}, b: {cluster: {profile: other.yaml}}, c: {cluster: {profile: ideal}}}",
    )
    other = OWN.replace("Our", "Another").replace("per_batch: 5 ms, ", "").replace("cv: 0.3", "cv: 0.4")
    tmp_path.joinpath("other.yaml").write_text(other, encoding="utf-8")
    chosen = Scenario.load(path)
    assert {name: one.cluster.compute.cv for name, one in chosen.variants.items()} == {"a": 0.3, "b": 0.4, "c": 0.1}
    again = Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(chosen.resolved()), "resolved.yaml"))
    assert again == chosen


def test_a_file_is_relative_to_what_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "here").mkdir()
    path = written(tmp_path / "scenarios")
    written(tmp_path / "here", OWN.replace("cv: 0.3", "cv: 0.7"))
    monkeypatch.chdir(tmp_path / "here")
    assert Scenario.load(path).cluster.compute.cv == 0.3
    assert Scenario.load(path, "profile=own.yaml").cluster.compute.cv == 0.7
    assert Scenario.load("quickstart", "profile=own.yaml").cluster.compute.cv == 0.7


def test_measured_times_are_relative_to_the_profile(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "cluster:\n  compute: {distribution: empirical, file: times.txt}\n"
        "  network: {latency: 0 s, bandwidth: unlimited}\n  server: {bandwidth: unlimited, update: 0 s}\n",
    )
    tmp_path.joinpath("times.txt").write_text("1\n3\n", encoding="utf-8")
    assert Scenario.load(path).cluster.compute.measured == (1.0, 3.0)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("cv: 0.3", "cv: -1", "own.yaml:3:"),
        ("cv: 0.3", "cvv: 0.3", "did you mean 'cv'?"),
        ("sources:", "source:", "own.yaml:8:1: source: unknown key 'source'; did you mean 'sources'?"),
        ("cluster:", "clstr:", "unknown key 'clstr'; did you mean 'cluster'?"),
        ("cluster:\n", "cluster:\n  profile: ideal\n", "own.yaml:3:3: cluster.profile: a profile cannot name another profile"),
        ("measured", "[1, 2]", "own.yaml:9:20: sources.cluster.compute: found a list; expected a text that says where"),
        ("Our cluster", "3", "own.yaml:1:8: title: 3 is not text"),
        ("10 us", "10 m", "own.yaml:4:22: cluster.network.latency: unknown unit"),
    ],
)  # fmt: skip
def test_a_mistake_in_it_has_its_file_and_line(old: str, new: str, expected: str, tmp_path: Path) -> None:
    assert OWN.count(old) >= 1
    assert expected in complaint(written(tmp_path, OWN.replace(old, new, 1)))


def test_a_file_that_is_not_there_is_a_mistake_of_the_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path)
    monkeypatch.chdir(tmp_path)  # a long path is shortened in messages
    assert "there is no file 'p755.yaml'" in complaint(Path("s.yaml"), "profile=p755.yaml")
    tmp_path.joinpath("own.yaml").unlink()
    assert complaint(Path("s.yaml")).startswith("s.yaml:2:33: cluster.profile: there is no file 'own.yaml'")


def test_an_empty_profile_is_refused(tmp_path: Path) -> None:
    assert (
        complaint(written(tmp_path, "title: nothing\n"))
        == f"{tmp_path / 'own.yaml'}: cluster: missing; a profile gives values of a scenario's cluster"
    )
