"""Layers of a scenario: profile, scenario, variant, command line; and the values that YAML gives."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from simasgd.errors import ScenarioError
from simasgd.scenario.cluster.compute import Compute
from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.schema import Scenario
from tests.scenario.reading.plain import PLAIN, read


def test_profile_then_scenario_then_variant_then_command_line() -> None:
    yaml = PLAIN.replace("profile: p775", "profile: p775, server: {update: 2 ms}") + (
        "variants:\n  untouched:\n  changed: {cluster: {learners: 8, server: {update: 3 ms}}}\n"
    )
    assert read(PLAIN).cluster.server.update == 1.18e-3  # the profile's
    chosen = read(yaml)
    assert chosen.cluster.server.update == 2e-3
    assert chosen.variants["untouched"].cluster.server.update == 2e-3
    assert chosen.variants["changed"].cluster.server.update == 3e-3
    chosen = read(yaml, "server.update=4 ms")
    assert chosen.cluster.server.update == 4e-3
    assert chosen.variants["untouched"].cluster.server.update == 4e-3
    assert chosen.variants["changed"].cluster.server.update == 4e-3
    # The profile's other values still hold at every level.
    assert chosen.variants["changed"].cluster.server.bandwidth == 3.4e9


def test_a_variant_may_have_another_profile() -> None:
    chosen = read(PLAIN + "variants:\n  fast: {cluster: {profile: ideal}}\n")
    assert chosen.cluster.network.latency == 2e-6
    assert chosen.variants["fast"].cluster.network.latency == 0
    assert chosen.variants["fast"].cluster.network.bandwidth == math.inf
    assert chosen.variants["fast"].cluster.learners == 30


def test_a_variant_with_another_kind_takes_nothing_over_from_the_old_one() -> None:
    yaml = PLAIN.replace("protocol: hardsync", "protocol: {kind: n-softsync, n: 3}") + (
        "variants: {one: {protocol: async}, two: {protocol: {kind: hardsync}}, three: {protocol: {n: 5}}}\n"
    )
    chosen = read(yaml)
    assert chosen.protocol.model_dump() == {"kind": "n-softsync", "n": 3, "spread": None}
    assert chosen.variants["one"].protocol.model_dump() == {"kind": "async", "spread": None}
    assert chosen.variants["two"].protocol.model_dump() == {"kind": "hardsync", "barrier_timeout": None}
    assert chosen.variants["three"].protocol.model_dump() == {"kind": "n-softsync", "n": 5, "spread": None}


def test_a_bare_word_is_a_kind() -> None:
    yaml = PLAIN.replace("{kind: mlp, hidden: [32]}", "softmax")
    assert read(yaml).protocol.kind == "hardsync"
    assert read(yaml).learning.model.kind == "softmax"  # type: ignore[union-attr]
    assert read(yaml) == read(yaml.replace("protocol: hardsync", "protocol: {kind: hardsync}"))


def test_an_override_can_take_learning_away() -> None:
    chosen = read(PLAIN, "learning=null", "samples_per_epoch=1437")
    assert chosen.learning is None
    assert chosen.samples_to_stop == 1437


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("learners=8", "cluster.learners", 8),
        ("cluster.learners=8", "cluster.learners", 8),
        ("cluster.learners = 8", "cluster.learners", 8),
        ("epochs=2", "stop.epochs", 2.0),
        ("network.bandwidth=25 Gbit/s", "cluster.network.bandwidth", 3.125e9),
        ("server.bandwidth=unlimited", "cluster.server.bandwidth", math.inf),
        ("learning_rate=1e-3", "learning.optimizer.learning_rate", 1e-3),
        ("hidden=[8, 4]", "learning.model.hidden", (8, 4)),
        ("protocol=async", "protocol.kind", "async"),
        ("protocol={kind: n-softsync, n: 2}", "protocol.n", 2),
        ("modulation=inverse-staleness", "learning.modulation.kind", "inverse-staleness"),
        ("cluster.seed=7", "cluster.seed", 7),
        ("seed=7", "seed", 7),  # itself, although cluster.seed and learning.seed have the same ending
    ],
)
def test_override(override: str, path: str, value: object) -> None:
    found: object = read(PLAIN, override)
    for part in path.split("."):
        found = getattr(found, part)
    assert found == value


def test_an_override_of_one_variant() -> None:
    yaml = PLAIN + "variants: {a: , b: {seed: 1}}\n"
    chosen = read(yaml, "variants.a.learners=8", "variants.b.seed=2")
    assert chosen.cluster.learners == 30
    assert chosen.variants["a"].cluster.learners == 8
    assert (chosen.variants["b"].cluster.learners, chosen.variants["b"].seed) == (30, 2)


def test_seeds_default_to_the_scenarios() -> None:
    chosen = read(PLAIN, "seed=5")
    assert (chosen.cluster_seed, chosen.learning_seed) == (5, 5)
    chosen = read(PLAIN, "seed=5", "cluster.seed=6", "learning.seed=0")
    assert (chosen.cluster_seed, chosen.learning_seed) == (6, 0)


def test_repeats_are_runs_at_following_seeds() -> None:
    runs = list(read(PLAIN, "seed=4294967294", "repeats=3", "learning.seed=9").repeated())
    assert [run.seed for run in runs] == [2**32 - 2, 2**32 - 1, 0]
    assert [run.repeats for run in runs] == [1, 1, 1]
    assert [run.cluster_seed for run in runs] == [2**32 - 2, 2**32 - 1, 0]
    assert {run.learning_seed for run in runs} == {9}
    assert len({run.hash() for run in runs}) == 3


@pytest.mark.parametrize(
    ("yaml", "value"),
    [
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("1.5E+2", 150.0),
        ("010", 10),  # not an octal number
        ("0o17", 15),
        ("0x1F", 31),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("12:30:45", "12:30:45"),  # not a sexagesimal number
        ("2001-01-01", "2001-01-01"),
        ("2 ms", "2 ms"),
        ("'3'", "3"),
        (".inf", math.inf),
        ("[1, a, {b: 2}]", [1, "a", {"b": 2}]),
    ],
)
def test_yaml_values(yaml: str, value: object) -> None:
    found = yaml_layer.parse_scalar(yaml)
    assert found == value
    assert type(found) is type(value)


def test_anchors_and_merge_keys() -> None:
    yaml = PLAIN.replace("hardsync\n", "&p {kind: n-softsync, n: 3}\n") + (
        "variants:\n  a: &a {protocol: *p, seed: 5}\n  b: {<<: *a, seed: 6}\n  c: {<<: *a, protocol: {<<: *p, n: 4}}\n"
    )
    chosen = read(yaml)
    assert [variant.seed for variant in chosen.variants.values()] == [5, 6, 5]
    assert [variant.protocol.model_dump()["n"] for variant in chosen.variants.values()] == [3, 3, 4]


def test_a_byte_order_mark_and_crlf_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode())
    assert Scenario.load(file) == read(PLAIN)


def test_a_folder_does_not_hide_a_named_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "quickstart").mkdir()  # for example with the results of `run quickstart --out quickstart`
    monkeypatch.chdir(tmp_path)
    assert Scenario.load("quickstart").name == "quickstart"


def test_every_named_scenario_loads() -> None:
    assert "quickstart" in catalogue.list_scenarios()
    for name in catalogue.list_scenarios():
        assert Scenario.load(name).name == name


def test_variants_can_be_taken_away() -> None:
    assert len(Scenario.load("quickstart").variants) == 3
    assert Scenario.load("quickstart", "variants=null").variants == {}


def test_the_time_of_a_mini_batch_is_enough() -> None:
    """The time per sample is 0 then; of measured times it stays open, because they have times of their own."""
    links = "network: {latency: 0 s, bandwidth: unlimited}, server: {bandwidth: unlimited, update: 0 s}"
    whole = PLAIN.replace("profile: p775", f"{links}, compute: {{COMPUTE}}")

    def compute(text: str, *overrides: str) -> Compute:
        found = read(whole.replace("COMPUTE", text), *overrides).cluster.compute
        assert isinstance(found, Compute)
        return found

    assert compute("per_batch: 0.2 s").per_sample == 0.0
    assert compute("per_sample: 1 s", "per_batch=0.2 s").per_sample == 1.0
    assert compute("per_batch: 0.2 s, measured: [1 s, 2 s]").per_sample is None
    with pytest.raises(ScenarioError, match="per_sample: missing: give the time per sample, or per_batch"):
        compute("per_batch: 0.2 s, per_sample: null")
    with pytest.raises(ScenarioError, match="would take no time at all"):
        compute("per_batch: 0 s")
