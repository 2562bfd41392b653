"""The axes of a sweep, as written on the command line: `cluster.learners=1,2,4`, `seed=range(0,3)`,
`network.latency=logspace(1 us, 1 ms, 4)`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from simasgd.errors import ScenarioError
from simasgd.scenario import keys, text, units
from simasgd.scenario.load import override_layer

_CALL = re.compile(r"\s*([a-z]+)\((.*)\)\s*", re.DOTALL)
_MOST_VALUES = 100_000


@dataclass(frozen=True)
class Axis:
    """One swept key, in full, with its values as YAML text; `numbers` are the same as plain or SI numbers if they are some."""

    key: str
    values: tuple[str, ...]
    numbers: tuple[float, ...] | None = None

    def overrides(self) -> list[str]:
        return [f"{self.key}={value}" for value in self.values]


def parse(arguments: Sequence[str]) -> tuple[list[Axis], list[str]]:
    """The swept axes, and the arguments that give one value and are plain overrides. Raises ScenarioError."""
    axes: list[Axis] = []
    fixed: list[str] = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            override_layer(argument)  # which complains
        try:
            values = _values(value)
            if values is None:
                override_layer(argument)
                fixed.append(argument)
                continue
            full = keys.resolve(key.strip())
        except ValueError as error:
            raise ScenarioError(f"command line: {argument}: {error}") from None
        if any(axis.key == full for axis in axes):
            raise ScenarioError(f"command line: {argument}: {full} is swept twice")
        axes.append(Axis(full, values))
    for argument in fixed:
        full = keys.resolve(argument.partition("=")[0].strip())
        if any(axis.key == full for axis in axes):
            raise ScenarioError(f"command line: {argument}: {full} is swept as well")
    return axes, fixed


def combinations(axes: Sequence[Axis]) -> list[tuple[str, ...]]:
    """Every combination of the axes' values, the last axis running fastest."""
    return list(product(*(axis.values for axis in axes)))


def _values(given: str) -> tuple[str, ...] | None:
    """The several values that a text stands for; None if it is a single one. Raises ValueError."""
    parts = _split(given)
    values: list[str] = []
    for part in parts:
        call = _CALL.fullmatch(part)
        if call is None:
            values.append(part)
        elif call[1] in _FUNCTIONS:
            values.extend(_FUNCTIONS[call[1]](_split(call[2])))
        else:
            raise ValueError(f"unknown function {call[1]!r}; there are {', '.join(_FUNCTIONS)}")
    twice = [value for i, value in enumerate(values) if value in values[:i]] if len(values) <= _MOST_VALUES else []
    if twice:
        raise ValueError(f"{twice[0]} is given twice")
    if len(parts) == 1 and _CALL.fullmatch(parts[0]) is None:
        return None
    if not all(values):
        raise ValueError("a value is empty")
    return tuple(values)


def _split(value: str) -> list[str]:
    """The parts of a text between commas, but for commas within brackets or quotes. Raises ValueError."""
    return [part.strip() for part in text.pieces(value, ",")]


def _range(arguments: list[str]) -> list[str]:
    """range(start, stop, step), without `stop`, of whole numbers."""
    if not 1 <= len(arguments) <= 3:
        raise ValueError("range takes one to three whole numbers")
    try:
        numbers = range(*(int(argument) for argument in arguments))
    except ValueError:
        raise ValueError(f"range({', '.join(arguments)}): whole numbers are wanted, and a step that is not 0") from None
    if not numbers:
        raise ValueError(f"range({', '.join(arguments)}) is empty")
    if len(numbers) > _MOST_VALUES:
        raise ValueError(f"range({', '.join(arguments)}) has {len(numbers)} values")
    return [str(number) for number in numbers]


def _spaced(name: str, place: Callable[[float, float, float], float]) -> Callable[[list[str]], list[str]]:
    def values(arguments: list[str]) -> list[str]:
        called = f"{name}({', '.join(arguments)})"
        if len(arguments) != 3 or not arguments[2].isdigit() or not 2 <= int(arguments[2]) <= _MOST_VALUES:
            raise ValueError(f"{called}: two ends and a number of values (2 or more) are wanted, as in {name}(1 us, 1 ms, 4)")
        (start, dimension), (stop, other) = _quantity(arguments[0]), _quantity(arguments[1])
        if dimension is not other:
            raise ValueError(f"{called}: the two ends are of different kinds")
        count = int(arguments[2])
        numbers = [place(start, stop, i / (count - 1)) for i in range(count)]
        numbers[0], numbers[-1] = start, stop
        return [_text(number, dimension) for number in numbers]

    return values


def _log(start: float, stop: float, share: float) -> float:
    if start <= 0 or stop <= 0:
        raise ValueError("logspace needs positive ends")
    return float(f"{math.exp(math.log(start) + share * (math.log(stop) - math.log(start))):.6g}")


def _linear(start: float, stop: float, share: float) -> float:
    return float(f"{start + share * (stop - start):.12g}")


def _quantity(given: str) -> tuple[float, units.Dimension | None]:
    try:
        number = float(given)
    except ValueError:
        unit = given.lstrip("+-.0123456789eE").strip()
        for dimension in units.DIMENSIONS:
            if unit in dimension.units:
                return units.parse(given, dimension), dimension
        raise ValueError(f"{given!r} is neither a number nor a quantity with a unit") from None
    if not math.isfinite(number):
        raise ValueError(f"{given!r} is not finite")
    return number, None


def _text(number: float, dimension: units.Dimension | None) -> str:
    if dimension is not None:
        digits, unit = units.show(number, dimension).split()  # exact, and so 10.000000000000002 us
        return f"{float(digits):.12g} {unit}"
    return str(int(number)) if number.is_integer() else repr(number)


_FUNCTIONS: dict[str, Callable[[list[str]], list[str]]] = {
    "range": _range,
    "choice": lambda arguments: arguments,
    "linspace": _spaced("linspace", _linear),
    "logspace": _spaced("logspace", _log),
}
