"""The JSON schema of scenario files, for completion and checks in editors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, PlainSerializer
from pydantic_core import PydanticUndefined

from simasgd.scenario.cluster.cluster import Cluster
from simasgd.scenario.reading import catalogue, keys
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.docstrings import load_docstrings
from simasgd.scenario.vocabulary.section import NullForDefaults


def build_scenario_schema() -> dict[str, Any]:
    """Build the JSON schema (draft 2020-12) of a scenario file.

    As in a file, a bare word may stand for a mapping with that kind, a profile may supply any part
    of the cluster, and a variant may hold any part of a scenario.
    """
    # In mode "validation" quantities are texts with units, not floats.
    generated = Scenario.model_json_schema(mode="validation")
    definitions = generated.pop("$defs")
    _describe_keys({**definitions, "Scenario": definitions.get("Scenario", generated)})
    root = definitions.pop("Scenario", generated)
    definitions["Variant"] = _make_variant_schema(root)
    definitions["Cluster"]["properties"]["profile"] = {
        "description": definitions["Cluster"]["properties"]["profile"]["description"],
        "anyOf": [
            {"enum": [*catalogue.list_profiles(), None]},
            {"type": "string", "pattern": r"\.ya?ml$"},
            {"type": "array", "minItems": 3, "maxItems": 3},
        ],
    }
    for name in ("ProfileFile", "SourcedNumber"):
        del definitions[name]  # of resolved scenarios only
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "$defs": definitions,
        "title": "simasgd scenario",
    }
    schema["required"] = [key for key in schema["required"] if key != "cluster"]  # optional
    variants = schema["properties"]["variants"]
    part = {"anyOf": [{"$ref": "#/$defs/Variant"}, {"type": "null"}]}
    variants["patternProperties"] = dict.fromkeys(variants["patternProperties"], part)
    variants["additionalProperties"] = False
    for _, section, key in _find_kind_choices(schema):
        section[key] = _allow_bare_word(section[key], definitions)
    schema["properties"]["record"] = _allow_kinds(schema["properties"]["record"], definitions["Record"])
    for model in set(_iterate_sections(Cluster)):
        definitions[model.__name__].pop("required", None)  # a profile may supply it
    definitions["Cluster"]["required"] = ["learners"]
    for model in set(_iterate_sections(Scenario)) - {Scenario}:
        _restore_units(model, definitions[model.__name__]["properties"])
    return schema


def _describe_keys(definitions: Mapping[str, Any]) -> None:
    """Give each key its docstring."""
    for section in load_docstrings():
        properties = definitions.get(section.__name__, {}).get("properties", {})
        for name, field in section.model_fields.items():
            if field.description is not None and name in properties:
                properties[name]["description"] = field.description


def _iterate_sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Iterate over a section and the sections within it, except variants and the items of lists."""
    yield model
    for name, field in model.model_fields.items():
        if name != "variants":
            for section in keys.find_sections(field.annotation):
                yield from _iterate_sections(section)


def _restore_units(model: type[BaseModel], properties: dict[str, Any]) -> None:
    """Give defaults their units, and allow null where it removes a section."""
    for name, field in model.model_fields.items():
        for part in field.metadata:
            if isinstance(part, PlainSerializer) and field.default not in (PydanticUndefined, 0.0):
                properties[name]["default"] = part.func(field.default)  # type: ignore[call-arg]
        if NullForDefaults in field.metadata:
            properties[name]["anyOf"] = [{"$ref": properties[name].pop("$ref")}, {"type": "null"}]


def _make_variant_schema(root: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a variant; it checks only keys, the rest is checked after merging."""
    properties = {
        key: {"description": value.get("description", "")}
        for key, value in deepcopy(root["properties"]).items()
        if key not in ("name", "title", "variants", "repeats", "sweep")
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _find_kind_choices(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """Return every property that chooses among kinds: definition, properties, key."""
    found = []
    for name, section in [("", schema), *schema["$defs"].items()]:
        for key, value in section.get("properties", {}).items():
            if "discriminator" in value:
                found.append((name, section["properties"], key))
    return found


def _allow_bare_word(choice: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    references = [option["$ref"] for option in choice.get("oneOf", [choice]) if "$ref" in option]
    members = [definitions[reference.rsplit("/", 1)[-1]] for reference in references]
    words = [member["properties"]["kind"]["const"] for member in members if set(member.get("required", [])) <= {"kind"}]
    for member in members:
        member["required"] = sorted({"kind", *member.get("required", [])})
    rest = {key: value for key, value in choice.items() if key in ("description", "default")}
    options: list[dict[str, Any]] = [{"$ref": reference} for reference in references]
    return {**rest, "anyOf": [*options, *([{"enum": words}] if words else [])]}


def _allow_kinds(section: dict[str, Any], definition: dict[str, Any]) -> dict[str, Any]:
    """Let the bare word of a kind stand for a section that has the same keys for every kind."""
    rest = {key: value for key, value in section.items() if key in ("description", "default")}
    return {**rest, "anyOf": [{"$ref": section["$ref"]}, {"enum": definition["properties"]["kind"]["enum"]}]}
