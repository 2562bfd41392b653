"""Numbers and lists as people read them. A no-break space stands between a number and its unit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

NBSP = "\u00a0"
_UNITS = ((7200.0, 3600.0, "h"), (120.0, 60.0, "min"), (1.0, 1.0, "s"), (1e-3, 1e-3, "ms"), (0.0, 1e-6, "µs"))
_VOLUMES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (0.0, "B"))
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


class Spread(NamedTuple):
    """A mean over seeds with the least and the greatest value."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """None of nothing."""
        return cls(math.fsum(values) / len(values), min(values), max(values)) if values else None

    @property
    def width(self) -> float:
        return self.high - self.low

    def range(self, form: Callable[[float], str]) -> str:
        """`low – high`, or nothing where both read the same."""
        low, high = form(self.low), form(self.high)
        return f"{low} – {high}" if low != high else ""


def format_number(value: float) -> str:
    """Three significant digits; thousands are whole and grouped."""
    if abs(value) >= 999.5:
        return f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.3g}"
    return f"{value:.3g}"


def format_percent(fraction: float) -> str:
    """An error rate, to a tenth of a per cent (a hundredth below one)."""
    return f"{100 * fraction:.{1 if fraction >= 0.01 or fraction == 0 else 2}f}{NBSP}%"


def format_share(fraction: float) -> str:
    """A part of a whole, to a per cent (a tenth at either end, where it is never rounded to nothing or all)."""
    if 0.0 < fraction < 0.0005 or 0.9995 <= fraction < 1.0:
        return f"< 0.1{NBSP}%" if fraction < 0.5 else f"> 99.9{NBSP}%"
    whole = 0.1 <= fraction <= 0.99 or fraction in (0.0, 1.0)
    return f"{100 * fraction:.{0 if whole else 1}f}{NBSP}%"


def format_duration(seconds: float) -> str:
    """A time with the unit that suits it."""
    if seconds == 0:
        return f"0{NBSP}s"
    size, unit = choose_time_unit(seconds)
    return f"{format_number(seconds / size)}{NBSP}{unit}"


def choose_time_unit(seconds: float) -> tuple[float, str]:
    """The unit that suits a time: its length (s) and its name."""
    return next((size, unit) for least, size, unit in _UNITS if seconds >= least)


def format_bytes(size: float) -> str:
    """A number of bytes with the unit that suits it."""
    scale, unit = choose_byte_unit(size)
    return f"{format_number(size / scale)}{NBSP}{unit}"


def choose_byte_unit(size: float) -> tuple[float, str]:
    """The unit that suits a number of bytes: its size and its name."""
    return next((least or 1.0, unit) for least, unit in _VOLUMES if size >= least)


def format_factor(ratio: float) -> str:
    return f"{ratio:.2f}×" if ratio < 9.95 else f"{format_number(ratio)}×"


def format_points(difference: float) -> str:
    """A difference of error rates."""
    size = f"{100 * abs(difference):.1f}"
    return f"{size} {'point' if size == '1.0' else 'points'}"


def use_plain_spaces(text: str) -> str:
    """A sentence with plain spaces, for the terminal and JSON."""
    return text.replace(NBSP, " ")


def replace_controls(text: str) -> str:
    """A text without control characters (but line feeds and tabs) and lone surrogates, which no page can hold: a replacement
    character stands for each."""
    return _UNPRINTABLE.sub("\ufffd", text)


def join_words(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def list_some(items: Sequence[str], most: int = 4) -> str:
    """All of a short list, the first of a long one."""
    return join_words(items) if len(items) <= most else f"{', '.join(items[: most - 1])} and {len(items) - most + 1} others"


def shorten_label(label: str, most: int) -> str:
    """At most `most` characters."""
    return label if len(label) <= most else f"{label[: most - 1].rstrip()}…"


def spell_count(amount: int, singular: str, plural: str = "") -> str:
    """`one seed`, `three seeds`, `40 seeds`."""
    word = _COUNTS[amount] if amount < len(_COUNTS) else f"{amount:,}"
    return f"{word} {singular if amount == 1 else plural or singular + 's'}"


def format_steps(age: float) -> str:
    """`1 step`, `0.25 steps`."""
    return f"{format_number(age)} step{'' if age == 1 else 's'}"


def capitalise(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
