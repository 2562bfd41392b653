"""Values of Python or YAML as the text that stands for them on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from simasgd.errors import ScenarioError
from simasgd.protocols import AbstractProtocol
from simasgd.protocols.foreign import is_found_by_kind
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
    items = list(values)
    if not items:
        raise ValueError("there are no values")
    together = len(key.split(TOGETHER))
    return f"choice({', '.join(_spell_item(item, together) for item in items)})"


def _spell_item(item: Any, together: int) -> str:
    if together == 1:
        return spell_value(item)
    if isinstance(item, str) or not isinstance(item, Sequence) or len(item) != together:
        raise ValueError(f"found {shown(item)}; expected a value for each of {together} keys")
    return TOGETHER.join(map(spell_value, item))


def spell_protocol(value: Any) -> str:
    """Return a protocol as text: `n-softsync:n=4` for `{"kind": "n-softsync", "n": 4}` or `NSoftsync(n=4)`.

    Raises ValueError, also for an object of a class that other processes would not find.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, AbstractProtocol):
        _require_found_by_kind(value)
        value = spell_held(value)
    if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str):
        raise ValueError(
            f"found {shown(value)}; expected text such as 'n-softsync:n=4', a mapping with its kind, or an object of a protocol"
        )
    parameters = [f"{key}={_spell_parameter(inner)}" for key, inner in value.items() if key != "kind"]
    return f"{value['kind']}:{','.join(parameters)}" if parameters else str(value["kind"])


def _spell_parameter(value: Any) -> str:
    """Return a value as `spell_value` does; text with a `+` is quoted, because a modulation follows a bare one."""
    return _quote(value) if isinstance(value, str) and "+" in value else spell_value(value)


def spell_held(protocol: AbstractProtocol) -> dict[str, Any]:
    """Return the kind and the keys of a protocol object that are not at their defaults."""
    return {"kind": protocol.kind, **protocol.model_dump(mode="json", exclude_defaults=True, exclude={"kind"})}


def _require_found_by_kind(protocol: AbstractProtocol) -> None:
    if not is_found_by_kind(protocol):
        raise ValueError(
            f"other processes compute the points, and they find the protocol {protocol.kind!r} by its kind only; give it an "
            "entry point in a folder that PYTHONPATH names (docs/new-protocol.md, 5)"
        )


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
        case AbstractProtocol():
            _require_found_by_kind(value)
            return spell_value(spell_held(value))
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
    return text if is_plain else _quote(text)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
