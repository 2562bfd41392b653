"""A `key=value` of a command line, and the notation of protocols there: `n-softsync:n=4` or `async+inverse-staleness`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import keys, yaml_layer
from simasgd.scenario.reading.marked_message import format_complaint
from simasgd.scenario.vocabulary.merge import ARGUMENT, Layer, Mark, Origin, Path, iterate_paths
from simasgd.scenario.vocabulary.section import Section
from simasgd.scenario.vocabulary.values import shown

PROTOCOL: Path = ("protocol",)
MODULATION: Path = ("learning", "modulation")
_NOTATION = re.compile(r"\s*[A-Za-z][\w.-]*\s*[:+]")
_PARAMETER = re.compile(r"\s*\w+\s*=")


class Override(NamedTuple):
    """A `key=value` that has been read: its text, the full path of its key, and its layer."""

    text: str
    path: tuple[str, ...]
    layer: Layer

    @property
    def is_of_variant(self) -> bool:
        """Whether it changes one variant, or all of them at once (`variants=null`)."""
        return self.path[0] == "variants"

    @property
    def names_modulation(self) -> bool:
        """Whether it is that of a protocol with a modulation."""
        return self.path == PROTOCOL and "learning" in self.layer.tree


def parse_override(root: type[Section], override: str, place: Mark | None = None) -> Override:
    """Read one `key=value`, perhaps of a value that a file has at a place. Raises ScenarioError.

    The value of `protocol` may be in the notation of `parse_protocol`.
    """
    key, equals, value = override.partition("=")
    key = key.strip()
    mark = Mark(ARGUMENT, 0, override, 0, len(override) - len(value), "", Origin.ARGUMENT)
    mark = mark if place is None else place._replace(origin=Origin.ARGUMENT)
    if not equals or not key:
        raise ScenarioError(format_complaint(mark, f"{shown(override)} is not of the form key=value", at_key=True))
    try:
        full = keys.resolve_key(root, key)
    except ValueError as error:
        raise ScenarioError(format_complaint(mark, str(error), at_key=True)) from None
    path = tuple(full.split("."))
    try:
        noted = _find_notation(override) if names_protocol(full) else None
        plain = yaml_layer.parse_scalar(value) if noted is None else None
    except ValueError as error:
        raise ScenarioError(format_complaint(mark, str(error))) from None
    if noted is not None:
        layer = parse_protocol(*noted)
        marks = {inner: one if place is None else mark for inner, one in layer.marks.items()}
        return Override(override, path, _put_below(path[:-1], Layer(layer.tree, marks)))
    tree: Any = plain
    for part in reversed(path):
        tree = {part: tree}
    marks = {inner: mark._replace(key=".".join(map(str, inner))) for inner in iterate_paths(tree)}
    return Override(override, path, Layer(tree, marks))


def names_protocol(key: str) -> bool:
    """Return whether a full key is that of the protocol, of the scenario or of a variant."""
    path = tuple(key.split("."))
    return path == PROTOCOL or (path[0] == "variants" and path[2:] == PROTOCOL)


def join_parameters(values: Sequence[str]) -> list[str]:
    """Return protocols that were split at every comma, each with its parameters: `n-softsync:n=4,spread=10` is one."""
    joined: list[str] = []
    for value in values:
        if joined and ":" in joined[-1] and _PARAMETER.match(value):
            joined[-1] = f"{joined[-1]},{value}"
        else:
            joined.append(value)
    return joined


def names_modulation(protocol: str) -> bool:
    """Return whether a protocol, as written, names a modulation, too."""
    noted = _find_notation(f"protocol={protocol}")
    return noted is not None and "learning" in parse_protocol(*noted).tree


def _find_notation(override: str) -> tuple[str, int] | None:
    """Return an override whose value is in the notation of protocols, without quotes, and where its value begins.

    None for another value, which is YAML. Raises ValueError.
    """
    key, _, value = override.partition("=")
    if _NOTATION.match(value):
        return override, len(key) + 1
    plain = yaml_layer.parse_scalar(value)
    return (f"{key}={plain}", len(key) + 1) if isinstance(plain, str) and _NOTATION.match(plain) else None


def _put_below(prefix: tuple[str, ...], layer: Layer) -> Layer:
    """Return the layer under a path, with marks of arguments."""
    tree: Any = layer.tree
    for part in reversed(prefix):
        tree = {part: tree}
    outer = next(iter(layer.marks.values()))
    above: dict[Path, Mark] = {prefix[:size]: outer for size in range(1, len(prefix) + 1)}
    marks = {**above, **{(*prefix, *path): mark for path, mark in layer.marks.items()}}
    named = {path: mark._replace(key=".".join(map(str, path)), origin=Origin.ARGUMENT) for path, mark in marks.items()}
    return Layer(tree, named)


def parse_protocol(written: str, start: int = 0) -> Layer:
    """Return the layer of `KIND[:KEY=VALUE,…][+MODULATION[:KEY=VALUE,…]]`, which is `written` from position `start` on.

    Raises ScenarioError.
    """
    protocol, *modulations = _split_modulation(written, start)
    if len(modulations) > 1:
        place = start + len(protocol) + 1 + len(modulations[0])
        raise argument_error(written, place, "a protocol can have only one modulation")
    layer = _parse_section(written, protocol, start, PROTOCOL)
    if modulations:
        layer = layer.under(_parse_section(written, modulations[0], start + len(protocol) + 1, MODULATION))
    return layer


def _split_modulation(written: str, start: int) -> list[str]:
    """Split the protocol from its modulation at `+`, except in a number or in brackets."""
    parts: list[str] = []
    for piece in _split(written[start:], "+", written):
        if parts and not piece[:1].isalpha() and "=" in parts[-1]:
            parts[-1] = f"{parts[-1]}+{piece}"
        else:
            parts.append(piece)
    return parts


def _parse_section(written: str, part: str, start: int, path: Path) -> Layer:
    """Return the layer of `KIND:KEY=VALUE,…` under a path.

    `start` is the position of this part in the argument `written`.
    """
    kind, colon, given = part.partition(":")
    if not kind.strip():
        what = "protocol" if path == PROTOCOL else "modulation"
        raise argument_error(written, start, f"the kind of the {what} is missing")
    section: dict[str, Any] = {"kind": kind.strip()}
    marks = {path[:size]: mark_argument(written, start, start, path[:size]) for size in range(1, len(path) + 1)}
    marks[*path, "kind"] = marks[path]
    place = start + len(kind) + 1
    for piece in _split(given, ",", written) if colon else ():
        key, equals, value = piece.partition("=")
        mark = mark_argument(written, place, place + len(key) + 1, (*path, key.strip()))
        if not equals or not key.strip():
            raise argument_error(written, place, f"{piece.strip()!r} is not of the form key=value")
        if key.strip() in section:
            raise argument_error(written, place, f"{key.strip()} is given twice")
        try:
            section[key.strip()] = yaml_layer.parse_scalar(value)
        except ValueError as error:
            raise ScenarioError(format_complaint(mark, str(error))) from None
        marks[*path, key.strip()] = mark
        place += len(piece) + 1
    tree: Any = section
    for name in reversed(path):
        tree = {name: tree}
    return Layer(tree, marks)


def _split(part: str, separator: str, written: str) -> list[str]:
    try:
        return yaml_layer.split_outside_brackets(part, separator)
    except ValueError as error:
        raise argument_error(written, 0, str(error)) from None


def refuse_modulation(written: str, layer: Layer, whole: Layer) -> None:
    """Raise ScenarioError for a protocol with a modulation where the `whole` has no learning section besides.

    `layer` is what the argument `written` stands for.
    """
    learning = whole.tree.get("learning")
    if "learning" in layer.tree and not (isinstance(learning, dict) and learning.keys() - {"modulation"}):
        message = "the scenario has no learning section, so it cannot have a modulation"
        raise argument_error(written, written.index("+"), message)


def mark_argument(written: str, key_column: int, value_column: int, path: Path) -> Mark:
    """Return the place of a value of an argument of the command line."""
    return Mark(ARGUMENT, 0, written, key_column, value_column, ".".join(map(str, path)))


def argument_error(written: str, column: int, message: str) -> ScenarioError:
    """Return the error about an argument that names a protocol."""
    return ScenarioError(format_complaint(mark_argument(written, column, column, ()), f"{written}: {message}"))
