"""Quantities with units: `2 ms`, `350 kB`, `25 Gbit/s`. Inside the simulator they are seconds, bytes and bytes/s as floats.

A bare number is refused (except 0), and so is any ambiguous text.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from simasgd.scenario.vocabulary import synonyms
from simasgd.scenario.vocabulary.values import nearest, shown


class Dimension(NamedTuple):
    """A physical dimension: its name with an article, its units with their factors, and examples."""

    name: str
    units: dict[str, float]
    examples: tuple[str, ...]


_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
_SIZES = {prefix + "B": factor for prefix, factor in (_PREFIXES | _BINARY).items()}
_BITS = {prefix + bit: factor / 8 for prefix, factor in (_PREFIXES | _BINARY).items() for bit in ("bit", "b")}

TIME = Dimension(
    "a time",
    {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0},
    ("2 ms", "1.5 s", "10 us"),
)
SIZE = Dimension("a size", _SIZES | _BITS, ("350 kB", "289 MB", "1.2 MiB"))
BANDWIDTH = Dimension(
    "a bandwidth",
    {unit + "/s": factor for unit, factor in (_SIZES | _BITS).items()},
    ("25 Gbit/s", "3.4 GB/s"),
)
DIMENSIONS = (TIME, SIZE, BANDWIDTH)
UNLIMITED = "unlimited"
FOREVER = "forever"
_PER_SECOND = ("ps", "/s", "/sec", "/second")

# Possessive (++, ?+, *+), so that text that is not a quantity is rejected in linear time.
QUANTITY = re.compile(r"\s*+([+-]?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+)\s*+(\S*+)\s*+")


def parse(value: Any, dimension: Dimension) -> float:
    """Return the quantity in seconds, bytes or bytes/s. Raises ValueError with the text found and what is expected."""
    wanted = f"expected {dimension.name} (e.g. {', '.join(dimension.examples[:2])})"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{shown(value)} is not a quantity; {wanted}")
    if isinstance(value, int | float):
        if value == 0:
            return 0.0
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{shown(value)} is not finite; {wanted}")
        raise ValueError(f"{shown(value)} has no unit; {wanted}")
    match = QUANTITY.fullmatch(value)
    if match is None:
        raise ValueError(f"{shown(value)} is not a quantity; {wanted}")
    number, unit = float(match[1]), match[2]
    if unit not in dimension.units:
        raise ValueError(_unit_complaint(value, number, unit, dimension, wanted))
    result = number * dimension.units[unit]
    if number < 0:
        raise ValueError(f"{shown(value)} is negative; {wanted}")
    if not math.isfinite(result):
        raise ValueError(f"{shown(value)} is not finite; {wanted}")
    return result


def _unit_complaint(value: str, number: float, unit: str, dimension: Dimension, wanted: str) -> str:
    if not unit:
        text = shown(value)
        return f"{text} has no unit; {wanted}" if number else f"{text} is text; write 0 or {dimension.examples[0]!r}"
    for other in DIMENSIONS:
        if unit in other.units:
            hint = f"; {synonyms.ask(meant)}" if (meant := synonyms.units(unit, dimension.units)) else ""
            return f"{shown(value)} is {other.name}; {wanted}{hint}"
    every = [known for other in DIMENSIONS for known in other.units]
    near = nearest(unit, [*dimension.units, *every])
    meant = synonyms.units(unit, dimension.units) or ((near,) if near else ())
    hint = f"; {synonyms.ask(meant)}" if meant else ""
    return f"unknown unit {shown(unit)} in {shown(value)}; {wanted}{hint}"


def explain_quantity(text: str) -> str:
    """Return what a text is as a value: a quantity, or one with a unit that is not known; empty for other text."""
    match = QUANTITY.fullmatch(text)
    if match is None or not match[2]:
        return ""
    unit = match[2]
    for dimension in DIMENSIONS:
        if unit in dimension.units:
            return f"it is {dimension.name}, a value of keys"
    likely = (BANDWIDTH,) if unit.lower().endswith(_PER_SECOND) else (SIZE, TIME)
    meant = [found for dimension in likely for found in synonyms.units(unit, dimension.units)]
    return f"as a value, it has the unknown unit {shown(unit)}; {synonyms.ask(meant)}" if meant else ""


def show(value: float, dimension: Dimension) -> str:
    """Return the shortest text with a customary unit that `parse` turns back into exactly `value`."""
    if value == 0:
        return "0 " + next(iter(dimension.units))
    if math.isinf(value):
        return UNLIMITED
    customary = [
        unit for unit in dimension.units if "µ" not in unit and "μ" not in unit and "b" not in unit and "i" not in unit
    ]
    texts = []
    for unit in customary:
        number = value / dimension.units[unit]
        for digits in (f"{number:.12g}", repr(number)):
            if float(digits) * dimension.units[unit] == value:
                texts.append((not 0.1 <= number < 1000, len(digits) + len(unit), f"{digits} {unit}"))
                break
    return min(texts)[2] if texts else f"{value!r} {customary[0]}"


def _bandwidth(value: Any) -> float:
    if value == UNLIMITED or value == math.inf:
        return math.inf
    result = _bounded(parse(value, BANDWIDTH), BANDWIDTH)
    if result == 0:
        raise ValueError(f"{shown(value)} would never carry anything; expected a positive bandwidth (or '{UNLIMITED}')")
    return result


def _lasting(value: Any) -> float:
    if value == FOREVER or value == math.inf:
        return math.inf
    try:
        return _bounded(parse(value, TIME), TIME)
    except ValueError as error:
        raise ValueError(f"{error}, or {FOREVER!r}") from None


def _schema(dimension: Dimension, *words: str) -> WithJsonSchema:
    units = "|".join(re.escape(unit) for unit in dimension.units)
    pattern = rf"^\s*(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*({units})\s*$" + "".join(f"|^{word}$" for word in words)
    text = {"type": "string", "pattern": pattern, "examples": [*dimension.examples, *words]}
    return WithJsonSchema(text if words else {"anyOf": [text, {"const": 0}]})


def _bounded(value: float, dimension: Dimension) -> float:
    """Return the value, or raise ValueError if it is beyond the range that a simulation can add up: 15 digits either way."""
    if value != 0.0 and not math.isinf(value) and not 1e-15 <= value <= 1e15:
        base = next(iter(dimension.units))
        raise ValueError(f"{show(value, dimension)} is out of range; expected 1e-15 {base} to 1e15 {base}")
    return value


def parse_seconds(value: Any) -> float:
    """Return a time in seconds. Raises ValueError if it is no time, or out of range."""
    return _bounded(parse(value, TIME), TIME)


Seconds = Annotated[
    float,
    BeforeValidator(parse_seconds),
    PlainSerializer(lambda value: show(value, TIME), return_type=str),
    _schema(TIME),
]
Lasting = Annotated[
    float,
    Field(allow_inf_nan=True),
    BeforeValidator(_lasting),
    PlainSerializer(lambda value: FOREVER if value == math.inf else show(value, TIME), return_type=str),
    _schema(TIME, FOREVER),
]
"""A length of time (s), or `forever`, which is infinite."""
Bytes = Annotated[
    float,
    BeforeValidator(lambda value: _bounded(parse(value, SIZE), SIZE)),
    PlainSerializer(lambda value: show(value, SIZE), return_type=str),
    _schema(SIZE),
]
BytesPerSecond = Annotated[
    float,
    Field(allow_inf_nan=True),
    BeforeValidator(_bandwidth),
    PlainSerializer(lambda value: show(value, BANDWIDTH), return_type=str),
    _schema(BANDWIDTH, UNLIMITED),
]
