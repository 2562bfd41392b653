"""Directives that describe the files of results from the code that reads them.

`columns` lists the columns of a Parquet table, and `json-keys` the keys of a JSON file.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from simasgd.results import stored, summary, tables
from simasgd.results.json_files import Stored
from simasgd.results.tables import Flags, Numbers, Words

_TABLES = {name.lower(): columns for name, columns in vars(tables).items() if name.isupper() and isinstance(columns, dict)}
_FORMS = {"run.json": summary.Summary, "study.json": stored.StudyJson, "sweep.json": stored.SweepJson}
_PLAIN = {int: "whole number", float: "number", str: "text", bool: "true or false"}


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("columns", ColumnsDirective)
    app.add_directive("json-keys", JsonKeysDirective)
    return {"parallel_read_safe": True}


class ColumnsDirective(SphinxDirective):
    """List the columns of a table of `simasgd.results.tables`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a table of Markdown, parsed."""
        rows = [(f"`{name}`", form.meaning, _describe(form)) for name, form in _TABLES[self.arguments[0]].items()]
        return self.parse_text_to_nodes("\n".join(write_table(("column", "meaning", "values"), rows)))


class JsonKeysDirective(SphinxDirective):
    """List the keys of a JSON file, and those of the mappings in it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return lists of Markdown, parsed."""
        return self.parse_text_to_nodes("\n".join(describe_form(_FORMS[self.arguments[0]])))


def write_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _describe(form: Numbers | Words | Flags) -> str:
    match form:
        case Numbers():
            low = "" if form.low == -float("inf") else f" ≥ {form.low:g}"
            high = "" if form.high == float("inf") else f" and ≤ {form.high:g}"
            return f"number{low}{high}{', or NaN' if form.may_lack else ''}"
        case Words():
            return " or ".join(f"`{choice}`" for choice in form.choices) or "text"
        case Flags():
            return "true or false"


def describe_form(form: type[Stored]) -> Iterator[str]:
    """Yield lines of Markdown about a mapping of a JSON file and the mappings in it."""
    for number, found in enumerate(_find_forms(form)):
        if number:
            yield from ["", f"`{found.__name__}`: {' '.join((found.__doc__ or '').split())}", ""]
        rows = [(f"`{field.alias or name}`", _name_type(field.annotation)) for name, field in found.model_fields.items()]
        yield from write_table(("key", "value"), rows)


def _find_forms(form: type[Stored]) -> list[type[Stored]]:
    """Return a mapping and, in the order in which they are met, the mappings within it."""
    found = [form]
    for one in found:
        for field in one.model_fields.values():
            found += [inner for inner in _within(field.annotation) if inner not in found]
    return found


def _within(annotation: Any) -> Iterator[type[Stored]]:
    if isinstance(annotation, type) and not get_args(annotation) and issubclass(annotation, Stored):
        yield annotation
    for part in get_args(annotation):
        yield from _within(part)


def _name_type(annotation: Any) -> str:
    """Return the words for a type of JSON."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _name_type(parts[0])
    if origin in (Union, UnionType):
        words = dict.fromkeys(_name_type(part) for part in parts if part is not NoneType)
        return " or ".join([*words, *(["null"] if NoneType in parts else [])])
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin is tuple:
        return f"list of {_name_type(parts[0])}"
    if origin is not None and len(parts) == 2:
        return f"mapping of text to {_name_type(parts[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Stored):
        return f"`{annotation.__name__}`"
    return _PLAIN.get(annotation, "text")
