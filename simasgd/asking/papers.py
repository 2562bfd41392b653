"""The papers that a docstring names, and its paragraphs."""

from __future__ import annotations

import re
from typing import NamedTuple, final

_ARXIV = re.compile(r"(?<!\d)\d{4}\.\d{5}(?!\d)")
_FACTS = re.compile(r"\bB1 row \d+|\b[AB]\d\.\d(?:\.\d)?\b|(?<=docs/papers\.md )B1\b")


@final
class Papers(NamedTuple):
    """The sources that a docstring names."""

    addresses: tuple[str, ...]
    """Pages of papers at arXiv."""
    facts: tuple[str, ...]
    """Sections of docs/papers.md, which has each fact with its tag."""


def split_paragraphs(docstring: str | None) -> tuple[str, ...]:
    """Return the paragraphs of a docstring, each on one line."""
    return tuple(" ".join(text.split()) for text in re.split(r"\n\s*\n", docstring or "") if text.strip())


def find_papers(docstring: str | None) -> Papers:
    """Return the papers that a docstring names, each once."""
    text = " ".join((docstring or "").split())
    return Papers(
        tuple(dict.fromkeys(f"https://arxiv.org/abs/{number}" for number in _ARXIV.findall(text))),
        tuple(dict.fromkeys(_FACTS.findall(text))),
    )
