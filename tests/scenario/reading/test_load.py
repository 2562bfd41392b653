from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer, merge
from tests.scenario.sections.forms import CLUSTER_FORMS

PLAIN = """\
name: plain
cluster: {learners: 30, profile: p775}
workload: {mini_batch: 4, payload: 350 kB}
protocol: hardsync
learning:
  data: digits
  model: {kind: mlp, hidden: [32]}
  optimizer: {kind: sgd, learning_rate: 0.05, momentum: 0.9}
stop: {epochs: 1}
"""


def read(yaml: str, *overrides: str) -> Scenario:
    return Scenario.from_layer(yaml_layer.parse_layer(yaml, "s.yaml"), overrides)


def complaint(yaml: str, *overrides: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        read(yaml, *overrides)
    return str(caught.value)


def test_profile_then_scenario_then_variant_then_command_line() -> None:
    yaml = PLAIN.replace("profile: p775", "profile: p775, server: {update: 2 ms}") + (
        "variants:\n  untouched:\n  changed: {cluster: {server: {update: 3 ms}}}\n"
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
    # What the profile says beside it still holds at every level.
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
    assert chosen.gradients_to_stop == math.ceil(1437 / 4)


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
        ("seed=7", "seed", 7),  # itself, though cluster.seed and learning.seed end so too
    ],
)
def test_override(override: str, path: str, value: object) -> None:
    found: object = read(PLAIN, override)
    for part in path.split("."):
        found = getattr(found, part)
    assert found == value


def test_the_last_of_two_overrides_holds() -> None:
    assert read(PLAIN, "learners=8", "learners=9").cluster.learners == 9


def test_an_override_of_one_variant() -> None:
    yaml = PLAIN + "variants: {a: , b: {seed: 1}}\n"
    chosen = read(yaml, "variants.a.learners=8", "variants.b.seed=2")
    assert chosen.cluster.learners == 30
    assert chosen.variants["a"].cluster.learners == 8
    assert (chosen.variants["b"].cluster.learners, chosen.variants["b"].seed) == (30, 2)


ROUND_TRIPS = [
    [],
    ["learning=null", "samples_per_epoch=100"],
    ["cluster.profile=ideal"],
    ["cluster.profile=ethernet-25g", "stop.simulated_time=1 h", "stop.epochs=null"],
    ["record=summary", "learning=null", "stop.epochs=null", "stop.updates=100"],
    ["modulation={kind: sqrt-batch, reference: 128}", "precision=float64", "learning_rate=1e-7"],
    ["protocol={kind: n-softsync, n: learners}", "cluster.seed=4294967295"],
    ["model=softmax", "schedule=null", "workload.payload=null"],
    ["data=cifar10", "hidden=[3, 2, 1]", "compute.per_sample=1e-9 s"],
    ["compute.distribution=exponential", "compute.cv=null"],
    ["protocol={kind: hardsync, barrier_timeout: 2 s}", "record=timeline"],
    ["protocol={kind: async, spread: 10}"],
    ["protocol={kind: injected-staleness, delay: [3, {distribution: poisson, mean: 2}]}", "learners=1"],
    *([f"cluster.profile={name}"] for name in catalogue.list_profiles()),
]


@pytest.mark.parametrize("overrides", ROUND_TRIPS, ids=" ".join)
def test_a_resolved_scenario_loads_back_equal(overrides: list[str], tmp_path: Path) -> None:
    for variant_or_whole in [(chosen := Scenario.load("quickstart", *overrides)), *chosen.variants.values()]:
        file = tmp_path / "again.yaml"
        file.write_text(yaml_layer.dump_yaml(variant_or_whole.resolved()), encoding="utf-8")
        again = Scenario.load(file)
        assert again.resolved() == variant_or_whole.resolved()
        assert again.hash() == variant_or_whole.hash()
        assert list(again.variants) == list(variant_or_whole.variants)
        for name, variant in variant_or_whole.variants.items():
            assert again.variants[name].hash() == variant.hash()


@pytest.mark.parametrize("overrides", [[], ["profile=ethernet-25g"]])
def test_a_resolved_scenario_loads_back_into_an_equal_value(overrides: list[str]) -> None:
    chosen = Scenario.load("quickstart", *overrides)
    again = Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(chosen.resolved()), "again.yaml"))
    assert again.cluster == chosen.cluster
    assert chosen.learning is not None
    assert again.learning == chosen.learning.model_copy(update={"modulation": chosen.modulation})  # the default is named
    assert again.stop == chosen.stop


@pytest.mark.parametrize("form", CLUSTER_FORMS.values(), ids=list(CLUSTER_FORMS))
def test_every_form_of_a_cluster_loads_back_into_an_equal_value(form: dict[str, Any]) -> None:
    tree = merge(
        yaml_layer.parse_layer(PLAIN, "s.yaml").tree, {"cluster": {"learners": 4, **form}, "variants": {"a": {"cluster": form}}}
    )
    chosen = Scenario.from_layer(Layer(tree))
    again = Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(chosen.resolved()), "again.yaml"))
    assert again.cluster == chosen.cluster
    assert again.variants["a"].cluster == chosen.variants["a"].cluster
    assert again.hash() == chosen.hash()
    assert again.resolved() == chosen.resolved()


@settings(deadline=None, max_examples=50)
@given(
    title=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300),
    rate=st.floats(min_value=1e-300, max_value=1e300),
    boundary=st.floats(min_value=1e-9, max_value=1e9),
    latency=st.just(0.0) | st.floats(min_value=1e-15, max_value=1e9),
    seed=st.integers(0, 2**32 - 1),
)
def test_whatever_the_values_what_is_dumped_loads_back(
    title: str, rate: float, boundary: float, latency: float, seed: int
) -> None:
    base = Scenario.from_layer(yaml_layer.parse_layer(PLAIN, "s.yaml")).resolved()
    base["title"], base["seed"] = title, seed
    base["learning"]["optimizer"]["learning_rate"] = rate
    base["learning"]["schedule"] = {"boundaries": [boundary], "factor": rate}
    base["cluster"]["network"]["latency"] = f"{latency!r} s"
    chosen = Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(base), "s.yaml"))
    again = Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(chosen.resolved()), "again.yaml"))
    assert again == chosen
    assert again.title == title
    assert again.cluster.network.latency == latency


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


@pytest.mark.parametrize("override", ["name=other", "title=Other"])
def test_the_hash_does_not_know_names(override: str) -> None:
    assert Scenario.load("quickstart", override).hash() == Scenario.load("quickstart").hash()


def test_the_hash_does_not_change_with_how_a_value_is_written() -> None:
    assert read(PLAIN, "payload=350000 B").hash() == read(PLAIN).hash()
    assert read(PLAIN, "epochs=1.0").hash() == read(PLAIN).hash()


HASHED = [
    "seed=1",
    "repeats=2",
    "learners=31",
    "cluster.seed=0",
    "profile=null",
    "per_batch=1 ms",
    "per_sample=1 ms",
    "compute.distribution=lognormal",
    "compute.cv=0.2",
    "latency=3 us",
    "network.bandwidth=9 GB/s",
    "server.bandwidth=9 GB/s",
    "duplex=full",
    "update=1 ms",
    "mini_batch=8",
    "payload=351 kB",
    "samples_per_epoch=1000",
    "protocol=async",
    "learning.seed=0",
    "data=mnist",
    "crop=1",
    "flip=true",
    "subtract_mean=true",
    "model=softmax",
    "hidden=[33]",
    "learning_rate=0.06",
    "momentum=0.8",
    "schedule={boundaries: [1], factor: 0.1}",
    "modulation=inverse-staleness",
    "precision=float64",
    "epochs=2",
    "gradients=5",
    "updates=5",
    "simulated_time=5 s",
    "record=summary",
]


# Forms that say what holds anyhow, on the profile of the test.
SAME = [
    ["no speeds", "star", "base", "no update law", "no faults", "no crashes"],
]


def test_the_hash_changes_with_everything_else() -> None:
    yaml = PLAIN.replace(
        "profile: p775",
        "profile: p775, compute: {per_batch: 2 ms, per_sample: 3.2 ms,"
        " distribution: gamma, cv: 0.1}, network: {latency: 2 us, bandwidth: 10 GB/s},"
        " server: {bandwidth: 3.4 GB/s, duplex: half, update: 1.18 ms}",
    )
    hashes = {override: read(yaml, override).hash() for override in HASHED}
    for name, form in CLUSTER_FORMS.items():
        changed = merge(yaml_layer.parse_layer(yaml.replace("30", "4", 1), "s.yaml").tree, {"cluster": form})
        hashes[name] = Scenario.from_layer(Layer(changed)).hash()
    for same in SAME:
        assert len({hashes.pop(name) for name in same}) == 1, same
    hashes["nothing"] = read(yaml).hash()
    hashes["a variant"] = read(yaml + "variants: {a: }\n").hash()
    hashes["another variant"] = read(yaml + "variants: {a: {seed: 1}}\n").hash()
    hashes["the same under another name"] = read(yaml + "variants: {b: {seed: 1}}\n").hash()
    assert len(set(hashes.values())) == len(hashes)


@pytest.mark.parametrize(
    ("yaml", "value"),
    [
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("1.5E+2", 150.0),
        ("010", 10),  # no octal number
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
        ("12:30:45", "12:30:45"),  # no sexagesimal number
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


# (to be replaced, by what, the text at whose beginning the mistake is, the key, a fragment of the message)
PLACES = [
    ("learners: 30", "learners: 4.5", "4.5", "cluster.learners", "4.5 is not a whole number"),
    ("learners: 30", "learners: many", "many", "cluster.learners", "'many' is not a whole number"),
    ("learners: 30", "learnerz: 30", "learnerz", "cluster.learnerz", "did you mean 'learners'?"),
    ("350 kB", "350 kBB", "350 kBB", "workload.payload", "did you mean 'kB'?"),
    ("mini_batch: 4", "mini_batch: true", "true", "workload.mini_batch", "true is not a whole number"),
    ("hardsync", "hardsink", "hardsink", "protocol", "did you mean 'hardsync'?"),
    ("hardsync", "{kind: hardsink}", "hardsink", "protocol.kind", "did you mean 'hardsync'?"),
    ("hardsync", "{kind: n-softsync, n: 31}", "31", "protocol.n", "31 is more than the 30 learners"),
    ("hardsync", "{n: 31}", "{n: 31}", "protocol", "kind is missing; there are 'hardsync', 'n-softsync', 'async'"),
    ("hardsync", "3", "3\n", "protocol", "a kind or a mapping is wanted, not 3"),
    ("hardsync", "{kind: hardsync, m: 3}", "m: 3", "protocol.m", "unknown key 'm'"),
    ("[32]", "[32, 16, 0]", "0]", "learning.model.hidden.2", "0 is too small"),
    ("[32]", "[]", "[]", "learning.model.hidden", "the list is empty"),
    ("[32]", "32", "32}", "learning.model.hidden", "a list is wanted"),
    ("0.05", "-0.5", "-0.5", "learning.optimizer.learning_rate", "-0.5 is too small"),
    ("0.9", "1", "1}\n", "learning.optimizer.momentum", "1 is too large; it must be less than 1"),
    ("0.9", "high", "high", "learning.optimizer.momentum", "'high' is not a number"),
    ("0.9", "{total: 1}", "1}", "learning.optimizer.momentum.total", "1 is too large; it must be less than 1"),
    ("0.9", "{totl: 0.9}", "totl", "learning.optimizer.momentum.totl", "did you mean 'total'?"),
    ("data: digits", "data: digit", "digit\n", "learning.data", "did you mean 'digits'?"),
    ("data: digits", "data: {kind: digit}", "digit}", "learning.data.kind", "did you mean 'digits'?"),
    ("data: digits", "data: {crop: 2}", "{crop: 2}", "learning.data", "kind is missing; there are 'digits', 'mnist', "),
    ("data: digits", "data: {kind: digits, crop: -1}", "-1", "learning.data.crop", "it must be at least 0"),
    ("data: digits", "data: {kind: digits, crop: 8}", "8}", "learning.data.crop", "8 is too large: of 8 × 8 pixels"),
    ("data: digits", "data: {kind: digits, flip: 1}", "1}", "learning.data.flip", "1 is neither true nor false"),
    ("data: digits", "data: {kind: digits, clip: 1}", "clip: 1", "learning.data.clip", "did you mean 'flip'?"),
    ("data: digits", "data: {kind: characters, crop: 1}", "crop: 1", "learning.data.crop", "unknown key 'crop'"),
    ("{kind: sgd, learning_rate: 0.05, momentum: 0.9}", "adamm", "adamm", "learning.optimizer", "did you mean 'adam'?"),
    ("kind: sgd", "kind: adam", "momentum: 0.9", "learning.optimizer.momentum", "unknown key 'momentum'; known: b1, b2, "),
    ("momentum: 0.9", "nesterov: true", "true", "learning.optimizer.nesterov", "needs a momentum greater than 0"),
    ("{epochs: 1}", "{epochs: .nan}", ".nan", "stop.epochs", "NaN"),
    ("{epochs: 1}", "{}", "{}", "stop", "no limit given"),
    ("{epochs: 1}", "{epoch: 1}", "epoch: 1", "stop.epoch", "did you mean 'epochs'?"),
    ("name: plain", "name: Plain", "Plain", "name", "is no name"),
    ("name: plain", "name: plain\nseed: -1", "-1", "seed", "it must be at least 0"),
    ("name: plain", "name: plain\nseed: 4294967296", "4294967296", "seed", "it must be at most 4294967295"),
    ("name: plain", "name: plain\n3: x", "3: x", "3", "unknown key '3'"),
    ("profile: p775", "profile: p757", "p757", "cluster.profile", "did you mean 'p775'?"),
    ("profile: p775", "profile: 3", "3}", "cluster.profile", "3 is not text"),
    ("profile: p775", "profile: p775, network: {latency: 2}", "2}", "cluster.network.latency", "2 has no unit"),
    (
        "profile: p775",
        "profile: p775, compute: {distribution: constant, cv: 0.1}",
        "0.1}",
        "cluster.compute.cv",
        "cv is 0.1",
    ),
    (
        "profile: p775",
        "compute: {per_sample: 1 ms, cv: 0.3}, network: {latency: 0, bandwidth: unlimited},"
        " server: {bandwidth: unlimited, update: 0}",
        "0.3",
        "cluster.compute.cv",
        "constant times have a cv of 0",
    ),
    # Of what is missing, the place is the nearest section that is there, in the user's file.
    ("learners: 30, ", "", "cluster", "cluster.learners", "missing"),
    ("mini_batch: 4, ", "", "workload", "workload.mini_batch", "missing"),
    ("hardsync", "n-softsync", "protocol", "protocol.n", "missing"),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  a: {stop: {epochs: 0}}", "0}", "variants.a.stop.epochs", "0 is too small"),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  A/b: {seed: 3}", "A/b", "variants.A/b", "is no name"),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  A/b:", "A/b", "variants.A/b", "is no name"),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  a: {protocl: x}", "protocl", "variants.a.protocl", "did you mean 'protocol'?"),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  a: {title: x}", "title", "variants.a.title", "a variant cannot change 'title'"),
    ("{epochs: 1}", "{epochs: 1}\nvariants: [a]", "[a]", "variants", "a mapping of names to changes is wanted, not a list"),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  a: 3", "3", "variants.a", "a mapping of changes is wanted, not 3"),
]


@pytest.mark.parametrize(("old", "new", "at", "key", "fragment"), PLACES, ids=lambda case: case.replace("\n", "⏎")[:40])
def test_the_place_of_a_mistake(old: str, new: str, at: str, key: str, fragment: str) -> None:
    assert PLAIN.count(old) == 1
    yaml = PLAIN.replace(old, new)
    # Looked for within what was put in, where that is long enough to have it.
    start = yaml.index(at, PLAIN.index(old)) if at in yaml[PLAIN.index(old) :] else yaml.index(at)
    if fragment == "missing":
        start = yaml.index(f"\n{at}:") + 1
    line, column = yaml.count("\n", 0, start) + 1, start - yaml.rfind("\n", 0, start)
    message = complaint(yaml)
    head, source, caret = message.split("\n")  # one mistake, and nothing else
    assert head.startswith(f"s.yaml:{line}:{column}: {key}: ")
    assert fragment in head
    assert source == f"{line:>8} | {yaml.splitlines()[line - 1]}"
    assert caret.index("^") - source.index("|") - 2 == column - 1


@pytest.mark.parametrize(
    ("override", "caret", "fragments"),
    [
        ("learners=4.5", "4.5", ["cluster.learners: 4.5 is not a whole number"]),
        ("hidden=[3,x]", "[3,x]", ["learning.model.hidden.1: 'x' is not a whole number"]),
        ("cluster={learners: x}", "{learners", ["cluster.learners: 'x' is not a whole number"]),
        ("cluster={profile: zz}", "{profile", ["cluster.profile: there is no profile 'zz'"]),
        ("protocol.kind=n-softsync", "n-softsync", ["protocol.n: missing"]),
        ("protocol.n=3", "protocol.n", ["unknown key 'n'"]),
        ("learnerz=3", "learnerz", ["unknown key 'learnerz'; did you mean 'cluster.learners'?"]),
        ("kind=async", "kind", ["'kind' is ambiguous: cluster.network.topology.kind, "]),
        ("learners=[1", "[1", ["'[1' is not a YAML value"]),
        ("learners", "learners", ["'learners' is not key=value"]),
        ("variants.x.seed=3", "variants", ["variants.x: there is no variant 'x'; the scenario has none"]),
    ],
)
def test_the_place_of_a_mistake_on_the_command_line(override: str, caret: str, fragments: list[str]) -> None:
    head, source, marked = complaint(PLAIN, override).split("\n")
    assert head.startswith("command line: ")
    assert source == f"{'':8} | {override}"
    assert marked.index("^") - 11 == override.index(caret)
    for fragment in fragments:
        assert fragment in head


def test_an_unknown_variant_is_told_from_the_known_ones() -> None:
    message = complaint(PLAIN + "variants: {hard: , soft: }\n", "variants.sotf.seed=3")
    assert "there is no variant 'sotf'; did you mean 'soft'?" in message


def test_what_is_missing_is_missing_in_the_file_even_under_overrides() -> None:
    assert complaint(PLAIN.replace("name: plain\n", ""), "learners=3") == "s.yaml: name: missing"


def test_all_mistakes_are_told_at_once_and_each_once() -> None:
    yaml = PLAIN.replace("learners: 30", "learners: 0").replace("350 kB", "350") + "variants: {a: , b: {seed: -1}}\n"
    message = complaint(yaml)
    heads = [line for line in message.split("\n") if line.startswith("s.yaml")]
    assert [head.split(": ")[1] for head in heads] == ["cluster.learners", "workload.payload", "variants.b.seed"]


def test_a_long_pause_overlaps_with_all_within_it() -> None:
    pauses = "server_pauses: [{at: 1 s, lasting: 9 s}, {at: 2 s, lasting: 1 s}, {at: 9 s, lasting: 1 s}]"
    message = complaint(PLAIN.replace("profile: p775", f"profile: p775, faults: {{{pauses}}}"))
    heads = [line.split(": ", 1)[1] for line in message.split("\n") if line.startswith("s.yaml")]
    still = "the server still pauses then, until 10 s"
    assert heads == [f"cluster.faults.server_pauses.{i}.at: {still}" for i in (1, 2)]


def test_what_variants_inherit_is_missing_once() -> None:
    assert complaint(PLAIN.replace("stop: {epochs: 1}\n", "variants: {a: , b: }\n")) == "s.yaml: stop: missing"


@pytest.mark.parametrize(
    "yaml",
    [
        "a: 2001-13-45",
        "a: !!int x",
        "a: !!bool x",
        "a: !!set 3",
        "? [a, {b: c}]\n: 3",
        "a: &a {<<: *a}",
        "&a [*a]",
        "[" * 1000,
        "a: \x07",
        "a: " + "9" * 5000,
        "%YAML 3.0\n---\na: 3",
        "a: b\n---\nc: d",
        "*a",
        "{}",
        "a: 1\n\tb: 2",
    ],
    ids=lambda yaml: repr(yaml[:20]),
)
def test_whatever_yaml_there_is_its_complaint_is_ours(yaml: str) -> None:
    assert complaint(yaml).startswith("s.yaml")


@settings(deadline=None)
@given(st.text(st.sampled_from("ab:{}[]&*!|>'\"#-? ,\n\t<1~@%"), max_size=40))
def test_no_text_makes_anything_but_a_scenario_error(yaml: str) -> None:
    with pytest.raises(ScenarioError, match=r"^s\.yaml"):
        read(yaml)


def test_a_folder_does_not_hide_a_named_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "quickstart").mkdir()  # where `run quickstart --out quickstart` has put its results, say
    monkeypatch.chdir(tmp_path)
    assert Scenario.load("quickstart").name == "quickstart"


def test_every_named_scenario_loads() -> None:
    assert "quickstart" in catalogue.list_scenarios()
    for name in catalogue.list_scenarios():
        assert Scenario.load(name).name == name


def test_variants_can_be_taken_away() -> None:
    assert len(Scenario.load("quickstart").variants) == 3
    assert Scenario.load("quickstart", "variants=null").variants == {}
