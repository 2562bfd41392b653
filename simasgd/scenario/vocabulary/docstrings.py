"""The docstrings of keys. They are read from the source when they are asked for, because most commands do without."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise

from simasgd.scenario.vocabulary.section import Section

Docstrings = Mapping[str, str]
"""The docstring of each key of a section."""


def load_docstrings() -> list[type[Section]]:
    """Make the docstring of each key of all sections its field's `description`; return these sections."""
    sections = list(dict.fromkeys(_all_sections(Section)))
    for section in sections:
        _describe(section)
    return sections


@cache
def _describe(section: type[Section]) -> None:
    for name, field in section.model_fields.items():
        if field.description is None:
            field.description = _docstring(section, name)


def _all_sections(base: type[Section]) -> Iterator[type[Section]]:
    for section in base.__subclasses__():
        yield section
        yield from _all_sections(section)


def _docstring(section: type[Section], name: str) -> str | None:
    """Return the docstring of a key, from the class that declares it."""
    for owner in section.__mro__:
        if name in inspect.get_annotations(owner):
            return _docstrings_in(owner.__module__, _source_of(owner)).get(owner.__qualname__.rpartition(".")[2], {}).get(name)
    return None


def _source_of(owner: type) -> str:
    """Return the source of the class's module, or of the class if there is no module's; empty if there is neither."""
    for one in (inspect.getmodule(owner), owner):
        try:
            return inspect.getsource(one) if one is not None else ""
        except (OSError, TypeError):
            continue
    return ""


@cache
def _docstrings_in(module: str, source: str) -> Mapping[str, Docstrings]:
    """Return the docstrings of the fields of each class, by the class's name."""
    tree = ast.parse(textwrap.dedent(source))
    return {node.name: dict(_documented(node)) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def _documented(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(node.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(docstring))):
                yield name, inspect.cleandoc(docstring)
