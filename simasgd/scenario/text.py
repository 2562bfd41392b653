"""YAML text to a layer of plain values with their places."""

from __future__ import annotations

import re
import warnings
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from simasgd.errors import ScenarioError
from simasgd.scenario.merge import Layer, Mark, Path
from simasgd.scenario.values import shown

_OPEN, _CLOSE = "([{", ")]}"
# What ruamel raises besides its own errors: for a date that is none, a tag that does not suit its value, a mapping as a key, …
_NOT_YAML = (YAMLError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def complaint(mark: Mark, message: str, *, at_key: bool = False, key: str | None = None) -> str:
    """A mistake with its place: source, line, column, key, message, and the line with a caret."""
    column = mark.key_column if at_key else mark.value_column
    place = f"{mark.source}:{mark.line}:{column + 1}" if mark.line else mark.source
    key = mark.key if key is None else key
    head = f"{place}: {key}: {message}" if key else f"{place}: {message}"
    if not mark.text:
        return head
    number = str(mark.line) if mark.line else ""
    line = re.sub(r"[\t\r\n]", " ", mark.text)  # so that the caret stands below what it means
    return f"{head}\n{number:>8} | {line}\n{'':>8} | {' ' * column}^"


def read(path: FilePath, name: str | None = None) -> Layer:
    """The scenario or profile in a file. Raises ScenarioError."""
    name = str(path) if name is None else name
    try:
        text = path.read_text(encoding="utf-8")
    except IsADirectoryError:
        raise ScenarioError(f"{name}: is a directory; a YAML file is wanted") from None
    except FileNotFoundError:
        raise ScenarioError(f"{name}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{name}: is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise ScenarioError(f"{name}: cannot be read: {error.strerror}") from None
    return parse(text, name)


def parse(text: str, name: str) -> Layer:
    """The mapping that YAML 1.2 text holds. Raises ScenarioError."""
    lines = text.split("\n")  # as YAML counts them
    marks: dict[Path, Mark] = {}
    try:
        document = _load(text)
        plain = _plain(document)
        if isinstance(document, CommentedMap):
            _collect(document, (), marks, lines, name)
    except MarkedYAMLError as error:
        raise ScenarioError(_yaml_complaint(error, lines, name)) from None
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n"), len(before) - (before.rfind("\n") + 1)
        character = f"the character U+{ord(text[error.position]):04X} is not allowed"
        raise ScenarioError(f"{name}:{line + 1}:{column + 1}: not YAML: {character}") from None
    except _NOT_YAML as error:
        raise ScenarioError(f"{name}: not YAML: {_first_line(error)}") from None
    if document is None or plain == {}:
        raise ScenarioError(f"{name}: is empty; a scenario is wanted ('simasgd show quickstart' prints one)")
    if not isinstance(document, CommentedMap):
        raise ScenarioError(f"{name}:1:1: a mapping with the keys of a scenario is wanted, not {shown(plain)}")
    return Layer(plain, marks)


def scalar(text: str) -> Any:
    """The value that stands behind `key=` on the command line. Raises ValueError."""
    try:
        return _plain(_load(text))
    except _NOT_YAML as error:
        raise ValueError(f"{text!r} is not a YAML value: {_first_line(error)}") from None


def pieces(text: str, separator: str) -> list[str]:
    """The parts of a text between separators, but for those within brackets or quotes. Raises ValueError."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        if character == separator and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    if depth or quote:
        raise ValueError("a bracket or quote is not closed")
    return parts


def dump(tree: dict[str, Any]) -> str:
    """YAML text of a tree of plain values."""
    from io import StringIO

    yaml = YAML(typ="rt", pure=True)
    yaml.width = 120
    yaml.default_flow_style = False
    stream = StringIO()
    yaml.dump(_flow_lists(tree), stream)
    return stream.getvalue()


def _load(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an anchor may be used again
        return YAML(typ="rt", pure=True).load(text)


def _flow_lists(value: Any) -> Any:
    """Lists of plain values on one line."""
    if isinstance(value, dict):
        return {key: _flow_lists(item) for key, item in value.items()}
    if isinstance(value, list):
        flow = CommentedSeq(value)
        flow.fa.set_flow_style()
        return flow
    return value


def _plain(value: Any) -> Any:
    """ruamel's own numbers and containers as Python's."""
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return str(value)


def _key(key: Any) -> str:
    """A key as text, whatever YAML makes of it; all keys of a scenario are."""
    return str(key) if isinstance(key, str) else shown(_plain(key))


def _collect(node: Any, path: Path, marks: dict[Path, Mark], lines: list[str], name: str) -> None:
    keys: Any = node.items() if isinstance(node, CommentedMap) else enumerate(node)
    for key, value in keys:
        label = _key(key) if isinstance(node, CommentedMap) else key
        position = (node.lc.data or {}).get(key)
        if position is not None:  # None for what a YAML merge key (<<) brought in
            if isinstance(node, CommentedMap):
                key_line, key_column, value_line, value_column = position
            else:
                key_line, key_column = value_line, value_column = position[:2]
            same = key_line == value_line
            marks[(*path, label)] = Mark(
                source=name,
                line=key_line + 1,
                text=lines[key_line] if key_line < len(lines) else "",
                key_column=key_column,
                value_column=value_column if same else key_column,
                key=".".join(map(str, (*path, label))),
            )
        if isinstance(value, CommentedMap | CommentedSeq):
            _collect(value, (*path, label), marks, lines, name)


def _yaml_complaint(error: MarkedYAMLError, lines: list[str], name: str) -> str:
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or error.context or "not YAML").split("\n")[0].replace("\t", "\\t")
    if "\\t" in problem:
        problem = "a tab where YAML wants spaces"
    if mark is None:
        return f"{name}: not YAML: {problem}"
    text = lines[mark.line] if mark.line < len(lines) else ""
    problem = problem.split(" with value ")[0]  # of a duplicate key, which may be long
    return complaint(Mark(name, mark.line + 1, text, mark.column, mark.column, ""), f"not YAML: {problem}")


def _first_line(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply, or contains itself"
    if isinstance(error, KeyError | TypeError | AttributeError):
        return "a tag does not suit its value, or a key is no text"
    if isinstance(error, MarkedYAMLError) and error.problem:
        return str(error.problem).split("\n")[0]
    return str(error).split("\n")[0]
