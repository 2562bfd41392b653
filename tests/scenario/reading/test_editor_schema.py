"""The JSON schema accepts what a scenario file may hold, and refuses the rest."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from simasgd.scenario.editor_schema import build_scenario_schema
from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer, merge
from tests.scenario.reading.editor_schema_cases import ABSENT, ACCEPTED, PLAIN, REFUSED
from tests.scenario.sections.forms import CLUSTER_FORMS

VALIDATOR = Draft202012Validator(build_scenario_schema())


def changed(path: str, value: Any) -> dict[str, Any]:
    tree = deepcopy(PLAIN)
    *parents, last = path.split(".")
    node = tree
    for part in parents:
        node = node[part]
    if value == ABSENT:
        del node[last]
    else:
        node[last] = value
    return tree


def errors(tree: Any) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(tree)]


def test_it_is_a_valid_schema() -> None:
    schema = build_scenario_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", catalogue.list_scenarios())
def test_it_accepts_the_scenarios_as_written_and_as_resolved(name: str) -> None:
    assert errors(yaml_layer.read_layer(catalogue.list_scenarios()[name]).tree) == []
    chosen = Scenario.load(name)
    assert errors(chosen.resolved()) == []
    for variant in chosen.variants.values():
        assert errors(variant.resolved()) == []


@pytest.mark.parametrize(("path", "value"), ACCEPTED)
def test_it_accepts_what_a_file_may_hold(path: str, value: Any) -> None:
    assert errors(changed(path, value)) == []


@pytest.mark.parametrize("form", CLUSTER_FORMS.values(), ids=list(CLUSTER_FORMS))
def test_it_accepts_every_form_of_a_cluster_as_written_and_as_resolved(form: dict[str, Any]) -> None:
    assert errors(changed("cluster", merge(PLAIN["cluster"], form))) == []
    whole = {"learners": 4, "profile": "ideal"}
    assert errors(changed("cluster", merge(whole, form))) == []
    chosen = Scenario.from_layer(Layer(changed("cluster", merge(whole, form))))
    assert errors(chosen.resolved()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    REFUSED,
    ids=lambda case: str(case).replace(" ", "_"),
)
def test_it_refuses_what_is_wrong(path: str, value: Any) -> None:
    assert errors(changed(path, value)) != []


def test_every_key_is_described_or_named_by_its_section() -> None:
    properties = build_scenario_schema()["properties"]
    assert {"name", "cluster", "workload", "protocol", "learning", "stop", "variants"} <= set(properties)
    assert "Without this section only the timing is simulated." in str(properties["learning"])


def test_every_default_is_what_a_file_may_hold() -> None:
    schema = build_scenario_schema()
    sections = {name: section for name, section in schema["$defs"].items() if name != "Variant"}
    checked = 0
    for section in [schema, *sections.values()]:
        for key, value in section["properties"].items():
            if "default" in value:
                found = list(Draft202012Validator({**value, "$defs": schema["$defs"]}).iter_errors(value["default"]))
                assert not found, (section["title"], key, found[0].message)
                checked += 1
    assert checked > 40
