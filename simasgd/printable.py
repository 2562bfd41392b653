"""Text of unknown origin in the form in which it may be shown: one line, without control characters, of bounded length."""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    """Replace every character that does not print (control, format, surrogate, line separators) by its escape sequence as in
    Python; the characters of `keep` stay."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() or character in keep else repr(character)[1:-1] for character in text)


def is_text(word: str) -> bool:
    """Whether a word has no lone surrogates, which stand for bytes that are not text and which no file of ours can hold."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and its length if it has more than `most` characters."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"
