"""Values and suggested words in the text of a message."""

from __future__ import annotations

import math
from collections.abc import Iterable
from difflib import get_close_matches
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
    """Return the choice nearest to a misspelt word; None if no similarity reaches `least`, from 0 to 1 (equal)."""
    if len(word) > _LONGEST_WORD:
        return None
    near = get_close_matches(word, list(choices), n=1, cutoff=least)
    return near[0] if near else None
