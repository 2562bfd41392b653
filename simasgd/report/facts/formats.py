"""Numbers, quantities and lists as text. A no-break space stands between a number and its unit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from simasgd.scenario.vocabulary import names
from simasgd.what_if.chance import compute_margin

NBSP = "\u00a0"
FREE = "with free communication and no waiting"
"""The case of which a law tells the mean staleness."""
_UNITS = ((7200.0, 3600.0, "h"), (120.0, 60.0, "min"), (1.0, 1.0, "s"), (1e-3, 1e-3, "ms"), (0.0, 1e-6, "µs"))
"""Fewer learner-hours are given in learner-seconds."""
_VOLUMES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (0.0, "B"))
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def format_number(value: float) -> str:
    """Format a number with three significant digits; thousands are whole and grouped."""
    if abs(value) >= 999.5:
        return f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.3g}"
    return f"{value:.3g}"


def format_percent(fraction: float) -> str:
    """Format an error rate to a tenth of a per cent, or below one per cent to a hundredth."""
    return f"{100 * fraction:.{1 if fraction >= 0.01 or fraction == 0 else 2}f}{NBSP}%"


def format_share(fraction: float) -> str:
    """Format a part of a whole to a per cent, or near 0 and 1 to a tenth.

    A part is never rounded to 0 % or 100 %.
    """
    if 0.0 < fraction < 0.0005 or 0.9995 <= fraction < 1.0:
        return f"< 0.1{NBSP}%" if fraction < 0.5 else f"> 99.9{NBSP}%"
    whole = 0.1 <= fraction <= 0.99 or fraction in (0.0, 1.0)
    return f"{100 * fraction:.{0 if whole else 1}f}{NBSP}%"


def format_duration(seconds: float) -> str:
    """Format a time with a suitable unit."""
    if seconds == 0:
        return f"0{NBSP}s"
    size, unit = choose_time_unit(seconds)
    return f"{format_number(seconds / size)}{NBSP}{unit}"


def choose_time_unit(seconds: float) -> tuple[float, str]:
    """Return a suitable unit for a time: its length in seconds, and its name."""
    return next((size, unit) for least, size, unit in _UNITS if seconds >= least)


def format_learner_time(hours: float) -> str:
    """Format time of learners, given in learner-hours, with a suitable unit: `35.4 learner-seconds`.

    A line may end before the unit, which is long.
    """
    size, unit = choose_learner_time_unit(hours)
    return f"{format_number(hours / size)} {unit}"


def choose_learner_time_unit(hours: float) -> tuple[float, str]:
    """Return a suitable unit for time of learners: its length in hours, and its name."""
    return (1.0, "learner-hours") if hours >= 1.0 else (1.0 / 3600.0, "learner-seconds")


def format_bytes(size: float) -> str:
    """Format a number of bytes with a suitable unit."""
    scale, unit = choose_byte_unit(size)
    return f"{format_number(size / scale)}{NBSP}{unit}"


def choose_byte_unit(size: float) -> tuple[float, str]:
    """Return a suitable unit for a number of bytes: its size, and its name."""
    return next((least or 1.0, unit) for least, unit in _VOLUMES if size >= least)


def format_factor(ratio: float) -> str:
    """Format a ratio, for example `1.61×`."""
    return f"{ratio:.2f}×" if ratio < 9.95 else f"{format_number(ratio)}×"


def format_gain(speedup: float, standard_error: float | None) -> str:
    """Format a speed-up, and half its 99 % interval if that shows: `1.10× ± 0.07`. A standard error may be unknown (None)."""
    chance = f"{compute_margin(standard_error):.2f}"
    return format_factor(speedup) + (f" ±{NBSP}{chance}" if float(chance) else "")


def use_plain_spaces(text: str) -> str:
    """Replace no-break spaces by plain ones, for the terminal and JSON."""
    return text.replace(NBSP, " ")


def replace_controls(text: str) -> str:
    """Replace characters that a page cannot hold by U+FFFD.

    These are control characters other than line feeds and tabs, and lone surrogates.
    """
    return _UNPRINTABLE.sub("\ufffd", text)


def join_words(items: Sequence[str]) -> str:
    """Join words: `a`, `a and b`, `a, b and c`."""
    return names.join_words(items, "and")


def list_some(items: Sequence[str], most: int = 4) -> str:
    """Join the words of a short list, or the first of a long one: `a, b, c and 4 others`."""
    return join_words(items) if len(items) <= most else f"{', '.join(items[: most - 1])} and {len(items) - most + 1} others"


def format_several(values: Sequence[float], form: Callable[[float], str]) -> str:
    """Format one number of each of several things: each its own in their order, one that all share, or `least to greatest`.

    Each has its own only if no two read the same.
    """
    texts = [form(value) for value in values]
    if len(set(texts)) == 1:
        return texts[0]
    if len(set(texts)) == len(texts) <= 3:
        return join_words(texts)
    return format_range(values, form)


def format_range(values: Sequence[float], form: Callable[[float], str]) -> str:
    """Format the least and the greatest of several numbers: `1.07× to 1.08×`, or one if both read the same."""
    return " to ".join(dict.fromkeys((form(min(values)), form(max(values)))))


def name_group(names: Sequence[str]) -> str:
    """Return a short name of a group for a label: `async`, `async and dynsgd`, `async + 2 more`."""
    return join_words(names) if len(names) <= 2 else f"{names[0]} + {len(names) - 1} more"


def shorten_label(label: str, most: int) -> str:
    """Shorten a label to at most `most` characters."""
    return label if len(label) <= most else f"{label[: most - 1].rstrip()}…"


def spell_count(amount: int, singular: str, plural: str = "") -> str:
    """Return a count in words: `one seed`, `three seeds`, `40 seeds`."""
    word = _COUNTS[amount] if amount < len(_COUNTS) else f"{amount:,}"
    return f"{word} {singular if amount == 1 else plural or singular + 's'}"


def count_seeds(count: int, seeds: int) -> str:
    """Return in how many of the seeds something happens, to follow a word: ` (1 of 3 seeds)`; "" for all."""
    return "" if count == seeds else f" ({count} of {seeds} seeds)"


def format_epochs(value: float) -> str:
    """Format a number of epochs: `1 epoch`, `0.25 epochs`."""
    text = format_number(value)
    return f"{text}{NBSP}epoch{'' if text == '1' else 's'}"


def format_steps(age: float) -> str:
    """Format an age: `1 step`, `0.25 steps`."""
    return f"{format_number(age)} step{'' if age == 1 else 's'}"


def capitalise(sentence: str) -> str:
    """Return a sentence that begins with a capital letter."""
    return sentence[:1].upper() + sentence[1:]
