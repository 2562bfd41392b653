"""The axes of a sweep, as written on the command line.

Examples: `cluster.learners=1,2,4`, `seed=range(0,3)`, `network.latency=logspace(1 us, 1 ms, 4)`, and keys that vary
together, `learners:mini_batch=1:64,2:32,4:16`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from simasgd.errors import ScenarioError
from simasgd.printable import printable, shortened
from simasgd.scenario.reading import keys, yaml_layer
from simasgd.scenario.reading.overrides import Override, join_parameters, names_protocol, parse_override
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary import units
from simasgd.scenario.vocabulary.merge import Mark
from simasgd.scenario.vocabulary.values import shown

_CALL = re.compile(r"\s*([a-z]+)\((.*)\)\s*", re.DOTALL)
TOGETHER = ":"
"""Stands between keys that vary together, and between the parts of their values."""
MOST_POINTS = 10_000
"""The largest number of points of a sweep. All are checked before the first one runs."""
_OF_SWEEPS = ("sweep",)


@dataclass(frozen=True)
class Axis:
    """A swept key in full, and its values as YAML text.

    Keys that vary together are one axis. Its key and each of its values have their parts between colons.
    `numbers` are the values in SI units, whole ones as int; None if they are not all numbers. Of keys that vary
    together, `parts` has such numbers for each key. `places` has, for values from a file, where the value of each key
    stands in it.
    """

    key: str
    values: tuple[str, ...]
    numbers: tuple[float, ...] | None = None
    parts: tuple[tuple[float, ...] | None, ...] = ()
    places: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The key, or those that vary together."""
        return tuple(self.key.split(TOGETHER))

    def parts_of(self, value: str) -> tuple[str, ...]:
        """Return the value of each of the keys, of a value as written."""
        return (value,) if len(self.keys) == 1 else tuple(split(value, TOGETHER))

    def overrides(self, value: str) -> list[str | Override]:
        """Return the overrides that a value as written stands for."""
        texts = [f"{key}={part}" for key, part in zip(self.keys, self.parts_of(value), strict=True)]
        places = self.places.get(value)
        if places is None:
            return list(texts)
        return [parse_override(Scenario, text, place) for text, place in zip(texts, places, strict=True)]

    def without(self, keys: Collection[str]) -> Axis | None:
        """Return the axis of the other keys; None if there is no other."""
        kept = [i for i, key in enumerate(self.keys) if key not in keys]
        if len(kept) == len(self.keys):
            return self
        if not kept:
            return None
        values = {TOGETHER.join(self.parts_of(value)[i] for i in kept): value for value in reversed(self.values)}
        places = {short: tuple(self.places[value][i] for i in kept) for short, value in values.items() if value in self.places}
        return Axis(TOGETHER.join(self.keys[i] for i in kept), tuple(reversed(values)), places=places)

    def read(self, value: str) -> float | str:
        """Return the number of a value as written, or the value itself if the axis has no numbers."""
        return value if self.numbers is None else self.numbers[self.values.index(value)]

    def columns(self) -> dict[str, dict[str, float | str]]:
        """Return the columns of tables: by the key, the cell for each value. Keys that vary together have columns, too."""
        found: dict[str, dict[str, float | str]] = {self.key: _pair(self.values, self.values, self.numbers)}
        if len(self.keys) > 1:
            texts = zip(*map(self.parts_of, self.values), strict=True)
            for key, own, numbers in zip(self.keys, texts, self.parts or (None,) * len(self.keys), strict=True):
                found[key] = _pair(self.values, own, numbers)
        return found


def _pair(values: Sequence[str], texts: Sequence[str], numbers: Sequence[float] | None) -> dict[str, float | str]:
    return dict(zip(values, texts if numbers is None else numbers, strict=True))


def parse(arguments: Sequence[str]) -> tuple[list[Axis], list[str]]:
    """Return the swept axes, and the arguments with one value, which are plain overrides.

    Raises ScenarioError.
    """
    axes: list[Axis] = []
    fixed: list[str] = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            parse_override(Scenario, argument)  # raises with the reason
        try:
            if TOGETHER not in key and _parse_values(value, _split_of(key)) is None:
                parse_override(Scenario, argument)
                fixed.append(argument)
                continue
            axes.append(make_axis(key, value, axes))
        except ValueError as error:
            raise _make_error(argument, str(error)) from None
    for argument in fixed:
        known = keys.resolve_key(Scenario, argument.partition("=")[0].strip())
        if any(known in axis.keys for axis in axes):
            raise _make_error(argument, f"{known} is swept as well")
    return axes, fixed


def make_axis(key: str, value: str, others: Sequence[Axis] = ()) -> Axis:
    """Return the axis of a key, or of keys that vary together, from its values as written. Raises ValueError."""
    full = [keys.resolve_key(Scenario, part.strip()) for part in key.split(TOGETHER)]
    axis = Axis(TOGETHER.join(full), _parse_values(value, _split_of(key)) or (value.strip(),))
    _check_together(axis)
    swept = [known for other in others for known in other.keys]
    for known in full:
        if known in swept or full.count(known) > 1:
            raise ValueError(f"{known} is swept twice")
        if known.partition(".")[0] in _OF_SWEEPS:
            raise ValueError(f"{known} is about the sweep, so it cannot be swept")
    return axis


def _check_together(axis: Axis) -> None:
    """Raise ValueError unless each value of keys that vary together has a part for every key."""
    if len(axis.keys) == 1:
        return
    if "seed" in axis.keys:
        raise ValueError("a seed cannot vary together with another key; give it values of its own")
    example = TOGETHER.join("…" for _ in axis.keys)
    for value in axis.values:
        parts = axis.parts_of(value)
        if len(parts) != len(axis.keys) or not all(parts):
            message = f"{shortened(value, 80)} is not a value for each of {len(axis.keys)} keys; write {example}"
            with_braces = any(map(names_protocol, axis.keys)) and len(parts) > len(axis.keys)
            raise ValueError(message + (", a protocol with parameters as {kind: KIND, KEY: VALUE}" if with_braces else ""))


def combinations(axes: Sequence[Axis]) -> list[tuple[str, ...]]:
    """List every combination of the axes' values; the last axis varies fastest.

    Raises ScenarioError if there are too many.
    """
    number = math.prod(len(axis.values) for axis in axes)
    if number > MOST_POINTS:
        raise ScenarioError(f"argument: the axes have {number:,} combinations; at most {MOST_POINTS:,} are allowed")
    return list(product(*(axis.values for axis in axes)))


def _make_error(argument: str, message: str) -> ScenarioError:
    quoted, problem = (shortened(printable(text), 300) for text in (argument, message))
    return ScenarioError(f"argument: {quoted}: {problem}")


def _split_of(key: str) -> Callable[[str], list[str]]:
    """Return how a text is split into values of a key. Parameters of a protocol stay with it. Raises ValueError."""
    is_protocol = TOGETHER not in key and names_protocol(keys.resolve_key(Scenario, key.strip()))
    return (lambda text: join_parameters(split(text))) if is_protocol else split


def _parse_values(given: str, divide: Callable[[str], list[str]]) -> tuple[str, ...] | None:
    """Return the values that a text stands for; None if it is a single value. Raises ValueError."""
    parts = divide(given)
    values: list[str] = []
    for part in parts:
        call = _CALL.fullmatch(part)
        if call is None:
            values.append(part)
        elif call[1] in _FUNCTIONS:
            values.extend(_FUNCTIONS[call[1]](divide(call[2])))
        else:
            raise ValueError(f"unknown function {shown(call[1])}; choose from {', '.join(_FUNCTIONS)}")
    if len(values) > MOST_POINTS:
        raise ValueError(f"there are {len(values):,} values; at most {MOST_POINTS:,} are allowed")
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{shortened(value, 80)} is given twice")
        seen.add(value)
    if len(parts) == 1 and _CALL.fullmatch(parts[0]) is None:
        return None
    if not all(values):
        raise ValueError("a value is empty" if len(values) > 1 else "there are no values")
    return tuple(values)


def split(value: str, separator: str = ",") -> list[str]:
    """Split a text at commas, or at another separator, outside brackets and quotes. Raises ValueError."""
    return [part.strip() for part in yaml_layer.split_outside_brackets(value, separator)]


def _list_range(arguments: list[str]) -> list[str]:
    """Return the whole numbers of range(start, stop, step), `stop` excluded."""
    if not 1 <= len(arguments) <= 3:
        raise ValueError("range takes one to three whole numbers")
    called = _spell_call("range", arguments)
    try:
        numbers = range(*(int(argument.replace("_", "?")) for argument in arguments))
    except ValueError:
        raise ValueError(f"{called}: whole numbers are expected, and a step other than 0") from None
    if not numbers:
        raise ValueError(f"{called} is empty")
    count = (numbers[-1] - numbers[0]) // numbers.step + 1  # len() has an upper bound
    if count > MOST_POINTS:
        raise ValueError(f"{called} has {count} values; at most {MOST_POINTS:,} are allowed")
    return [str(number) for number in numbers]


def _spell_call(name: str, arguments: Sequence[str]) -> str:
    return shortened(f"{name}({', '.join(arguments)})", 100)


def _make_spacing(name: str, place: Callable[[float, float, float], float]) -> Callable[[list[str]], list[str]]:
    def values(arguments: list[str]) -> list[str]:
        called = _spell_call(name, arguments)
        if len(arguments) != 3 or not _is_count(arguments[2]):
            message = f"two ends and a number of values (2 to {MOST_POINTS:,}) are expected, as in {name}(1 us, 1 ms, 4)"
            raise ValueError(f"{called}: {message}")
        (start, dimension), (stop, other) = parse_quantity(arguments[0]), parse_quantity(arguments[1])
        if dimension is not other:
            raise ValueError(f"{called}: the two ends are of different kinds")
        count = int(arguments[2])
        numbers = [place(start, stop, i / (count - 1)) for i in range(count)]
        numbers[0], numbers[-1] = start, stop
        return [format_quantity(number, dimension) for number in numbers]

    return values


def _is_count(given: str) -> bool:
    return given.isdecimal() and len(given) <= 10 and 2 <= int(given) <= MOST_POINTS


def _interpolate_log(start: float, stop: float, share: float) -> float:
    if start <= 0 or stop <= 0:
        raise ValueError("logspace needs positive ends")
    return float(f"{math.exp(math.log(start) + share * (math.log(stop) - math.log(start))):.6g}")


def _interpolate_linear(start: float, stop: float, share: float) -> float:
    if not math.isfinite(stop - start):
        raise ValueError("the two ends of linspace are too far apart")
    return float(f"{start + share * (stop - start):.12g}")


def parse_quantity(given: str) -> tuple[float, units.Dimension | None]:
    """Return a finite number in SI units, and its dimension; None for a number without a unit. Raises ValueError."""
    try:
        number = float(given.replace("_", "?"))  # Python would read 1_0 as 10
    except ValueError:
        unit = given.lstrip("+-.0123456789eE").strip()
        for dimension in units.DIMENSIONS:
            if unit in dimension.units:
                return units.parse(given, dimension), dimension
        raise ValueError(f"{shown(given)} is neither a number nor a quantity with a unit") from None
    if not math.isfinite(number):
        raise ValueError(f"{shown(given)} is not finite")
    return number, None


def read_quantity(given: str) -> float | str:
    """Return the number or quantity that a value stands for, in SI units; another value as it is written."""
    try:
        return round_off(parse_quantity(given)[0])
    except ValueError:
        return given


def round_off(number: float) -> float:
    """Return a number without the noise of its unit's factor: 25 us is 2.5e-05, not 2.4999999999999998e-05."""
    return float(f"{number:.15g}")


def format_quantity(number: float, dimension: units.Dimension | None) -> str:
    """Return the text that `parse_quantity` reads as this number, up to its twelfth digit where it has a unit."""
    if dimension is not None:
        digits, unit = units.show(number, dimension).split()  # exact, and so 10.000000000000002 us
        return f"{float(digits):.12g} {unit}"
    return str(int(number)) if number.is_integer() else repr(number)


_FUNCTIONS: dict[str, Callable[[list[str]], list[str]]] = {
    "range": _list_range,
    "choice": lambda arguments: arguments,
    "linspace": _make_spacing("linspace", _interpolate_linear),
    "logspace": _make_spacing("logspace", _interpolate_log),
}
