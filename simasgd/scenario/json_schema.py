"""The JSON schema of a scenario file, for completion and checks in editors."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from simasgd.scenario import catalogue
from simasgd.scenario.schema import Scenario


def scenario_schema() -> dict[str, Any]:
    """Draft 2020-12. As in a file, a bare word may stand for a mapping with that kind, a profile may supply sections, and a
    variant may hold any part of a scenario."""
    # By alias or not, a schema for writing files ("validation") has the units' texts, not floats.
    generated = Scenario.model_json_schema(mode="validation")
    definitions = generated.pop("$defs")
    root = definitions.pop("Scenario", generated)
    definitions["Variant"] = _partial(root)
    for name in ("Cluster", "Compute", "Network", "Server"):
        definitions[name].pop("required", None)  # a profile may supply it
    definitions["Cluster"]["required"] = ["learners"]
    definitions["Cluster"]["properties"]["profile"] = {
        "description": definitions["Cluster"]["properties"]["profile"]["description"],
        "enum": [*catalogue.profiles(), None],
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "$defs": definitions,
        "title": "simasgd scenario",
    }
    variants = schema["properties"]["variants"]
    part = {"anyOf": [{"$ref": "#/$defs/Variant"}, {"type": "null"}]}
    variants["patternProperties"] = dict.fromkeys(variants["patternProperties"], part)
    variants["additionalProperties"] = False
    for _, section, key in _kinds(schema):
        section[key] = _or_bare_word(section[key], definitions)
    return schema


def _partial(root: dict[str, Any]) -> dict[str, Any]:
    """Any part of a scenario: what a variant may hold is checked when it is merged, so here only its keys are."""
    properties = {
        key: {"description": value.get("description", "")}
        for key, value in deepcopy(root["properties"]).items()
        if key not in ("name", "title", "variants", "repeats")
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _kinds(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """Every property that chooses among kinds."""
    found = []
    for name, section in [("", schema), *schema["$defs"].items()]:
        for key, value in section.get("properties", {}).items():
            if "discriminator" in value or value.get("$ref", "").endswith("/SGD"):
                found.append((name, section["properties"], key))
    return found


def _or_bare_word(choice: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    references = [option["$ref"] for option in choice.get("oneOf", [choice]) if "$ref" in option]
    members = [definitions[reference.rsplit("/", 1)[-1]] for reference in references]
    words = [member["properties"]["kind"]["const"] for member in members if set(member.get("required", [])) <= {"kind"}]
    for member in members:
        member["required"] = sorted({"kind", *member.get("required", [])})
    rest = {key: value for key, value in choice.items() if key in ("description", "default")}
    options: list[dict[str, Any]] = [{"$ref": reference} for reference in references]
    return {**rest, "anyOf": [*options, *([{"enum": words}] if words else [])]}
