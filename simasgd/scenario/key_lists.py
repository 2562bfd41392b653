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
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simasgd.scenario.editor_schema import build_scenario_schema
from simasgd.scenario.field_words import describe_field, kind_of
from simasgd.scenario.reading import keys
from simasgd.scenario.schema import Scenario

WIDTH = 100
_LIST = re.compile(r"(<!-- keys: (\S+)( briefly)? -->\n).*?(<!-- end of keys -->)", re.DOTALL)
_SOURCES = re.compile(r"(Against the papers?|No paper):")


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
        kind = kind_of(section)
        rest = [entry for entry in own if entry not in common]
        if kind is not None:
            yield from _paragraphs(f"**`{kind}`**: ", section.__doc__ or "", brief=brief)
            if rest:
                yield ""
        yield from _bulleted(rest)


def _entries(section: type[BaseModel], definitions: Mapping[str, Any]) -> list[str]:
    properties = definitions[section.__name__]["properties"]
    left_out = {"variants"} if kind_of(section) is None else {"kind"}
    return [_entry(name, field, properties[name]) for name, field in section.model_fields.items() if name not in left_out]


def _bulleted(entries: Iterable[str]) -> list[str]:
    return [line for entry in entries for line in _wrapped(entry, "- ")]


def sections_at(key: str) -> list[type[BaseModel]]:
    """Return the sections that a dotted key may hold, or that the items of its list may be; `scenario` is the root."""
    found: list[type[BaseModel]] = [Scenario]
    for name in key.split(".") if key != "scenario" else ():
        fields = [section.model_fields[name] for section in found if name in section.model_fields]
        found = [section for field in fields[:1] for section in keys.find_nested_sections(field.annotation)]
    if not found:
        raise ValueError(f"{key} has no keys")
    return found


def _entry(name: str, field: FieldInfo, schema: Mapping[str, Any]) -> str:
    """Write one item: the key, its values, its default and its docstring."""
    about = describe_field(field, schema)
    example = f" Example: {' or '.join(f'`{example}`' for example in about.examples)}." if about.examples else ""
    return f"`{name}`{f' ({about.summary})' if about.summary else ''}: {about.meaning}{example}"


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
