"""Every member of a registry has a row in the table, and every parameter has two values to try."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter

import simasgd.scenario.learning as room
from simasgd.scenario.vocabulary.docstrings import load_docstrings
from simasgd.scenario.vocabulary.section import Section
from tests.scenario.sections.table import FAMILIES, Family

EVERY = [(name, family, kind) for name, family in FAMILIES.items() for kind in family.rows]
every_kind = pytest.mark.parametrize(("family", "kind"), [case[1:] for case in EVERY], ids=[f"{a}-{c}" for a, _, c in EVERY])
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


@every_family
def test_the_table_has_exactly_the_members_of_the_union(family: Family) -> None:
    assert set(family.rows) == set(family.members)


def classes_of_the_room() -> Iterator[type[Section]]:
    for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
        for _, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(found, Section) and not found.__name__.startswith("Abstract"):
                yield found


@every_family
def test_every_class_of_a_family_is_in_its_union(family: Family) -> None:
    members = tuple(family.members.values())
    base = next(parent for parent in reversed(members[0].__mro__) if parent.__name__.startswith("Abstract"))
    assert {found for found in classes_of_the_room() if issubclass(found, base)} == set(members)


@every_kind
def test_every_parameter_has_two_values_that_differ(family: Family, kind: str) -> None:
    row, section = family.rows[kind], family.members[kind]
    assert set(row.differ) == set(section.model_fields) - {"kind"}
    for key, (first, second) in row.differ.items():
        assert family.typical(kind, **{key: first}) != family.typical(kind, **{key: second}), key


@every_kind
def test_a_section_is_found_by_its_kind_and_comes_back_from_its_text(family: Family, kind: str) -> None:
    found = TypeAdapter(family.union).validate_python({"kind": kind, **family.rows[kind].typical})
    assert found == family.typical(kind)
    assert TypeAdapter(family.union).validate_python(found.model_dump(mode="json")) == found


@every_kind
def test_every_parameter_and_every_kind_says_what_it_is(family: Family, kind: str) -> None:
    section = family.members[kind]
    assert section.__doc__
    load_docstrings()
    for name, field in section.model_fields.items():
        assert name == "kind" or field.description, f"{kind}: {name} has no docstring"


def test_modulations_have_symbols_for_reports() -> None:
    family = FAMILIES["modulation"]
    symbols = [family.typical(kind).symbol for kind in family.rows if kind not in ("default", "none")]
    assert all(symbols)
    assert len(set(symbols)) == len(symbols)
