"""Values of Python or YAML as the text that stands for them on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from simasgd.errors import ScenarioError
from simasgd.scenario.reading.yaml_layer import parse_scalar
from simasgd.scenario.vocabulary.values import shown
from simasgd.sweeps.axes import TOGETHER

_APART = frozenset(",()[]{}'\"" + TOGETHER)


def spell_axis(key: str, values: Any) -> str:
    """Return an axis as the command line has it: `learners=choice(2, 4)`.

    Text is taken as it is written there. Otherwise there is one item for each value; of keys that vary together, an item
    has a value for each key. Raises ScenarioError for something else.
    """
    try:
        return f"{key}={values if isinstance(values, str) else spell_items(key, values)}"
    except ValueError as error:
        raise ScenarioError(f"{key}: {error}") from None


def spell_items(key: str, values: Any) -> str:
    """Return the values of an axis, one for each item, as text. Raises ValueError."""
    if isinstance(values, Mapping) or not isinstance(values, Iterable):
        raise ValueError(f"found {shown(values)}; expected a list of values, or text such as 'range(0, 3)'")
    together = len(key.split(TOGETHER))
    return f"choice({', '.join(_spell_item(item, together) for item in values)})"


def _spell_item(item: Any, together: int) -> str:
    if together == 1:
        return spell_value(item)
    if isinstance(item, str) or not isinstance(item, Sequence) or len(item) != together:
        raise ValueError(f"found {shown(item)}; expected a value for each of {together} keys")
    return TOGETHER.join(map(spell_value, item))


def spell_value(value: Any) -> str:
    """Return a value as YAML text, which no comma, bracket or colon in it divides. Raises ValueError."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _spell_text(value)
        case Integral():  # also NumPy's
            return str(int(value))
        case Real():
            return repr(float(value))
        case Mapping():
            return "{" + ", ".join(f"{key}: {spell_value(inner)}" for key, inner in value.items()) + "}"
        case Iterable():
            return f"[{', '.join(map(spell_value, value))}]"
    raise ValueError(f"found {shown(value)}, of the type {type(value).__name__}; expected a value that YAML has")


def _spell_text(text: str) -> str:
    try:
        is_plain = text == text.strip() and not _APART.intersection(text) and parse_scalar(text) == text
    except ValueError:
        is_plain = False
    return text if is_plain else "'" + text.replace("'", "''") + "'"
