"""A resolved scenario loads back into an equal one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer, merge
from tests.scenario.reading.plain import PLAIN
from tests.scenario.sections.forms import CLUSTER_FORMS

ROUND_TRIPS = [
    [],
    ["variants=null", "learning=null", "samples_per_epoch=100"],
    ["cluster.profile=ideal"],
    ["cluster.profile=ethernet-25g", "stop.simulated_time=1 h", "stop.epochs=null"],
    ["variants=null", "record=summary", "learning=null", "stop.epochs=null", "stop.updates=100"],
    ["variants=null", "modulation={kind: sqrt-batch, reference: 128}", "precision=float64", "learning_rate=1e-7"],
    ["variants=null", "protocol={kind: n-softsync, n: learners}", "cluster.seed=4294967295"],
    ["model=softmax", "schedule=null", "workload.payload=null"],
    ["data=cifar10", "hidden=[3, 2, 1]", "compute.per_sample=1e-9 s"],
    ["compute.distribution=exponential", "compute.cv=null"],
    ["variants=null", "protocol={kind: hardsync, barrier_timeout: 2 s}", "record=timeline"],
    ["variants=null", "protocol={kind: async, spread: 10}"],
    ["variants=null", "protocol={kind: injected-staleness, delay: [3, {distribution: poisson, mean: 2}]}", "learners=1"],
    *([f"cluster.profile={name}"] for name in catalogue.list_profiles()),
]


@pytest.mark.parametrize("overrides", ROUND_TRIPS, ids=" ".join)
def test_a_resolved_scenario_loads_back_equal(overrides: list[str], tmp_path: Path) -> None:
    for variant_or_whole in [(chosen := Scenario.load("quickstart", *overrides)), *chosen.variants.values()]:
        file = tmp_path / "again.yaml"
        file.write_text(yaml_layer.dump_yaml(variant_or_whole.resolved()), encoding="utf-8")
        again = Scenario.load(file)
        assert again.resolved() == variant_or_whole.resolved()
        by_sections = yaml_layer.read_sections(file)
        assert by_sections is not None
        assert Scenario.from_layer(by_sections) == again
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


@pytest.mark.parametrize(
    "text",
    [
        "name: a\nname: b\n",
        "name: &a b\ntitle: *a\n",
        'title: "two\nname: lines"\n',
        "# a comment\nname: a\n",
        "cluster:\n  absences_file: there.csv\n",
        "- a list\n",
        "",
    ],
)
def test_what_is_no_list_of_sections_is_read_as_a_whole(text: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    assert yaml_layer.read_sections(file) is None
    assert yaml_layer.read_sections(tmp_path / "missing.yaml") is None
