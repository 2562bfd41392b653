"""YAML text to a layer of plain values with their places, and back."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

from simasgd.errors import ScenarioError
from simasgd.printable import printable, shortened
from simasgd.scenario.reading import text_files
from simasgd.scenario.reading.yaml_tree import Node, Place, YamlError, parse_yaml, split_lines
from simasgd.scenario.vocabulary.merge import Layer, Mark, Path
from simasgd.scenario.vocabulary.values import shown

_OPEN, _CLOSE = "([{", ")]}"
_MAX_NAME, _MAX_KEY, _MAX_MESSAGE = 300, 200, 2000  # characters
_AROUND = 80  # characters of a line that are shown on either side of the mistake


def format_complaint(mark: Mark, message: str, *, at_key: bool = False, key: str | None = None) -> str:
    """A mistake with its place: source, line, column, key, message, and the line (or the part of it around the place) with a
    caret. Nothing of it is longer than a reader can bear, and no character of it controls a terminal."""
    column = mark.key_column if at_key else mark.value_column
    source = _shorten(mark.source, _MAX_NAME)
    place = f"{source}:{mark.line}:{column + 1}" if mark.line else source
    key = _shorten(mark.key if key is None else key, _MAX_KEY)
    message = _shorten(message, _MAX_MESSAGE)
    head = f"{place}: {key}: {message}" if key else f"{place}: {message}"
    if not mark.text:
        return head
    number = str(mark.line) if mark.line else ""
    before, after = _cut_excerpt(mark.text, column)
    return f"{head}\n{number:>8} | {before}{after}\n{'':>8} | {' ' * len(before)}^"


def _shorten(text: str, most: int) -> str:
    return shortened(printable(text), most)


def _cut_excerpt(line: str, column: int) -> tuple[str, str]:
    """What is shown of a line before a column and from it on."""
    start, end = max(0, column - _AROUND), column + _AROUND
    if len(line) <= 2 * _AROUND:
        start, end = 0, len(line)
    before, after = line[start:column], line[column:end]
    # A tab is a space here, so that the caret stands below what it means; and of CRLF nothing is shown.
    before, after = (printable(part.replace("\t", " ").rstrip("\r")) for part in (before, after))
    return f"{'…' if start else ''}{before}", f"{after}{'…' if end < len(line) else ''}"


def read_layer(path: FilePath, name: str | None = None) -> Layer:
    """The scenario or profile in a file. Raises ScenarioError."""
    name = str(path) if name is None else name
    said = _shorten(name, _MAX_NAME)
    try:
        text = text_files.read_text(path)
    except IsADirectoryError:
        raise ScenarioError(f"{said}: is a directory; a YAML file is wanted") from None
    except FileNotFoundError:
        raise ScenarioError(f"{said}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{said}: is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise ScenarioError(f"{said}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise ScenarioError(f"{said}: no file can have this name") from None
    return parse_layer(text, name)


def parse_layer(text: str, name: str) -> Layer:
    """The mapping that YAML 1.2 text holds. Raises ScenarioError."""
    lines = split_lines(text)
    try:
        root = parse_yaml(text)
    except YamlError as error:
        problem = f"not YAML: {error}"
        if error.place is None:
            raise ScenarioError(f"{_shorten(name, _MAX_NAME)}: {problem}") from None
        raise ScenarioError(format_complaint(_make_mark(name, lines, error.place, error.place, ()), problem)) from None
    if root is None or root.plain() in (None, {}):
        said = _shorten(name, _MAX_NAME)
        raise ScenarioError(f"{said}: is empty; a scenario is wanted ('simasgd show quickstart' prints one)")
    if root.mapping is None:
        problem = f"a mapping with the keys of a scenario is wanted, not {shown(root.plain())}"
        raise ScenarioError(f"{_shorten(name, _MAX_NAME)}:1:1: {problem}")
    marks: dict[Path, Mark] = {}
    _collect_marks(root, (), marks, lines, name)
    return Layer(root.plain(), marks)


def parse_scalar(text: str) -> Any:
    """The value that stands behind `key=` on the command line. Raises ValueError."""
    try:
        root = parse_yaml(text)
    except YamlError as error:
        raise ValueError(f"{shown(text)} is not a YAML value: {error}") from None
    return None if root is None else root.plain()


def split_outside_brackets(text: str, separator: str) -> list[str]:
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


def dump_yaml(tree: dict[str, Any]) -> str:
    """YAML text of a tree of plain values."""
    from io import StringIO

    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.width = 120
    yaml.default_flow_style = False
    stream = StringIO()
    yaml.dump(_put_lists_on_one_line(tree), stream)
    return stream.getvalue()


def _put_lists_on_one_line(value: Any) -> Any:
    """Lists of plain values on one line."""
    if isinstance(value, dict):
        return {key: _put_lists_on_one_line(item) for key, item in value.items()}
    if isinstance(value, list):
        from ruamel.yaml.comments import CommentedSeq

        flow = CommentedSeq(value)
        flow.fa.set_flow_style()
        return flow
    return value


def _collect_marks(node: Node, path: Path, marks: dict[Path, Mark], lines: list[str], name: str) -> None:
    """The marks of all that is below a node."""
    if node.mapping is not None:
        for key, (place, item) in node.mapping.items():
            marks[*path, key] = _make_mark(name, lines, place, item.place, (*path, key))
            _collect_marks(item, (*path, key), marks, lines, name)
    for number, item in enumerate(node.items or ()):
        marks[*path, number] = _make_mark(name, lines, item.place, item.place, (*path, number))
        _collect_marks(item, (*path, number), marks, lines, name)


def _make_mark(name: str, lines: list[str], key: Place, value: Place, path: Path) -> Mark:
    return Mark(
        source=name,
        line=key.line + 1,
        text=lines[key.line] if key.line < len(lines) else "",
        key_column=key.column,
        value_column=value.column if value.line == key.line else key.column,
        key=".".join(map(str, path)),
    )
