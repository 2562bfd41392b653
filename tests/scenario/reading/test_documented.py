"""The lists of keys in docs/scenario.md are those of the code, and its examples are accepted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from simasgd.protocols import Protocol
from simasgd.scenario import key_lists
from simasgd.scenario.editor_schema import build_scenario_schema
from simasgd.scenario.reading import keys, yaml_layer
from simasgd.scenario.schema import Scenario
from tests.scenario.sections.table import FAMILIES

PATH = Path(__file__).parents[3] / "docs" / "scenario.md"
PAGE = PATH.read_text(encoding="utf-8")


def test_the_lists_are_up_to_date() -> None:
    assert key_lists.write_lists(PAGE) == PAGE, "run `make docs`"


def test_every_section_has_a_list() -> None:
    listed = set(key_lists.listed_keys(PAGE))
    every = keys.list_keys(Scenario)
    # A law of update times or spells, or a cost, has keys of compute times; the kinds of a collective have no keys.
    laws = {"cluster.server.update_law", *(f"cluster.stragglers.{key}" for key in ("slowdown", "normal_law", "slow_law"))}
    elsewhere = {*laws, "protocol.collective", "cluster.costs.mixing", "cluster.costs.collective_start"}
    sections = {key.rpartition(".")[0] for key in every if "." in key}
    assert sections - listed <= elsewhere


def test_a_key_without_sections_is_an_error() -> None:
    with pytest.raises(ValueError, match="seed has no keys"):
        key_lists.write_lists("<!-- keys: seed -->\n<!-- end of keys -->")


def test_every_key_says_what_it_is() -> None:
    found = []
    for name, definition in {"Scenario": build_scenario_schema(), **build_scenario_schema()["$defs"]}.items():
        for key, schema in definition.get("properties", {}).items():
            if key != "kind" and name != "Variant" and "description" not in schema:
                found.append(f"{name}.{key}")
    assert not found, "these fields have no docstring"


def test_every_kind_is_on_the_page() -> None:
    kinds = {section.model_fields["kind"].default for section in get_args(Protocol)}
    kinds |= {kind for family in FAMILIES.values() for kind in family.rows}
    assert {kind for kind in kinds if f"**`{kind}`**" not in PAGE} == set()


def test_prose_wraps_at_100_columns() -> None:
    assert [line for line in PAGE.splitlines() if len(line) > key_lists.WIDTH and not line.startswith("|")] == []


def fields_with_examples() -> list[Any]:
    sections = {section for key in key_lists.listed_keys(PAGE) for section in key_lists.sections_at(key)}
    return [
        pytest.param(field, example, id=f"{section.__name__}.{name}-{example}")
        for section in sorted(sections, key=lambda section: section.__name__)
        for name, field in section.model_fields.items()
        for example in field.examples or examples_within(field)
    ]


def examples_within(field: FieldInfo) -> list[Any]:
    extra = field.json_schema_extra
    return list(extra.get("examples", [])) if isinstance(extra, dict) else []  # type: ignore[call-overload]


@pytest.mark.parametrize(("field", "example"), fields_with_examples())
def test_an_example_of_a_field_is_accepted(field: FieldInfo, example: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[field.annotation, field])
    assert adapter.validate_python(example) != field.default


PROSE = key_lists.without_lists(PAGE)
PLAIN = """\
name: plain
cluster: {learners: 1, profile: ideal}
workload: {mini_batch: 4, payload: 1 kB}
protocol: async
learning: {data: digits, model: {kind: mlp, hidden: [32]}, optimizer: {kind: sgd, learning_rate: 0.05}}
stop: {gradients: 10}
"""


@pytest.mark.parametrize("override", re.findall(r"`((?:learning|stop|protocol|faults|variants)[a-z._]*[=:] ?[^`]*)`", PROSE))
def test_an_override_in_the_prose_is_accepted(override: str) -> None:
    words = override.replace(": ", "=", 1) if "=" not in override else override
    overrides = re.split(r" (?=[a-z.]+=)", words)
    Scenario.from_layer(yaml_layer.parse_layer(PLAIN, "s.yaml"), overrides)


@pytest.mark.parametrize(
    ("key", "example"),
    [
        ("protocol.delay", "[20, {distribution: poisson, mean: 5}]"),
        ("learning.data", "{kind: imagenet, resolution: 32, classes: 100, train: 128000, test: 5000}"),
    ],
)
def test_a_longer_example_is_accepted(key: str, example: str) -> None:
    layer = yaml_layer.parse_layer(PLAIN.replace("async", "{kind: injected-staleness, delay: 1}"), "s.yaml")
    shown = example.removesuffix("]").removesuffix("}")
    assert shown in " ".join(PROSE.split())
    Scenario.from_layer(layer, [f"{key}={example}"])


def test_the_learners_and_the_models_of_the_tables_exist() -> None:
    known = {section.model_fields["kind"].default for section in get_args(Protocol)}
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| .* \| .* \|$", PROSE, re.MULTILINE)
    assert set(rows) >= known
