"""Complaints about a file and about the command line: their places and their words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.errors import ScenarioError
from tests.scenario.reading.plain import PLAIN, complaint, read

# (text to replace, its replacement, the text where the mistake begins, the key, a fragment of the message)
PLACES = [
    ("learners: 30", "learners: 4.5", "4.5", "cluster.learners", "4.5 is not a whole number"),
    ("learners: 30", "learners: many", "many", "cluster.learners", "'many' is not a whole number"),
    ("learners: 30", "learnerz: 30", "learnerz", "cluster.learnerz", "did you mean 'learners'?"),
    ("350 kB", "350 kBB", "350 kBB", "workload.payload", "did you mean 'kB'?"),
    ("mini_batch: 4", "mini_batch: true", "true", "workload.mini_batch", "true is not a whole number"),
    ("hardsync", "hardsink", "hardsink", "protocol", "did you mean 'hardsync'?"),
    ("hardsync", "{kind: hardsink}", "hardsink", "protocol.kind", "did you mean 'hardsync'?"),
    ("hardsync", "{kind: n-softsync, n: 31}", "31", "protocol.n", "31 is more than the 30 learners"),
    ("hardsync", "{n: 31}", "{n: 31}", "protocol", "kind is missing; choose from 'hardsync', 'n-softsync', 'async'"),
    ("hardsync", "3", "3\n", "protocol", "found 3; expected a kind or a mapping"),
    ("hardsync", "{kind: hardsync, m: 3}", "m: 3", "protocol.m", "unknown key 'm'"),
    ("[32]", "[32, 16, 0]", "0]", "learning.model.hidden.2", "0 is too small"),
    ("[32]", "[]", "[]", "learning.model.hidden", "the list is empty"),
    ("[32]", "32", "32}", "learning.model.hidden", "found 32; expected a list"),
    ("0.05", "-0.5", "-0.5", "learning.optimizer.learning_rate", "-0.5 is too small"),
    ("0.9", "1", "1}\n", "learning.optimizer.momentum", "1 is too large; it must be less than 1"),
    ("0.9", "high", "high", "learning.optimizer.momentum", "'high' is not a number"),
    ("0.9", "{total: 1}", "1}", "learning.optimizer.momentum.total", "1 is too large; it must be less than 1"),
    ("0.9", "{totl: 0.9}", "totl", "learning.optimizer.momentum.totl", "did you mean 'total'?"),
    ("data: digits", "data: digit", "digit\n", "learning.data", "did you mean 'digits'?"),
    ("data: digits", "data: {kind: digit}", "digit}", "learning.data.kind", "did you mean 'digits'?"),
    ("data: digits", "data: {crop: 2}", "{crop: 2}", "learning.data", "kind is missing; choose from 'digits', 'mnist', "),
    ("data: digits", "data: {kind: digits, crop: -1}", "-1", "learning.data.crop", "it must be at least 0"),
    ("data: digits", "data: {kind: digits, crop: 8}", "8}", "learning.data.crop", "8 is too large: of 8 × 8 pixels"),
    ("data: digits", "data: {kind: digits, flip: 1}", "1}", "learning.data.flip", "1 is neither true nor false"),
    ("data: digits", "data: {kind: digits, clip: 1}", "clip: 1", "learning.data.clip", "did you mean 'flip'?"),
    ("data: digits", "data: {kind: characters, crop: 1}", "crop: 1", "learning.data.crop", "unknown key 'crop'"),
    ("{kind: sgd, learning_rate: 0.05, momentum: 0.9}", "adamm", "adamm", "learning.optimizer", "did you mean 'adam'?"),
    ("kind: sgd", "kind: adam", "momentum: 0.9", "learning.optimizer.momentum", "unknown key 'momentum'; known keys: b1, b2, "),
    ("momentum: 0.9", "nesterov: true", "true", "learning.optimizer.nesterov", "needs a momentum greater than 0"),
    ("{epochs: 1}", "{epochs: .nan}", ".nan", "stop.epochs", "NaN"),
    ("{epochs: 1}", "{}", "{}", "stop", "no limit given"),
    ("{epochs: 1}", "{epoch: 1}", "epoch: 1", "stop.epoch", "did you mean 'epochs'?"),
    ("name: plain", "name: Plain", "Plain", "name", "is not a valid name"),
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
    # The place of a missing key is the nearest existing section in the user's file.
    ("learners: 30, ", "", "cluster", "cluster.learners", "missing"),
    ("mini_batch: 4, ", "", "workload", "workload.mini_batch", "missing"),
    ("hardsync", "n-softsync", "protocol", "protocol.n", "missing"),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  a: {stop: {epochs: 0}}", "0}", "variants.a.stop.epochs", "0 is too small"),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  A/b: {seed: 3}", "A/b", "variants.A/b", "is not a valid name"),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  A/b:", "A/b", "variants.A/b", "is not a valid name"),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  a: {protocl: x}", "protocl", "variants.a.protocl", "did you mean 'protocol'?"),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  a: {title: x}", "title", "variants.a.title", "a variant cannot change 'title'"),
    (
        "{epochs: 1}",
        "{epochs: 1}\nvariants: [a]",
        "[a]",
        "variants",
        "found a list; expected a mapping of variant names to changes",
    ),
    ("{epochs: 1}", "{epochs: 1}\nvariants:\n  a: 3", "3", "variants.a", "found 3; expected a mapping of changes"),
]


@pytest.mark.parametrize(("old", "new", "at", "key", "fragment"), PLACES, ids=lambda case: case.replace("\n", "⏎")[:40])
def test_the_place_of_a_mistake(old: str, new: str, at: str, key: str, fragment: str) -> None:
    assert PLAIN.count(old) == 1
    yaml = PLAIN.replace(old, new)
    # The mistake is in the replacement if this contains the text.
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
        ("kind=async", "kind", ["'kind' is ambiguous; it may mean cluster.network.topology.kind, "]),
        ("learners=[1", "[1", ["'[1' is not a YAML value"]),
        ("learners", "learners", ["'learners' is not of the form key=value"]),
        ("variants.x.seed=3", "variants", ["variants.x: there is no variant 'x'; the scenario has no variants"]),
    ],
)
def test_the_place_of_a_mistake_on_the_command_line(override: str, caret: str, fragments: list[str]) -> None:
    head, source, marked = complaint(PLAIN, override).split("\n")
    assert head.startswith("argument: ")
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
    ("protocol", "of_variant", "keys"),
    [
        ("{kind: k-sync}", "{kind: k-async}", ["protocol.k", "variants.a.protocol.k"]),
        ("{kind: ssp, n: 3}", "{kind: n-softsync}", ["protocol.slack", "protocol.n", "variants.a.protocol.n"]),
        ("{kind: k-sync}", "{kind: k-sync}", ["protocol.k"]),
    ],
)
def test_a_variant_of_another_kind_lacks_keys_of_its_own(protocol: str, of_variant: str, keys: list[str]) -> None:
    variants = f"variants: {{a: {{protocol: {of_variant}}}}}\n"
    message = complaint(PLAIN.replace("protocol: hardsync", f"protocol: {protocol}") + variants)
    assert [line.split(": ")[1] for line in message.split("\n") if line.startswith("s.yaml")] == keys


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


def test_too_short_a_list_for_a_profile_is_a_complaint() -> None:
    assert "cluster.profile" in complaint(PLAIN.replace("profile: p775", "profile: [null]"))
