"""Printing to standard output and standard error: in any encoding, closed, full, or unread."""

from __future__ import annotations

import codecs
import errno
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

_ERRORS = "simasgd-plain"
_ASCII = "simasgd-ascii"
_OF_A_STREAM = {errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG}
_PLAIN = {
    **dict.fromkeys("–—−", "-"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”", '"'),
    **dict.fromkeys("µμ", "u"),
    "…": "...",
    "×": "x",
    "÷": "/",
    "·": "*",
    "•": "*",
    "→": "->",
    "≥": ">=",
    "≤": "<=",
    "≈": "~",
    "λ": "lambda",  # Unicode calls it LAMDA
    "Λ": "Lambda",
}


@contextmanager
def printing() -> Iterator[None]:
    """Print characters that cannot be encoded in plain letters, within this block.

    If standard output cannot be written, the program ends with exit status 1; silently if its
    reader has gone.
    """
    codecs.register_error(_ERRORS, _plain)
    codecs.register(_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # it may be anything in a test or an embedding program
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"  # click takes ASCII for a mistake, and writes UTF-8
            stream.reconfigure(encoding=_ASCII if is_ascii else None, errors=_ERRORS)
    if sys.stdout is None:
        yield from _closed()
        return
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.filename is not None or error.errno not in _OF_A_STREAM:  # of a file or folder
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # otherwise Python complains when it flushes at its end
        if error.errno != errno.EPIPE:
            print(f"standard output cannot be written: {error.strerror}", file=sys.stderr)
        sys.exit(1)


def _closed() -> Iterator[None]:
    try:
        yield
    except SystemExit as end:
        if end.code:
            raise
    print("standard output cannot be written: it is closed", file=sys.stderr)
    sys.exit(1)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return the replacement of characters that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain_letter, error.object[error.start : error.end])), error.end


def _plain_letter(letter: str) -> str:
    if letter in _PLAIN:
        return _PLAIN[letter]
    name = unicodedata.name(letter, "")
    if name.startswith("BOX DRAWINGS"):
        return "|" if name.endswith("VERTICAL") else "-" if name.endswith("HORIZONTAL") else "+"
    if name.startswith(("GREEK SMALL LETTER ", "GREEK CAPITAL LETTER ")):
        greek = name.split()[3]
        return greek.lower() if "SMALL" in name else greek.capitalize()
    decomposed = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return decomposed or letter.encode("ascii", "backslashreplace").decode()


def _ascii(name: str) -> codecs.CodecInfo | None:
    """Look up ASCII under a name that click does not replace."""
    if name.replace("_", "-") != _ASCII:
        return None
    own = codecs.lookup("ascii")
    return codecs.CodecInfo(
        own.encode,
        own.decode,
        streamreader=own.streamreader,
        streamwriter=own.streamwriter,
        incrementalencoder=own.incrementalencoder,
        incrementaldecoder=own.incrementaldecoder,
        name=_ASCII,
    )
