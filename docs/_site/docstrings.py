"""The docstrings of simasgd are plain text; this extension makes reStructuredText of them for autodoc."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sphinx.application import Sphinx

_ITEM = re.compile(r"^(\w+)\s{2,}(\S.*)$")  # a name, two or more spaces, and what it stands for


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("autodoc-process-docstring", _rewrite)
    app.connect("autodoc-process-signature", _shorten)
    return {"parallel_read_safe": True}


def _rewrite(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    del app, what, name, obj, options
    lines[:] = as_restructured_text(lines)


def _shorten(app: Sphinx, what: str, *details: Any) -> tuple[str, None] | None:
    """Leave out the arguments of classes: users load objects, and the keys of scenarios have a page of their own."""
    del app, details
    return ("", None) if what in ("class", "exception") else None


def as_restructured_text(lines: Sequence[str]) -> list[str]:
    """Return a plain docstring as reStructuredText.

    Words in single backticks become code. Lines of the form `name   meaning`, with their continuation lines, become
    a list.
    """
    found: list[str] = []
    for item, text in _join(lines):
        words = _escape(text)
        if item:
            found += ["", f"``{item}``", f"    {words}"]
        else:
            found.append(words)
    return [*found, ""]


def _join(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of an item's name (or "") and its text, with the text of an item on one line."""
    item, text = "", ""
    for line in lines:
        match = _ITEM.match(line)
        if item and line.startswith("    ") and line.strip():
            text += f" {line.strip()}"
            continue
        if item:
            yield item, text
            item = ""
            yield "", ""
        if match:
            item, text = match[1], match[2]
        else:
            yield "", line.strip()
    if item:
        yield item, text


def _escape(text: str) -> str:
    """Write single backticks as code, and escape what reStructuredText would take for markup."""
    parts = re.split(r"(`+[^`]+`+)", text)
    return "".join(f"``{part.strip('`')}``" if part.startswith("`") else re.sub(r"([*|_\\])", r"\\\1", part) for part in parts)
