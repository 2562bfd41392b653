"""The facts about a key of a scenario, from the field that holds it: its values, default, meaning and examples."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple, final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simasgd.asking.kinds import list_families
from simasgd.protocols import AbstractProtocol
from simasgd.protocols.foreign import is_foreign
from simasgd.scenario.editor_schema import build_scenario_schema
from simasgd.scenario.field_words import FieldWords, describe_field, find_dimension, flow, kind_of
from simasgd.scenario.reading import catalogue, keys
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.docstrings import load_docstrings

_RARE = re.compile(r"^[KMGT]i|b$|b/s$|µ|μ")  # binary prefixes, a short word for bits, and signs that keyboards lack
_VALUE = re.compile(r"((?:`[^`\s]+`(?:, | and )?)+)(?: \([^)]*\))?:\s+")


class _Field(NamedTuple):
    """A field, the section that has it, and its JSON schema."""

    owner: type[BaseModel]
    field: FieldInfo
    schema: Mapping[str, Any]
    in_list: bool


@final
@dataclass(frozen=True)
class KeyVariant:
    """A key in the sections of some kinds; one key may mean different things in two kinds."""

    kinds: tuple[str, ...]
    """The kinds of section that have the key so; empty for a section without kinds."""
    words: FieldWords
    units: tuple[str, ...]
    """The units of a quantity; empty for other values."""
    choices: tuple[str, ...]
    """The words among which the key chooses; empty for other values."""
    example: str
    """A value as YAML text."""
    in_list: bool
    """Whether the key is one of an item of a list, which an override gives whole."""
    source: str = ""
    """The file of a protocol of another package that has the key; empty for simasgd's own."""


@final
@dataclass(frozen=True)
class KeyFacts:
    """A key: its forms, and for a section its keys or kinds."""

    key: str
    forms: tuple[KeyVariant, ...]
    within: tuple[str, ...]
    """The keys below a section."""
    kinds: Mapping[str, str]
    """The kinds from which the section is chosen, each with its first words."""

    @property
    def section(self) -> str:
        """The section that has the key; empty for the scenario itself."""
        return self.key.rpartition(".")[0]

    @property
    def place(self) -> str:
        """The heading of docs/scenario.md under which the key is described."""
        parts = self.key.split(".")
        above = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
        return next((key for key in above if key in HEADINGS), WHOLE)

    @property
    def first_sentence(self) -> str:
        """The meaning in one sentence."""
        return first_sentence(self.forms[0].words.meaning)


WHOLE = "The whole scenario"
HEADINGS = (
    *("cluster", "cluster.compute", "cluster.speeds", "cluster.stragglers", "cluster.network", "cluster.network.bandwidth"),
    *("cluster.network.topology", "cluster.server", "cluster.architecture", "cluster.costs", "cluster.faults"),
    *("workload", "workload.mini_batch", "workload.compression", "protocol", "learning", "learning.data", "learning.model"),
    *("learning.optimizer", "learning.schedule", "learning.modulation", "learning.learner_rates", "learning.partition"),
    *("learning.partition.sizes", "stop", "record"),
)
"""The headings of docs/scenario.md that are keys. A test holds them equal to the page's."""


def first_sentence(text: str) -> str:
    """Return the first sentence of a text."""
    return re.split(r"(?<=[.:])\s", text, maxsplit=1)[0].rstrip(":")


def meanings_of_values(words: FieldWords) -> dict[str, str]:
    """Return the meaning of every value that a docstring explains by itself: the text after the value and a colon."""
    parts = _VALUE.split(words.meaning)
    found = {}
    for names, text in zip(parts[1::2], parts[2::2], strict=True):
        found.update(dict.fromkeys(re.findall(r"`([^`]+)`", names), text.strip()))
    return found


@cache
def list_keys() -> dict[str, KeyFacts]:
    """Return the facts about every key, those of items of lists included, by the full key.

    The key `kind` of a section stands for the section, whose facts list the kinds.
    """
    fields: dict[str, list[_Field]] = {}
    families = {
        family.key: {kind: catalogue.read_first_words(section) for kind, section in family.members.items()}
        for family in list_families()
    }
    members = {family.key: list(family.members.values()) for family in list_families()}
    schemas: dict[type[BaseModel], Mapping[str, Any]] = {}
    for key, owner, name, field, in_list in keys.iterate_fields(Scenario, members):
        if owner not in schemas:
            schemas[owner] = _read_properties(owner)
        found = _Field(owner, field, schemas[owner][name], in_list)
        is_choice = key.endswith(".kind") and key.removesuffix(".kind") in families
        if not is_choice and found not in fields.setdefault(key, []):
            fields[key].append(found)
    return {
        key: KeyFacts(
            key,
            tuple(_join_forms(found)),
            tuple(other for other in fields if other.rpartition(".")[0] == key),
            families.get(key, {}),
        )
        for key, found in fields.items()
    }


def facts_of(key: str) -> KeyFacts:
    """Return the facts about a full key, also one of a variant (`variants.NAME.KEY`). Raises KeyError."""
    parts = key.split(".")
    inner = ".".join(parts[2:]) if parts[0] == "variants" and len(parts) > 2 else key
    return list_keys()[inner.removesuffix(".kind") if inner not in list_keys() else inner]


def _join_forms(fields: list[_Field]) -> Iterator[KeyVariant]:
    """Yield the forms of a key: kinds with equal words are one form."""
    kinds: dict[KeyVariant, list[str]] = {}
    for owner, field, schema, in_list in fields:
        words = describe_field(field, schema, section="mapping")
        source = inspect.getsourcefile(owner) or "" if issubclass(owner, AbstractProtocol) and is_foreign(owner) else ""
        form = KeyVariant((), words, _list_units(schema), _list_choices(schema), _write_example(field, schema), in_list, source)
        kind = kind_of(owner)
        kinds.setdefault(form, []).extend([kind] if kind is not None else [])
    for form, named in kinds.items():
        yield replace(form, kinds=tuple(dict.fromkeys(named)))


def _parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Iterate over a schema and its alternatives."""
    yield schema
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _parts(part)


def _list_units(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the customary units of a quantity that a field may hold."""
    for part in _parts(schema):
        if (dimension := find_dimension(part)) is not None:
            return tuple(unit for unit in dimension.units if _RARE.search(unit) is None)
    return ()


def _list_choices(schema: Mapping[str, Any]) -> tuple[str, ...]:
    values = [value for part in _parts(schema) for value in part.get("enum", [part.get("const")])]
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str)))


def _write_example(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    """Return a value that a field may have, other than its default where one is known; empty for a section."""
    default = None if field.is_required() else schema.get("default", field.default)
    default = default.get("kind") if isinstance(default, dict) else default
    candidates = [example for part in _parts(schema) for example in part.get("examples", ())]
    candidates += [choice for choice in _list_choices(schema) if choice != default]
    candidates += [not default for part in _parts(schema) if part.get("type") == "boolean"]
    if not candidates and isinstance(default, int | float):
        candidates.append(default)
    candidates += [number for part in _parts(schema) for number in _numbers(part)]
    return flow(candidates[0]) if candidates else ""


def _numbers(schema: Mapping[str, Any]) -> Iterator[float]:
    """Yield a number in the range of a schema, if it is one of numbers."""
    if schema.get("type") == "integer":
        yield max(1, schema.get("minimum", 1))
    elif schema.get("type") == "number" and "exclusiveMaximum" in schema:
        yield schema["exclusiveMaximum"] / 2
    elif schema.get("type") == "number":
        yield min(schema.get("maximum", 1.0), max(1.0, 2.0 * schema.get("exclusiveMinimum", 0.5)))


@cache
def _definitions() -> dict[str, Any]:
    schema = build_scenario_schema()
    return {**schema["$defs"], Scenario.__name__: schema}


def _read_properties(owner: type[BaseModel]) -> Mapping[str, Any]:
    """Return the JSON schemas of a section's keys; a section of another package is not in the scenario's schema."""
    load_docstrings()  # of the sections of other packages, too, which come with their protocols
    named = _definitions().get(owner.__name__)
    properties: Mapping[str, Any] = (named or owner.model_json_schema(mode="validation"))["properties"]
    return properties
