"""Values and suggested words in the text of a message."""

from __future__ import annotations

import math
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from simasgd.printable import shortened

_MOST = 80  # characters of a value in a message
_LONGEST_WORD = 60  # characters of a misspelt word; comparing longer ones takes long and finds nothing


def shown(value: Any) -> str:
    """Return a value as the user would have written it, on one line and shortened to fit into a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, str) and len(value) > _MOST:
        return f"{value[:_MOST]!r}… ({len(value):,} characters)"
    if isinstance(value, int) and value.bit_length() > 14_000:  # Python refuses to write more than 4,300 digits
        return f"a number of {value.bit_length():,} bits"
    return shortened(repr(value), _MOST)


def nearest(word: str, choices: Iterable[str], least: float = 0.6) -> str | None:
    """Return the choice nearest to a misspelt word; None if no similarity reaches `least`, from 0 to 1 (equal).

    A word that says synchronous never leads to one that says asynchronous, or the other way around.
    """
    return next(iter(nearest_words(word, choices, 1, least)), None)


def nearest_words(word: str, choices: Iterable[str], most: int, least: float = 0.6) -> list[str]:
    """Return up to `most` choices that are near to a misspelt word, as `nearest` does, the nearest first."""
    if len(word) > _LONGEST_WORD:
        return []
    return get_close_matches(word, [choice for choice in choices if not are_opposed(word, choice)], n=most, cutoff=least)


def similarity(word: str, other: str) -> float:
    """Return how alike two words are, from 0 to 1 (equal)."""
    return SequenceMatcher(None, other, word).ratio()


def are_opposed(word: str, choice: str) -> bool:
    """Return whether a choice says the opposite of a word, although they look alike: sync and async.

    It does if the word is at least as near to the choice with the other of the two words in it.
    """
    if "sync" not in choice:
        return False
    other = choice.replace("async", "sync") if "async" in choice else choice.replace("sync", "async")
    plain = word.lower()
    return similarity(plain, other) >= similarity(plain, choice)
