"""The lists of keys in docs/scenario.md, written from the docstrings of the fields.

`python -m simasgd.scenario.key_lists docs/scenario.md` writes them anew (`make docs`); a test
checks that they are up to date. A list stands between two comments, `<!-- keys: cluster.network
-->` and `<!-- end of keys -->`. The word `briefly` after the key leaves out all but the first
paragraph about each kind.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simasgd.scenario.editor_schema import build_scenario_schema
from simasgd.scenario.reading import keys
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.units import DIMENSIONS

WIDTH = 100
_LIST = re.compile(r"(<!-- keys: (\S+)( briefly)? -->\n).*?(<!-- end of keys -->)", re.DOTALL)
_SOURCES = re.compile(r"(Against the papers?|No paper):")
_LARGEST = 2**31  # a greater bound of a whole number is technical, and not worth a word


def write_lists(page: str) -> str:
    """Return a page of documentation with every list of keys written anew."""
    schema = build_scenario_schema()
    definitions = {**schema["$defs"], Scenario.__name__: schema}

    def replaced(match: re.Match[str]) -> str:
        lines = "\n".join(_list_of(match[2], brief=match[3] is not None, definitions=definitions))
        return f"{match[1]}\n{lines}\n\n{match[4]}"

    return _LIST.sub(replaced, page)


def listed_keys(page: str) -> list[str]:
    """Return the dotted keys of the sections whose lists are on a page."""
    return [match[2] for match in _LIST.finditer(page)]


def without_lists(page: str) -> str:
    """Return the prose of a page, without its lists of keys."""
    return _LIST.sub("", page)


def _list_of(key: str, *, brief: bool, definitions: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about a section: the keys of every kind, then each kind with its own keys."""
    sections = {section: _entries(section, definitions) for section in sections_at(key)}
    entries = list(sections.values())
    common = [entry for entry in entries[0] if len(entries) > 1 and all(entry in others for others in entries)]
    if common:
        yield from ["Every kind has these keys:", "", *_bulleted(common), ""]
    for number, (section, own) in enumerate(sections.items()):
        if number:
            yield ""
        kind = _kind(section)
        rest = [entry for entry in own if entry not in common]
        if kind is not None:
            yield from _paragraphs(f"**`{kind}`**: ", section.__doc__ or "", brief=brief)
            if rest:
                yield ""
        yield from _bulleted(rest)


def _kind(section: type[BaseModel]) -> str | None:
    """Return the kind of a section that is one of several kinds."""
    field = section.model_fields.get("kind")
    is_one = field is not None and isinstance(field.default, str) and len(get_args(field.annotation)) == 1
    return field.default if field is not None and is_one else None


def _entries(section: type[BaseModel], definitions: Mapping[str, Any]) -> list[str]:
    properties = definitions[section.__name__]["properties"]
    left_out = {"variants"} if _kind(section) is None else {"kind"}
    return [_entry(name, field, properties[name]) for name, field in section.model_fields.items() if name not in left_out]


def _bulleted(entries: Iterable[str]) -> list[str]:
    return [line for entry in entries for line in _wrapped(entry, "- ")]


def sections_at(key: str) -> list[type[BaseModel]]:
    """Return the sections that a dotted key may hold, or that the items of its list may be; `scenario` is the root."""
    found: list[type[BaseModel]] = [Scenario]
    for name in key.split(".") if key != "scenario" else ():
        fields = [section.model_fields[name] for section in found if name in section.model_fields]
        found = [section for field in fields[:1] for section in _sections_in(field.annotation)]
    if not found:
        raise ValueError(f"{key} has no keys")
    return found


def _sections_in(annotation: Any) -> list[type[BaseModel]]:
    if get_origin(annotation) is tuple:
        return [section for part in get_args(annotation) for section in _sections_in(part)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return keys.find_sections(annotation)
    return [section for part in get_args(annotation) for section in _sections_in(part)]


def _entry(name: str, field: FieldInfo, schema: Mapping[str, Any]) -> str:
    """Write one item: the key, its values, its default and its docstring."""
    words = [part for part in (_values(schema), _default(field, schema)) if part]
    text = " ".join((field.description or "").split())
    examples = [f"`{_flow(example)}`" for example in schema.get("examples", ())]
    example = f" Example: {' or '.join(examples)}." if examples else ""
    about = f" ({'; '.join(words)})" if words else ""
    return f"`{name}`{about}: {text}{example}"


def _default(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    if field.is_required():
        return "required"
    default = schema.get("default", field.default)
    if default is None or default in ("", [], ()):
        return ""
    if isinstance(default, BaseModel):
        kind = getattr(default, "kind", None)
        return f"default `{kind}`" if kind is not None else ""
    if isinstance(default, dict):
        return f"default `{default['kind']}`" if "kind" in default else ""
    return f"default `{_flow(default)}`"


def _values(schema: Mapping[str, Any]) -> str:
    """Describe the values of a field by its JSON schema."""
    options = schema.get("anyOf", schema.get("oneOf"))
    if options is not None and "$ref" not in str(options):
        words = [_values(part) for part in options if part.get("type") != "null" and part != {"const": 0}]
        return " or ".join(dict.fromkeys(word for word in words if word))
    if "enum" in schema or "const" in schema:
        values = [value for value in schema.get("enum", [schema.get("const")]) if value is not None]
        return " | ".join(f"`{_flow(value)}`" for value in values)
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
        case _:
            return ""


def _range(schema: Mapping[str, Any]) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if schema["type"] == "integer" and above is not None:
        low, above = above + 1, None
    if schema["type"] == "integer" and high is not None and high > _LARGEST:
        high = None
    left = f" ≥ {_flow(low)}" if low is not None else f" > {_flow(above)}" if above is not None else ""
    right = f" ≤ {_flow(high)}" if high is not None else f" < {_flow(below)}" if below is not None else ""
    return f"{left} and{right}" if left and right else left or right


def _flow(value: Any) -> str:
    """Write a value as YAML in flow style."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case int():
            return str(value)
        case float():
            return f"{value:.0f}" if 1 <= value < 1e9 and value == int(value) else f"{value:g}"
        case _:
            return str(value)


def _paragraphs(start: str, docstring: str, *, brief: bool) -> Iterator[str]:
    """Yield the lines of a docstring up to its comparison with papers."""
    paragraphs = [" ".join(text.split()) for text in docstring.split("\n\n")]
    chosen = []
    for text in paragraphs[: 1 if brief else None]:
        if _SOURCES.match(text):
            break
        chosen.append(text)
    for number, text in enumerate(chosen):
        if number:
            yield ""
        yield from _wrapped(text if number else start + text, "")


def _wrapped(text: str, bullet: str) -> list[str]:
    """Wrap at WIDTH columns, without a line that Markdown would take for the item of a list."""
    glued = re.sub(r" ([-+*#>]|\d+[.)])(?= )", "\0\\1", text)
    lines = textwrap.wrap(
        bullet + glued, WIDTH, subsequent_indent=" " * len(bullet), break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("\0", " ") for line in lines]


def main() -> None:
    """Write the lists of the files named on the command line."""
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(write_lists(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
