"""YAML text as a layer of plain values with their places, and plain values as YAML text."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import text_files
from simasgd.scenario.reading.marked_message import format_complaint, shorten_name
from simasgd.scenario.reading.yaml_scalars import TextPlace, YamlError
from simasgd.scenario.reading.yaml_tree import YamlNode, parse_yaml, split_lines
from simasgd.scenario.vocabulary.merge import Layer, Mark, Path, iterate_paths
from simasgd.scenario.vocabulary.values import shown

_SECTION = re.compile(r"^(?=[a-z_]+:(?:[ \n]|$))", re.MULTILINE)
_OTHER_FILE = re.compile(r"^ +(?:\w+_)?file: *\S", re.MULTILINE)
_OPEN, _CLOSE = "([{", ")]}"


def read_layer(path: FilePath, name: str | None = None) -> Layer:
    """Read a scenario or profile from a file. Raises ScenarioError.

    Messages call the file `name`, or by its path.
    """
    name = str(path) if name is None else name
    source = shorten_name(name)
    try:
        text = text_files.read_text(path)
    except IsADirectoryError:
        raise ScenarioError(f"{source}: found a directory; expected a YAML file") from None
    except FileNotFoundError:
        raise ScenarioError(f"{source}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{source}: is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise ScenarioError(f"{source}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise ScenarioError(f"{source}: this is not a valid file name") from None
    return parse_layer(text, name)


def parse_layer(text: str, name: str) -> Layer:
    """Parse the YAML 1.2 text of a mapping from a source `name`. Raises ScenarioError."""
    lines = split_lines(text)
    try:
        root = parse_yaml(text)
    except YamlError as error:
        problem = f"not YAML: {error}"
        if error.place is None:
            raise ScenarioError(f"{shorten_name(name)}: {problem}") from None
        raise ScenarioError(format_complaint(_make_mark(name, lines, error.place, error.place, ()), problem)) from None
    if root is None or root.plain() in (None, {}):
        hint = "'simasgd show quickstart' prints an example"
        raise ScenarioError(f"{shorten_name(name)}: the file is empty; expected a scenario ({hint})")
    if root.mapping is None:
        problem = f"found {shown(root.plain())}; expected a mapping with the keys of a scenario"
        raise ScenarioError(f"{shorten_name(name)}:1:1: {problem}")
    marks: dict[Path, Mark] = {}
    _collect_marks(root, (), marks, lines, name)
    return Layer(root.plain(), marks)


def read_sections(path: FilePath) -> Layer | None:
    """Read a scenario that simasgd has written, section by section; None if that cannot be done so.

    Many runs share most sections, so each text of a section is parsed once. The layer has no lines for messages: where
    anything is wrong with the file, or a value lies in a file beside it, `read_layer` is the way.
    """
    try:
        text = text_files.read_text(path)
    except (OSError, ValueError):
        return None
    head, *sections = _SECTION.split(text)
    if head or not sections or _OTHER_FILE.search(text) is not None:
        return None
    tree: dict[str, Any] = {}
    for section in sections:
        parsed = _parse_section(section)
        if parsed is None:
            return None
        found = json.loads(parsed)
        if len(found) != 1 or tree.keys() & found.keys():
            return None
        tree |= found
    return Layer(tree, {place: Mark(str(path), 0, "", 0, 0, ".".join(map(str, place))) for place in iterate_paths(tree)})


@lru_cache(maxsize=256)
def _parse_section(section: str) -> str | None:
    """Return the JSON of a mapping in YAML; None if it is none by itself."""
    try:
        root = parse_yaml(section)
    except YamlError:
        return None
    return None if root is None or root.mapping is None else json.dumps(root.plain())


def parse_scalar(text: str) -> Any:
    """Parse the value after `key=` on the command line. Raises ValueError."""
    try:
        root = parse_yaml(text)
    except YamlError as error:
        raise ValueError(f"{shown(text)} is not a YAML value: {error}") from None
    return None if root is None else root.plain()


def split_outside_brackets(text: str, separator: str) -> list[str]:
    """Split a text at a separator, except within brackets and quotes.

    Raises ValueError where a bracket or quote is not closed.
    """
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
    """Return the YAML text of a tree of plain values.

    Each section is written on its own, because many scenarios of a sweep share most of theirs.
    """
    if not tree:
        return _write_yaml(tree)
    return "".join(_dump_section(json.dumps({key: value})) for key, value in tree.items())


@lru_cache(maxsize=256)
def _dump_section(section: str) -> str:
    """Return the YAML text of a section that is given as JSON."""
    return _write_yaml(json.loads(section))


def _write_yaml(tree: dict[str, Any]) -> str:
    from io import StringIO

    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.width = 120
    yaml.default_flow_style = False
    stream = StringIO()
    yaml.dump(_put_lists_on_one_line(tree), stream)
    return stream.getvalue()


def _put_lists_on_one_line(value: Any) -> Any:
    """Return a tree whose lists ruamel writes on one line."""
    if isinstance(value, dict):
        return {key: _put_lists_on_one_line(item) for key, item in value.items()}
    if isinstance(value, list):
        from ruamel.yaml.comments import CommentedSeq

        flow = CommentedSeq(value)
        flow.fa.set_flow_style()
        return flow
    return value


def _collect_marks(node: YamlNode, path: Path, marks: dict[Path, Mark], lines: list[str], name: str) -> None:
    """Add the marks of everything below a node."""
    if node.mapping is not None:
        for key, (place, item) in node.mapping.items():
            marks[*path, key] = _make_mark(name, lines, place, item.place, (*path, key))
            _collect_marks(item, (*path, key), marks, lines, name)
    for number, item in enumerate(node.items or ()):
        marks[*path, number] = _make_mark(name, lines, item.place, item.place, (*path, number))
        _collect_marks(item, (*path, number), marks, lines, name)


def _make_mark(name: str, lines: list[str], key: TextPlace, value: TextPlace, path: Path) -> Mark:
    return Mark(
        source=name,
        line=key.line + 1,
        text=lines[key.line] if key.line < len(lines) else "",
        key_column=key.column,
        value_column=value.column if value.line == key.line else key.column,
        key=".".join(map(str, path)),
    )
