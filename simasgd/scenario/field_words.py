"""A field of a scenario in words: the values that it may have, its default, and values as YAML text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simasgd.scenario.vocabulary.units import DIMENSIONS, Dimension

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
    is_required: bool
    """Whether it must be given."""
    default: str
    """The default as YAML text; empty if there is none."""
    meaning: str
    """The docstring, on one line."""
    examples: tuple[str, ...]
    """Values as YAML text."""

    @property
    def summary(self) -> str:
        """The values and the default in a few words, as Markdown."""
        default = "required" if self.is_required else f"default `{self.default}`" if self.default else ""
        return "; ".join(filter(None, (self.values, default)))


def describe_field(field: FieldInfo, schema: Mapping[str, Any], *, section: str = "") -> FieldWords:
    """Describe a field by its JSON schema; `section` is the word for a mapping."""
    return FieldWords(
        describe_values(schema, section=section),
        field.is_required(),
        _write_default(field, schema),
        " ".join((field.description or "").split()),
        tuple(flow(example) for example in schema.get("examples", ())),
    )


def _write_default(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    """Return the default as YAML text; a section's is its kind. Empty if there is none."""
    if field.is_required():
        return ""
    default = schema.get("default", field.get_default(call_default_factory=True))
    if default is None or default in ("", [], (), {}):
        return ""
    if isinstance(default, BaseModel):
        kind = getattr(default, "kind", None)
        return kind if kind is not None else ""
    if isinstance(default, dict):
        return str(default.get("kind", ""))
    return flow(default)


def find_dimension(schema: Mapping[str, Any]) -> Dimension | None:
    """Return the dimension of a quantity, by the examples of its JSON schema; None for other values."""
    given = schema.get("examples", [])
    return next((one for one in DIMENSIONS if given[: len(one.examples)] == list(one.examples)), None)


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
    if (dimension := find_dimension(schema)) is not None:
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
            return "{" + ", ".join(f"{key}: {_flow_inside(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_flow_inside, value)) + "]"
        case int():
            return str(value)
        case float():
            return f"{value:.0f}" if 1 <= value < 1e9 and value == int(value) else f"{value:g}"
        case _:
            return str(value)


def _flow_inside(value: Any) -> str:
    """Write a value inside brackets, where text with their signs is quoted."""
    quoted = "'" + str(value).replace("'", "''") + "'"
    return quoted if isinstance(value, str) and re.search(r"[\[\]{},:#]", value) else flow(value)
