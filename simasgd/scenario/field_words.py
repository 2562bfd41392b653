"""A field of a scenario in words: the values that it may have, its default, and values as YAML text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simasgd.scenario.vocabulary.units import DIMENSIONS

_LARGEST = 2**31  # a greater bound of a whole number is technical, and not worth a word


def kind_of(section: type[BaseModel]) -> str | None:
    """Return the kind of a section that is one of several kinds."""
    field = section.model_fields.get("kind")
    is_one = field is not None and isinstance(field.default, str) and len(get_args(field.annotation)) == 1
    return field.default if field is not None and is_one else None


@final
class FieldWords(NamedTuple):
    """A field in words."""

    values: str
    """The values that it may have: `whole number ≥ 1`, `a time`; empty for a section."""
    default: str
    """`required`, `default 0.9`, or empty if it may be absent."""
    meaning: str
    """The docstring, on one line."""
    examples: tuple[str, ...]
    """Values as YAML text."""


def describe_field(field: FieldInfo, schema: Mapping[str, Any], *, section: str = "") -> FieldWords:
    """Describe a field by its JSON schema; `section` is the word for a mapping."""
    return FieldWords(
        describe_values(schema, section=section),
        describe_default(field, schema),
        " ".join((field.description or "").split()),
        tuple(flow(example) for example in schema.get("examples", ())),
    )


def describe_default(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    """Return `required`, the default, or an empty text if a field may be absent."""
    if field.is_required():
        return "required"
    default = schema.get("default", field.get_default(call_default_factory=True))
    if default is None or default in ("", [], (), {}):
        return ""
    if isinstance(default, BaseModel):
        kind = getattr(default, "kind", None)
        return f"default `{kind}`" if kind is not None else ""
    if isinstance(default, dict):
        return f"default `{default['kind']}`" if "kind" in default else ""
    return f"default `{flow(default)}`"


def describe_values(schema: Mapping[str, Any], *, section: str = "") -> str:
    """Describe the values of a field by its JSON schema.

    `section` is the word for a mapping. If it is empty, so is the text about a field that may hold
    one.
    """
    options = schema.get("anyOf", schema.get("oneOf"))
    if options is not None and (section or "$ref" not in str(options)):
        parts = [part for part in options if part.get("type") != "null" and part != {"const": 0}]
        words = [describe_values(part, section=section) for part in parts]
        return " or ".join(dict.fromkeys(word for word in words if word))
    if "$ref" in schema:
        return section
    if "enum" in schema or "const" in schema:
        values = [value for value in schema.get("enum", [schema.get("const")]) if value is not None]
        return " | ".join(f"`{flow(value)}`" for value in values)
    for dimension in DIMENSIONS:
        if schema.get("examples", [])[: len(dimension.examples)] == list(dimension.examples):
            words = schema["examples"][len(dimension.examples) :]
            return " or ".join([dimension.name, *(f"`{word}`" for word in words)])
    match schema.get("type"):
        case "integer":
            return f"whole number{_range(schema)}"
        case "number":
            return f"number{_range(schema)}"
        case "boolean":
            return "`true` | `false`"
        case "string":
            return "text"
        case "array":
            return "list"
        case "object":
            return section
        case _:
            return ""


def _range(schema: Mapping[str, Any]) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if schema["type"] == "integer" and above is not None:
        low, above = above + 1, None
    if schema["type"] == "integer" and high is not None and high > _LARGEST:
        high = None
    left = f" ≥ {flow(low)}" if low is not None else f" > {flow(above)}" if above is not None else ""
    right = f" ≤ {flow(high)}" if high is not None else f" < {flow(below)}" if below is not None else ""
    return f"{left} and{right}" if left and right else left or right


def flow(value: Any) -> str:
    """Write a value as YAML in flow style."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case dict():
            return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case int():
            return str(value)
        case float():
            return f"{value:.0f}" if 1 <= value < 1e9 and value == int(value) else f"{value:g}"
        case _:
            return str(value)
