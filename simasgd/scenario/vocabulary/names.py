"""The names of a scenario's sources, and lists of names in messages."""

from __future__ import annotations

from collections.abc import Sequence

STANDARD_INPUT = "-"
"""The name of a scenario that stands for standard input."""
YAML_SUFFIXES = (".yaml", ".yml")
"""The endings of the names of scenarios' and profiles' files."""


def join_words(words: Sequence[str], conjunction: str = "or") -> str:
    """Write a list such as: MB, Mbit or B."""
    return f" {conjunction} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
