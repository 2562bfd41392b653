"""Text of unknown origin, made safe to show: one line, no control characters, bounded length."""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    """Replace every character that does not print by its Python escape sequence.

    These are control and format characters, surrogates and line separators. Characters in `keep`
    stay.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() or character in keep else repr(character)[1:-1] for character in text)


def is_text(word: str) -> bool:
    """Return whether a word has no lone surrogates, which stand for bytes that are not text."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def shortened(text: str, most: int) -> str:
    """Return the text; if it has more than `most` characters, its beginning and its length."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"
