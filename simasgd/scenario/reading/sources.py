"""The sources of a scenario: a name, a file, standard input, or a mapping of Python."""

from __future__ import annotations

import os.path
import sys
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path as FilePath
from typing import Any, Protocol, runtime_checkable

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import catalogue, text_files, yaml_layer
from simasgd.scenario.vocabulary.merge import Layer, Mark, Path, iterate_paths
from simasgd.scenario.vocabulary.names import STANDARD_INPUT, YAML_SUFFIXES
from simasgd.scenario.vocabulary.values import shown

_INPUT_NAME = "standard input"
_MAPPING_NAME = "scenario"
_MAX_DEPTH = 50


def read_source(source: object) -> Layer:
    """Read a scenario's layer by its name, from a file, from standard input (`-`) or from a mapping.

    Raises ScenarioError, also for a source of any other type.
    """
    if isinstance(source, Mapping):
        tree = _copy_mapping(source, "", _MAX_DEPTH)
        return Layer(tree, {path: _make_mark(path) for path in iterate_paths(tree)})
    if not isinstance(source, str | FilePath):
        found = f"found {shown(source)}, of the type {type(source).__name__}"
        raise ScenarioError(f"{_MAPPING_NAME}: {found}; expected a scenario, its name, a file or a dict")
    if str(source) == STANDARD_INPUT:
        return yaml_layer.parse_layer(_read_standard_input(), _INPUT_NAME)
    return yaml_layer.read_layer(catalogue.find_scenario_file(source))


def is_scenario(word: str) -> bool:
    """Return whether a word is the name of a scenario, or that of a file as commands take it."""
    path = FilePath(word)
    if word in catalogue.list_scenarios() or word == STANDARD_INPUT or os.path.isfile(word):
        return True
    return "=" not in word and (path.suffix in YAML_SUFFIXES or len(path.parts) != 1)


def _read_standard_input() -> str:
    if sys.stdin is None or sys.stdin.closed:
        raise ScenarioError(f"{_INPUT_NAME}: is closed; expected a scenario")
    if sys.stdin.isatty():
        hint = "pipe a scenario into the command, as in: simasgd show quickstart | simasgd run -"
        raise ScenarioError(f"{_INPUT_NAME}: is a terminal, and no file; {hint}")
    content = sys.stdin.buffer.read(text_files.MAX_BYTES + 1)
    if len(content) > text_files.MAX_BYTES:
        raise ScenarioError(f"{_INPUT_NAME}: has more than {text_files.MAX_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{_INPUT_NAME}: is not UTF-8 text ({error.reason} at byte {error.start})") from None


def _make_mark(path: Path) -> Mark:
    """Return the mark of a value that has no line."""
    return Mark(_MAPPING_NAME, 0, "", 0, 0, ".".join(map(str, path)))


@runtime_checkable
class _Array(Protocol):
    """An array of NumPy's kind, of any shape, or a scalar of NumPy's. Whoever reads a scenario needs no NumPy."""

    dtype: Any

    def tolist(self) -> Any:
        """Return the values as lists of plain values."""


def _copy_mapping(mapping: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
    """Return a mapping of Python with the keys that a file would give. Raises ScenarioError."""
    found: dict[str, Any] = {}
    for own, value in mapping.items():
        key = _copy_key(own, path)
        place = f"{path}.{key}" if path else key
        if key in found:
            raise ScenarioError(f"{_MAPPING_NAME}: {place}: found duplicate key {shown(key)}")
        found[key] = _copy(value, place, depth)
    return found


def _copy_key(key: Any, path: str) -> str:
    """Return a key as text: a number stands for its digits, as in YAML. Raises ScenarioError."""
    if not isinstance(key, bool) and isinstance(key, str | Integral):
        return str(key)
    where = f"{path}: " if path else ""
    found = f"found the key {shown(key)}, of the type {type(key).__name__}"
    raise ScenarioError(f"{_MAPPING_NAME}: {where}{found}; expected text")


def _copy(value: Any, path: str, depth: int) -> Any:
    """Return a value of Python as the plain value that a file would give. Raises ScenarioError."""
    if depth == 0:
        raise ScenarioError(f"{_MAPPING_NAME}: {path}: values nest more than {_MAX_DEPTH} levels, or contain themselves")
    match value:
        case None | bool() | str():
            return value
        case Integral():  # also NumPy's
            return int(value)
        case Real():
            return float(value)
        case FilePath():
            return str(value)
        case Mapping():
            return _copy_mapping(value, path, depth - 1)
        case list() | tuple() | range():
            return [_copy(item, f"{path}.{number}", depth - 1) for number, item in enumerate(value)]
        case _Array(dtype=object(kind="b" | "i" | "u" | "f" | "U" | "O")):
            return _copy(value.tolist(), path, depth - 1)
        case _:
            found = f"found {shown(value)}, of the type {type(value).__name__}"
            raise ScenarioError(f"{_MAPPING_NAME}: {path}: {found}; expected a value that YAML has")
