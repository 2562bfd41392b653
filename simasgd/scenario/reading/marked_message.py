"""The form of a complaint: place, key and message, and the line of the source with a caret."""

from __future__ import annotations

from simasgd.printable import printable, shortened
from simasgd.scenario.vocabulary.merge import Mark

_MAX_NAME, _MAX_KEY, _MAX_MESSAGE = 300, 200, 2000  # characters
_AROUND = 80  # characters of a line that are shown on either side of the mistake


def format_complaint(mark: Mark, message: str, *, at_key: bool = False, key: str | None = None) -> str:
    """Return a message with its place: source, line, column and key, and an excerpt with a caret.

    Every part has a bounded length, and no character controls a terminal.
    """
    column = mark.key_column if at_key else mark.value_column
    source = shorten_name(mark.source)
    place = f"{source}:{mark.line}:{column + 1}" if mark.line else source
    key = _shorten(mark.key if key is None else key, _MAX_KEY)
    message = _shorten(message, _MAX_MESSAGE)
    head = f"{place}: {key}: {message}" if key else f"{place}: {message}"
    if not mark.text:
        return head
    number = str(mark.line) if mark.line else ""
    before, after = _cut_excerpt(mark.text, column)
    return f"{head}\n{number:>8} | {before}{after}\n{'':>8} | {' ' * len(before)}^"


def shorten_name(name: str) -> str:
    """Return the name of a source on one line and with a bounded length."""
    return _shorten(name, _MAX_NAME)


def _shorten(text: str, most: int) -> str:
    return shortened(printable(text), most)


def _cut_excerpt(line: str, column: int) -> tuple[str, str]:
    """Return the shown parts of a line: before a column, and from it on."""
    start, end = max(0, column - _AROUND), column + _AROUND
    if len(line) <= 2 * _AROUND:
        start, end = 0, len(line)
    before, after = line[start:column], line[column:end]
    # A tab becomes one space, so that the caret stands in the right column; a CR is not shown.
    before, after = (printable(part.replace("\t", " ").rstrip("\r")) for part in (before, after))
    return f"{'…' if start else ''}{before}", f"{after}{'…' if end < len(line) else ''}"
