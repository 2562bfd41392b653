"""Random draws of values from laws: `uniform`, `log-uniform`, `integers` and `choice`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from simasgd.printable import shortened
from simasgd.scenario.vocabulary.values import nearest, shown
from simasgd.sweeps.axes import MOST_POINTS, format_quantity, parse_quantity, split

Draw = Callable[[float], str]
"""Returns the value at a uniform number in [0, 1), as text."""
_CALL = re.compile(r"\s*([a-z-]+)\s*\((.*)\)\s*", re.DOTALL)
_MOST_REPEATED = 10 * MOST_POINTS


def parse_law(text: str) -> Draw:
    """Return the law that a text such as `log-uniform(0.001, 1)` states. Raises ValueError."""
    call = _CALL.fullmatch(text)
    if call is None or call[1] not in _LAWS:
        near = None if call is None else nearest(call[1], list(_LAWS))
        hint = f"did you mean {near!r}?" if near else f"expected {', '.join(_LAWS)}, as in log-uniform(0.001, 1)"
        raise ValueError(f"{shown(text)} is not a law; {hint}")
    return _LAWS[call[1]](shortened(text.strip(), 100), split(call[2]))


def draw(laws: Sequence[Draw], seed: int, kept: Sequence[int] | None = None) -> Iterator[tuple[str, ...]]:
    """Yield different draws from laws, each with a value for each law, until many in a row have been drawn before.

    With `kept`, a draw has only the values of the laws with these numbers. They are the same as without it.

    The same seed gives the same draws on every machine: Python fixes the generator's stream, and values are rounded, to
    few digits that people can read.
    """
    generator, seen, repeated = Random(seed), set[tuple[str, ...]](), 0
    chosen = range(len(laws)) if kept is None else kept
    while repeated < _MOST_REPEATED:
        values = [law(generator.random()) for law in laws]
        drawn = tuple(values[number] for number in chosen)
        if drawn in seen:
            repeated += 1
            continue
        seen.add(drawn)
        repeated = 0
        yield drawn


def _make_continuous(
    place: Callable[[float, float, float], float], round_off: Callable[[float, float, float], float]
) -> Callable[[str, Sequence[str]], Draw]:
    def law(called: str, ends: Sequence[str]) -> Draw:
        if len(ends) != 2:
            raise ValueError(f"{called}: the two ends are expected")
        (low, dimension), (high, other) = map(parse_quantity, ends)
        if dimension is not other:
            raise ValueError(f"{called}: the two ends are of different kinds")
        if not low < high:
            raise ValueError(f"{called}: the first end must be less than the second")
        place(low, high, 0.0)

        def find(share: float) -> str:
            rounded = round_off(place(low, high, share), low, high)
            return format_quantity(min(max(rounded, low), high), dimension)  # rounding may have left the ends

        return find

    return law


def _place_linear(low: float, high: float, share: float) -> float:
    return low + share * (high - low)


def _round_linear(number: float, low: float, high: float) -> float:
    """Round to a power of ten of which the ends are at least a thousand apart."""
    digits = 3 - math.floor(math.log10(high - low))
    return round(number, digits)


def _round_log(number: float, low: float, high: float) -> float:
    """Round to three significant digits, or to more if the ends are near to each other."""
    digits = max(3, 3 - math.floor(math.log10(math.log(high / low))))
    return float(f"{number:.{digits}g}")


def _place_log(low: float, high: float, share: float) -> float:
    if low <= 0.0:
        raise ValueError("log-uniform needs positive ends")
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))


def _make_integers(called: str, ends: Sequence[str]) -> Draw:
    if len(ends) != 2 or not all(re.fullmatch(r"[+-]?[0-9]{1,15}", end) for end in ends):
        raise ValueError(f"{called}: two whole numbers are expected")
    low, high = map(int, ends)
    if not low < high:
        raise ValueError(f"{called}: the first end must be less than the second")
    return lambda share: str(low + int(share * (high - low + 1)))


def _make_choice(called: str, values: Sequence[str]) -> Draw:
    if len(values) < 2 or not all(values):
        raise ValueError(f"{called}: two values or more are expected")
    return lambda share: values[int(share * len(values))]


_LAWS: Mapping[str, Callable[[str, Sequence[str]], Draw]] = {
    "uniform": _make_continuous(_place_linear, _round_linear),
    "log-uniform": _make_continuous(_place_log, _round_log),
    "integers": _make_integers,
    "choice": _make_choice,
}
