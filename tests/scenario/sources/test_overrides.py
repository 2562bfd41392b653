"""Overrides are one layer, which cannot contradict itself; and a protocol may be written there as for `compare`."""

from __future__ import annotations

import pytest

from simasgd import Scenario, ScenarioError
from simasgd.advising.candidates import list_configurations
from simasgd.advising.vary import read_vary
from simasgd.protocols.n_softsync import NSoftsync
from simasgd.scenario.protocol_variants import build_comparison
from simasgd.scenario.reading.sources import read_source
from simasgd.sweeps.plan import plan_sweep


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["learning=null", "learning_rate=0.1"], "learning=null removes what learning_rate=0.1 changes"),
        (["learning_rate=0.1", "learning=null"], "learning=null removes what learning_rate=0.1 changes"),
        (["cluster.network=null", "network.latency=1 ms"], "cluster.network=null removes what network.latency=1 ms changes"),
        (["learning=null", "protocol=async+none"], "learning=null removes what protocol=async+none changes"),
        (["variants=null", "variants.async.seed=1"], "variants=null removes what variants.async.seed=1 changes"),
        (["cluster.learners=8", "learners=16"], "is given twice: cluster.learners=8 and learners=16"),
        (["learners=8", "seed=1", "learners=8"], "is given twice: learners=8 and learners=8"),
        (["variants.async.seed=1", "variants.async.seed=2"], "is given twice"),
        (["stop={epochs: 5}", "epochs=7"], "stop={epochs: 5} and epochs=7 contradict each other"),
        (["hidden=[8]", "model={kind: mlp, hidden: [4]}"], "contradict each other"),
        (["cluster.compute=[{per_sample: 1 ms}]", "compute.cv=0.1"], "contradict each other"),
        (["protocol=n-softsync:n=4", "protocol.n=3"], "protocol=n-softsync:n=4 and protocol.n=3 contradict each other"),
        (["seed=1", "variants.async.seed=2"], "seed=1 is for every variant, and so undoes variants.async.seed=2"),
    ],
)
def test_two_overrides_of_which_one_undoes_the_other_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ScenarioError) as complaint:
        Scenario.load("quickstart", *overrides)
    assert message in str(complaint.value)
    assert str(complaint.value).splitlines()[0].endswith("; give one of them")
    assert f"| {overrides[-1]}" in str(complaint.value), "the later one is shown"


@pytest.mark.parametrize(
    ("overrides", "whole"),
    [
        (["protocol=n-softsync", "protocol.n=4"], "protocol={kind: n-softsync, n: 4}"),
        (["protocol=n-softsync:n=4", "protocol.spread=10"], "protocol={kind: n-softsync, n: 4, spread: 10}"),
        (["optimizer={kind: sgd, learning_rate: 0.1}", "learning_rate=0.1"], "learning_rate=0.1"),  # they say the same
        (["optimizer.kind=sgd", "optimizer={kind: sgd, learning_rate: 0.1}"], "learning_rate=0.1"),
        (["stop.epochs=null", "stop.updates=5"], "stop={epochs: null, updates: 5}"),
        (["stop={epochs: 5}", "stop.updates=5"], "stop={epochs: 5, updates: 5}"),
    ],
)
def test_overrides_that_go_together_hold(overrides: list[str], whole: str) -> None:
    assert Scenario.load("digits", *overrides) == Scenario.load("digits", whole)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("backup-workers:backups=1", ["protocol={kind: backup-workers, backups: 1}"]),
        ("n-softsync:n=4,spread=10", ["protocol={kind: n-softsync, n: 4, spread: 10}"]),
        ("'n-softsync:n=4,spread=10'", ["protocol={kind: n-softsync, n: 4, spread: 10}"]),
        ("async+inverse-staleness", ["protocol=async", "learning.modulation=inverse-staleness"]),
        ("n-softsync:n=4+inverse-staleness", ["protocol=n-softsync", "protocol.n=4", "learning.modulation=inverse-staleness"]),
    ],
)
def test_a_protocol_is_written_as_for_compare(written: str, meant: list[str]) -> None:
    assert Scenario.load("digits", f"protocol={written}") == Scenario.load("digits", *meant)
    of_variant = [f"variants.async.{word}" for word in meant]
    whole = Scenario.load("quickstart", f"variants.async.protocol={written}")
    assert whole.variants["async"] == Scenario.load("quickstart", *of_variant).variants["async"]


@pytest.mark.parametrize(
    ("override", "message", "place"),
    [
        ("protocol=asyn+inverse-staleness", "unknown kind 'asyn'; did you mean 'async'?", 9),
        ("protocol=async+inverse-stalenes", "unknown kind 'inverse-stalenes'; did you mean", 15),
        ("protocol=n-softsync:n=4,m=4", "protocol.m: unknown key 'm'", 24),
        ("protocol=n-softsync:4", "'4' is not of the form key=value", 20),
        ("protocol=async+none+none", "a protocol can have only one modulation", 19),
        ("protocol=k-sync", "protocol.k: missing; write k-sync:k=6", 9),
    ],
)
def test_a_mistake_in_a_protocol_is_shown_at_its_place(override: str, message: str, place: int) -> None:
    with pytest.raises(ScenarioError) as complaint:
        Scenario.load("digits", override)
    first, excerpt, caret = str(complaint.value).splitlines()[:3]
    assert message in first
    assert caret.index("^") - excerpt.index("protocol=") == place


def test_a_file_says_it_as_a_mapping() -> None:
    tree = {**Scenario.load("digits").as_given(), "protocol": "backup-workers:backups=1"}
    with pytest.raises(ScenarioError, match=r"is no kind; write protocol: \{kind: backup-workers, backups: 1\}"):
        Scenario.load(tree)
    tree["protocol"] = "async+inverse-staleness"
    with pytest.raises(ScenarioError, match=r"write protocol: async and learning.modulation: inverse-staleness"):
        Scenario.load(tree)


def test_a_modulation_needs_something_to_learn() -> None:
    timing = {**Scenario.load("digits", "learning=null", "samples_per_epoch=100", "payload=1 kB").as_given()}
    with pytest.raises(ScenarioError, match="no learning section, so it cannot have a modulation"):
        Scenario.load(timing, "protocol=async+inverse-staleness")


def test_a_comparison_does_not_undo_its_protocols() -> None:
    with pytest.raises(ScenarioError, match=r"protocol\.n=3: would undo n-softsync:n=4; give one of them"):
        build_comparison("digits", ["n-softsync:n=4", "hardsync", "protocol.n=3"])


def test_the_same_notation_in_a_sweep() -> None:
    plan = plan_sweep("digits", ["protocol=hardsync,n-softsync:n=4,spread=10,async+inverse-staleness"])
    (axis,) = plan.axes
    assert axis.values == ("hardsync", "n-softsync:n=4,spread=10", "async+inverse-staleness")
    assert [point.scenario for point in plan.points] == [
        Scenario.load("digits", "protocol=hardsync"),
        Scenario.load("digits", "protocol={kind: n-softsync, n: 4, spread: 10}"),
        Scenario.load("digits", "protocol=async", "modulation=inverse-staleness"),
    ]
    assert plan_sweep("digits", ["protocol=choice(hardsync, n-softsync:n=4)"]).axes[0].values == ("hardsync", "n-softsync:n=4")
    fixed = plan_sweep("digits", ["protocol=n-softsync:n=2,spread=10", "learners=2,4"])
    assert [axis.key for axis in fixed.axes] == ["cluster.learners"]
    with pytest.raises(ScenarioError, match=r"a protocol with parameters as \{kind: KIND, KEY: VALUE\}"):
        plan_sweep("digits", ["protocol:learners=n-softsync:n=4:8,async:4"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["seed=0,1", "repeats=3"], "repeats: the values of seed take the place of repeats; leave repeats=3 out"),
        (["stop.epochs=5", "learners=2,4", "epochs=7"], "stop.epochs: is given twice: stop.epochs=5 and epochs=7"),
        (["optimizer={kind: sgd, learning_rate: 0.1}", "learning_rate=0.1,0.2"], "contradict each other"),
        (["sweep.random=3", "sweep.random=4"], "is given twice"),
    ],
)
def test_the_arguments_of_a_sweep_are_one_layer(arguments: list[str], message: str) -> None:
    with pytest.raises(ScenarioError) as complaint:
        plan_sweep("digits", arguments)
    assert message in str(complaint.value)


def test_what_advice_varies_is_a_layer_over_the_overrides() -> None:
    given = ["learners=8", "optimizer={kind: sgd, learning_rate: 0.1}"]
    vary = read_vary(["learners=2,4", "learning_rate=0.2,0.4", "protocol=async"], Scenario.load("digits", *given))
    found, refused = list_configurations(read_source("digits"), given, vary, None)
    assert [one.scenario.cluster.learners for one in found] == [2, 2, 4, 4]
    assert not refused


@pytest.mark.parametrize(
    ("given", "words", "kinds"),
    [
        ("protocol=async", ["protocol=hardsync,async"], ["hardsync inverse-staleness", "async inverse-staleness"]),
        ("protocol=hardsync", ["protocol=async+none,async"], ["async none", "async inverse-staleness"]),
        (
            "protocol={kind: async}",
            ["protocol=n-softsync:n=2,n-softsync:n=8"],
            ["n-softsync:2 inverse-staleness", "n-softsync:8 inverse-staleness"],
        ),
        (
            "protocol=n-softsync:n=4",
            ["protocol=n-softsync:n=2,n-softsync:n=8"],
            ["n-softsync:2 inverse-staleness", "n-softsync:8 inverse-staleness"],
        ),
        ("modulation=none", ["protocol=async,async+inverse-staleness"], ["async none", "async inverse-staleness"]),
        ("modulation=inverse-staleness", ["protocol=async", "modulation=none"], ["async none"]),
    ],
)
def test_each_candidate_of_advice_has_the_protocol_that_varies(given: str, words: list[str], kinds: list[str]) -> None:
    found, _ = list_configurations(read_source("digits"), [given], read_vary(words, Scenario.load("digits", given)), None)
    assert [_describe_kinds(one.scenario) for one in found] == kinds


def test_an_override_of_the_protocol_leaves_the_usual_candidates_of_advice() -> None:
    vary = read_vary([], Scenario.load("digits", "protocol=async", "learners=2"))
    found, _ = list_configurations(read_source("digits"), ["protocol=async", "learners=2"], vary, None)
    assert {"hardsync", "async", "ssp", "local-sgd"} <= {one.scenario.protocol.kind for one in found}
    assert all(one.variant.startswith(one.scenario.protocol.kind) for one in found)


def test_an_axis_of_advice_that_would_undo_a_protocol_that_varies_is_refused() -> None:
    vary = read_vary(["protocol=async+inverse-staleness", "modulation=none,sqrt-batch"], Scenario.load("digits"))
    with pytest.raises(ScenarioError, match=r"modulation=none: would undo protocol=async\+inverse-staleness"):
        list_configurations(read_source("digits"), [], vary, None)


def _describe_kinds(scenario: Scenario) -> str:
    size = f":{scenario.protocol.n}" if isinstance(scenario.protocol, NSoftsync) else ""
    return f"{scenario.protocol.kind}{size} {scenario.modulation.kind}"
