"""The tables of docs/reference/results.md, written from the code that reads the files of results.

`python docs/_site/result_files.py` writes them anew (`make docs`); a test checks that they are up to date. A table stands
between two comments: `<!-- columns: updates -->` has the columns of a Parquet table, `<!-- keys of run.json -->` the keys
of a JSON file, and `<!-- end -->` ends both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from simasgd.advising import findings
from simasgd.asking.result_keys import FILES
from simasgd.results import stored, summary, tables
from simasgd.results.json_files import Stored
from simasgd.results.tables import Flags, Numbers, Words
from simasgd.validation import forms

PAGE = Path(__file__).parents[1] / "reference" / "results.md"
_TABLES = {name.lower(): columns for name, columns in vars(tables).items() if name.isupper() and isinstance(columns, dict)}
_FORMS = {
    "run.json": summary.Summary,
    "study.json": stored.StudyJson,
    "sweep.json": stored.SweepJson,
    "advice.json": findings.Findings,
    "validate.json": forms.Validation,
}
_PLAIN = {int: "whole number", float: "number", str: "text", bool: "true or false"}
_PLACE = re.compile(r"(<!-- (columns: |keys of )(\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write_tables(page: str) -> str:
    """Return the page with every table written anew."""

    def replaced(match: re.Match[str]) -> str:
        found = _list_columns(match[3]) if match[2].startswith("columns") else describe_form(_FORMS[match[3]], match[3])
        return match[1] + "\n" + "\n".join(found) + "\n\n" + match[4]

    return _PLACE.sub(replaced, page)


def _list_columns(name: str) -> Iterator[str]:
    rows = [(f"`{column}`", form.meaning, _describe(form)) for column, form in _TABLES[name].items()]
    return write_table(("column", "meaning", "values"), rows)


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


def describe_form(form: type[Stored], file: str = "") -> Iterator[str]:
    """Yield lines of Markdown about a mapping of a JSON file and the mappings in it.

    The meanings of keys are those of their fields, or those that `simasgd explain` gives for this file.
    """
    known = FILES.get(file, {})
    for number, (path, found) in enumerate(find_forms(form).items()):
        if number:
            yield from ["", f"`{found.__name__}`: {' '.join((found.__doc__ or '').split())}", ""]
        fields = {field.alias or name: field for name, field in found.model_fields.items()}
        named = [(f"`{name}`", _name_type(field.annotation)) for name, field in fields.items()]
        meanings = [" ".join((field.description or known.get(f"{path}{name}", "")).split()) for name, field in fields.items()]
        if any(meanings):
            rows = [(*row, meaning) for row, meaning in zip(named, meanings, strict=True)]
            yield from write_table(("key", "value", "meaning"), rows)
        else:
            yield from write_table(("key", "value"), named)


def find_forms(form: type[Stored]) -> dict[str, type[Stored]]:
    """Return a mapping and, in the order in which they are met, the mappings within it: by where each is met first.

    The place of a mapping has a point behind each key on the way to it: `log.files.`.
    """
    found = {"": form}
    left = [""]
    for path in left:
        for name, field in found[path].model_fields.items():
            for inner in _within(field.annotation):
                if inner not in found.values():
                    left.append(place := f"{path}{field.alias or name}.")
                    found[place] = inner
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
        words = " or ".join(dict.fromkeys(_name_type(part) for part in parts if part is not NoneType))
        comma = "," if " or " in words else ""
        return f"{words}{comma} or null" if NoneType in parts else words
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin is tuple:
        return f"list of {_name_type(parts[0])}"
    if origin is not None and len(parts) == 2:
        return f"mapping of text to {_name_type(parts[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Stored):
        return f"`{annotation.__name__}`"
    return _PLAIN.get(annotation, "text")


if __name__ == "__main__":
    PAGE.write_text(write_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
