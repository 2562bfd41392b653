"""Variants chosen by name, and overrides that would make their names untrue."""

from __future__ import annotations

import pytest

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.reading.load import build_scenario
from simasgd.scenario.schema import Scenario
from simasgd.sweeps.plan import plan_sweep

SEVERAL = """\
name: several
cluster: {learners: 4, profile: ideal}
workload: {mini_batch: 4, payload: 1 kB}
protocol: hardsync
stop: {gradients: 40}
variants:
  sync:
  free: {protocol: async}
  few: {cluster: {learners: 2}}
  slow: {protocol: async, cluster: {network: {latency: 1 s}}}
"""


def load(*overrides: str, variants: tuple[str, ...] = (), text: str = SEVERAL) -> Scenario:
    return Scenario.from_layer(yaml_layer.parse_layer(text, "s.yaml"), overrides, variants)


@pytest.mark.parametrize("name", ["sync", "free", "few", "slow"])
def test_one_variant_is_the_scenario_that_it_is_among_the_others(name: str) -> None:
    alone = load(variants=(name,))
    assert alone.hash() == load().variants[name].hash()
    assert (alone.name, alone.variants) == (f"several-{name}", {})
    again = Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(alone.resolved()), "s.yaml"))
    assert again.resolved() == alone.resolved()


def test_several_variants_stay_variants_in_their_order() -> None:
    some = load(variants=("slow", "free"))
    assert list(some.variants) == ["free", "slow"]
    assert some.name == "several-slow-free"
    assert some.variants["slow"].hash() == load().variants["slow"].hash()


def test_a_name_that_would_be_too_long_stays() -> None:
    name = "x" * 96
    assert load(variants=("sync",), text=SEVERAL.replace("several", name)).name == name


@pytest.mark.parametrize(
    ("names", "overrides", "message"),
    [
        (("fre",), [], "argument: there is no variant 'fre'; did you mean 'free'?"),
        (("zzz",), [], "there is no variant 'zzz'; choose from sync, free, few, slow"),
        (("free", "free"), [], "argument: the variant free is given twice"),
        (("free",), ["variants=null"], "there is no variant 'free'; the scenario has no variants"),
    ],
)
def test_a_wrong_choice(names: tuple[str, ...], overrides: list[str], message: str) -> None:
    with pytest.raises(ScenarioError) as complaint:
        load(*overrides, variants=names)
    assert message in str(complaint.value)


def test_a_mistake_in_a_variant_that_is_left_out_does_not_matter() -> None:
    wrong = SEVERAL.replace("learners: 2", "learners: 0")
    assert load(variants=("free",), text=wrong).cluster.learners == 4
    with pytest.raises(ScenarioError, match=r"variants\.few\.cluster\.learners"):
        load(text=wrong)


@pytest.mark.parametrize(
    ("overrides", "messages"),
    [
        (["protocol=ssp"], ["protocol: ssp would hold for every variant, and the names of free and slow would be wrong"]),
        (["seed=3", "protocol={kind: ssp, slack: 2}"], ["protocol={kind: ssp, slack: 2}", "variants=null protocol=ssp"]),
        (["protocol.kind=hardsync"], ["names of free and slow"]),
        (
            ["learners=8"],
            [
                "makes the variants sync and few equal",
                "| learners=8",
                "take some (--variant sync --variant free --variant slow)",
            ],
        ),
        (
            ["seed=3", "cluster.network.latency=1 s", "repeats=2"],
            ["makes the variants free and slow equal", "| cluster.network"],
        ),
        (["cluster={learners: 4, profile: ideal}", "cluster.network.latency=1 s"], ["equal"]),
        (
            ["record.weights=true", "seed=3", "record=timeline"],
            [
                "record: replaces the whole section, and with it record.weights=true; give record=timeline first",
                "| record=timeline",
            ],
        ),
    ],
)
def test_an_override_that_makes_names_untrue_is_refused(overrides: list[str], messages: list[str]) -> None:
    with pytest.raises(ScenarioError) as complaint:
        load(*overrides)
    for message in messages:
        assert message in str(complaint.value)


@pytest.mark.parametrize(
    "overrides",
    [
        ["seed=3"],
        ["stop.gradients=10", "mini_batch=8"],
        ["protocol=async", "variants=null"],
        ["variants.few.cluster.learners=3", "variants.free.protocol=ssp", "variants.free.protocol.slack=2"],
        ["network.bandwidth=1 GB/s"],
    ],
)
def test_an_override_that_keeps_the_differences_is_not(overrides: list[str]) -> None:
    chosen = load(*overrides)
    hashes = [variant.hash() for variant in chosen.variants.values()]
    assert len(set(hashes)) == len(hashes)


def test_an_override_that_replaces_values_of_variants_is_told() -> None:
    few = "{learners: 2, start: spread}, stop: {gradients: 20}"
    file = yaml_layer.parse_layer(SEVERAL.replace("{learners: 2}", few), "s.yaml")

    def told(*overrides: str, chosen: tuple[str, ...] = ()) -> list[str]:
        return list(build_scenario(Scenario, file, overrides, chosen).overruled)

    assert told("seed=3", "learners=8", "cluster.start=together", "variants.free.seed=3") == [
        "learners=8 replaces what the variant few has of its own",
        "cluster.start=together replaces what the variant few has of its own",
    ]
    assert told("learners=8", chosen=("free",)) == []
    assert told("learners=2") == [], "the variant has this value"
    with pytest.raises(ScenarioError, match="latency=1 s is for every variant, and so undoes variants"):
        told("latency=1 s", "variants.free.network.latency=2 s", chosen=("sync", "free"))


def test_variants_that_are_equal_in_the_file_are_nobodys_mistake() -> None:
    twice = SEVERAL.replace("  few: {cluster: {learners: 2}}", "  few:")
    assert load("seed=3", text=twice).variants["few"] == load("seed=3", text=twice).variants["sync"]


def test_an_override_that_fits_the_chosen_variants_is_accepted() -> None:
    assert load("learners=8", variants=("sync", "free")).variants["sync"].cluster.learners == 8
    with pytest.raises(ScenarioError, match="the name of free would be wrong"):
        load("protocol=hardsync", variants=("free",))


def test_a_sweep_says_at_which_point_variants_become_equal(tmp_path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(SEVERAL)
    with pytest.raises(ScenarioError) as complaint:
        plan_sweep(file, ["learners=4,8"])
    assert "makes the variants sync and few equal" in str(complaint.value)
    assert str(complaint.value).endswith("(at the point cluster.learners=4)")
    plan = plan_sweep(file, ["learners=4,8"], variants=["free"])
    assert [point.variant for point in plan.points] == ["", ""]
    assert plan.scenario.name == "several-free"
