"""YAML 1.2 text to a tree of nodes with their places, in time and memory that the text bounds.

ruamel.yaml finds the events; the tree is made of them here, and not by its constructors, because these expand aliases without
bound, recurse, obey tags, and keep no place of what a merge key brings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import VersionedResolver

from simasgd.printable import shortened

MAX_NODES = 300_000
MAX_ALIASED = 20_000
MAX_DEPTH = 50
_MAX_DIGITS = 1000
_VERSION = (1, 2)
_TAG = "tag:yaml.org,2002:"
_BREAK = re.compile(r"\r\n|\r|\n")  # as ruamel counts lines
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_BREAK = re.compile("[\x85\u2028\u2029]")  # which YAML 1.1 takes for line breaks and YAML 1.2 for text
_HEAD = re.compile(r"(?:[ \t]*(?:#.*)?(?:\r\n|\r|\n))*%YAML[ \t]+(\S+)")


class Place(NamedTuple):
    """A line and a column, both from 0."""

    line: int
    column: int


class YamlError(Exception):
    """The text is not a YAML document, or not one that a scenario may be; `place` is None where it is not known."""

    def __init__(self, problem: str, place: Place | None) -> None:
        super().__init__(problem)
        self.place = place


@final
@dataclass(frozen=True, eq=False)
class Node:
    """A value with its place: a plain scalar, or a list or mapping of further nodes. The key of an item in a mapping has a
    place of its own. `size` counts the nodes in it and `depth` its levels, aliases expanded."""

    place: Place
    value: Any = None
    items: tuple[Node, ...] | None = None
    mapping: dict[str, tuple[Place, Node]] | None = None
    size: int = 1
    depth: int = 1

    def plain(self) -> Any:
        """Without the places."""
        if self.items is not None:
            return [item.plain() for item in self.items]
        if self.mapping is not None:
            return {key: item.plain() for key, (_, item) in self.mapping.items()}
        return self.value


def split_lines(text: str) -> list[str]:
    """The lines that places count."""
    return _BREAK.split(text)


def parse_yaml(text: str) -> Node | None:
    """The only document of a text; None of a text without any. Raises NotYaml."""
    _refuse_other_versions(text)
    strange = _NO_BREAK.search(text)
    if strange is not None:
        raise YamlError(f"the character U+{ord(strange[0]):04X} is not allowed", _locate(text, strange.start()))
    builder = _Builder()
    for event in _read_events(text):
        builder.take(event)
    return builder.root


def _refuse_other_versions(text: str) -> None:
    """Raise NotYaml for a directive `%YAML 1.1`, under which 1:30 is 90 and yes is true, or of a version that ruamel lacks."""
    found = _HEAD.match(text)
    if found is not None and found[1] != ".".join(map(str, _VERSION)):
        raise _version_error(found[1], _locate(text, found.start(1)))


def _version_error(version: str, place: Place) -> YamlError:
    return YamlError(f"the directive %YAML {shortened(version, 20)} is not supported; a scenario is YAML 1.2", place)


def _locate(text: str, position: int) -> Place:
    before = split_lines(text[:position])
    return Place(len(before) - 1, len(before[-1]))


def _read_events(text: str) -> Iterator[Any]:
    place = Place(0, 0)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            place = Place(event.start_mark.line, event.start_mark.column)
            yield event
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context or "not YAML").split("\n")[0].replace("\t", "\\t")
        if "\\t" in problem:
            problem = "a tab where YAML wants spaces"
        raise YamlError(problem, None if mark is None else Place(mark.line, mark.column)) from None
    except ReaderError as error:
        problem = f"the character U+{ord(text[error.position]):04X} is not allowed"
        raise YamlError(problem, _locate(text, error.position)) from None
    except Exception as error:  # ruamel's scanner raises IndexError, AssertionError, ValueError, … for some texts
        raise YamlError("it cannot be read from here on", place) from error


class _Key(NamedTuple):
    """The key of the item that comes next in a mapping, its place, and whether it is a merge key (<<)."""

    text: str
    place: Place
    merges: bool


@dataclass
class _OpenCollection:
    """A list (`mapping` is None) or a mapping whose end is still to come; `merged` are the mappings of its merge keys."""

    place: Place
    anchor: str | None
    mapping: dict[str, tuple[Place, Node]] | None
    items: list[Node] = field(default_factory=list)
    key: _Key | None = None
    merged: list[Node] = field(default_factory=list)


class _Builder:
    """Makes nodes of events, one after the other."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[_OpenCollection] = []
        self._anchors: dict[str, Node | None] = {}
        """None for a list or mapping that is still open."""
        self._nodes = self._aliased = self._documents = 0

    def take(self, event: Any) -> None:
        place = Place(event.start_mark.line, event.start_mark.column)
        if isinstance(event, DocumentStartEvent):
            self._begin_document(event, place)
        elif isinstance(event, CollectionEndEvent):
            self._close()
        elif isinstance(event, NodeEvent):
            self._nodes += 1
            if self._nodes > MAX_NODES:
                raise YamlError(f"there are more than {MAX_NODES:,} values", place)
            self._take_node(event, place)

    def _take_node(self, event: Any, place: Place) -> None:
        above = self._open[-1] if self._open else None
        if above is not None and above.mapping is not None and above.key is None:
            above.key = _make_key(event, place, above.mapping)
        elif isinstance(event, CollectionStartEvent):
            self._begin_collection(event, place)
        elif isinstance(event, AliasEvent):
            self._add(self._aliased_node(event.anchor, place), None)
        else:
            if event.value == "" and event.style is None and above is not None and above.key is not None:
                place = above.key.place  # nothing is written, so the place is that of its key
            self._add(Node(place, _read_scalar(event, place)), event.anchor)

    def _begin_document(self, event: Any, place: Place) -> None:
        self._documents += 1
        if self._documents > 1:
            raise YamlError("expected a single document in the stream", place)
        if event.version is not None and tuple(event.version) != _VERSION:
            raise _version_error(".".join(map(str, event.version)), place)

    def _begin_collection(self, event: Any, place: Place) -> None:
        is_mapping = isinstance(event, MappingStartEvent)
        if event.tag not in (None, "!", _TAG + ("map" if is_mapping else "seq")):
            raise YamlError(f"the tag {_format_tag(event.tag)!r} is not supported here", place)
        self._refuse_depth(1, place)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._open.append(_OpenCollection(place, event.anchor, {} if is_mapping else None))

    def _close(self) -> None:
        ended = self._open.pop()
        if ended.mapping is None:
            self._add(_make_list(ended.place, ended.items), ended.anchor)
            return
        for source in ended.merged:
            for key, item in (source.mapping or {}).items():
                ended.mapping.setdefault(key, item)
        self._add(_make_mapping(ended.place, ended.mapping), ended.anchor)

    def _aliased_node(self, name: str, place: Place) -> Node:
        if name not in self._anchors:
            raise YamlError(f"found undefined alias {shortened(name, 40)!r}", place)
        node = self._anchors[name]
        if node is None:
            raise YamlError("it contains itself", place)
        self._aliased += node.size
        if self._aliased > MAX_ALIASED:
            raise YamlError(f"the aliases stand for more than {MAX_ALIASED:,} values", place)
        self._refuse_depth(node.depth, place)
        return node

    def _refuse_depth(self, more: int, place: Place) -> None:
        if len(self._open) + more > MAX_DEPTH:
            raise YamlError(f"it is nested too deeply; {MAX_DEPTH} levels are the most", place)

    def _add(self, node: Node, anchor: str | None) -> None:
        """Put a whole node where it belongs."""
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        above = self._open[-1]
        if above.mapping is None:
            above.items.append(node)
            return
        key, above.key = above.key, None
        assert key is not None
        if key.merges:
            above.merged.extend(_find_merged(node, key.place))
        else:
            above.mapping[key.text] = (key.place, node)


def _make_key(event: Any, place: Place, mapping: dict[str, tuple[Place, Node]]) -> _Key:
    if not isinstance(event, ScalarEvent):
        raise YamlError("a key must be text", place)
    if event.value in mapping:
        raise YamlError(f'found duplicate key "{shortened(event.value, 60)}"', place)
    return _Key(_check_text(event.value, place), place, event.value == "<<" and event.implicit[0])


def _make_list(place: Place, items: list[Node]) -> Node:
    size, depth = 1 + sum(item.size for item in items), 1 + max((item.depth for item in items), default=0)
    return Node(place, items=tuple(items), size=size, depth=depth)


def _make_mapping(place: Place, mapping: dict[str, tuple[Place, Node]]) -> Node:
    size = 1 + sum(item.size for _, item in mapping.values())
    depth = 1 + max((item.depth for _, item in mapping.values()), default=0)
    return Node(place, mapping=mapping, size=size, depth=depth)


def _find_merged(node: Node, place: Place) -> tuple[Node, ...]:
    """The mappings that a merge key (<<) brings, the strongest first."""
    sources = (node,) if node.items is None else node.items
    if any(source.mapping is None for source in sources):
        raise YamlError("a merge key (<<) needs a mapping, or a list of mappings", place)
    return sources


def _format_tag(tag: Any) -> str:
    """A tag as it is written in a document."""
    return shortened(str(tag).replace(_TAG, "!!"), 60)


def _read_scalar(event: Any, place: Place) -> Any:
    """What a scalar stands for, by its tag or by the core schema of YAML 1.2."""
    text, tag = _check_text(event.value, place), event.tag
    if tag is None or tag == "!":
        return _resolve(text, place) if event.implicit[0] and tag is None else text
    if tag == _TAG + "str":
        return text
    kind = {"int": int, "float": int | float, "bool": bool, "null": type(None)}.get(str(tag).removeprefix(_TAG))
    if kind is None:
        raise YamlError(f"the tag {_format_tag(tag)!r} is not supported here", place)
    value: Any = _resolve(text, place)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise YamlError(f"the tag {_format_tag(tag)!r} does not suit its value", place)
    number: Any = value
    return float(number) if tag == _TAG + "float" else number


@cache
def _make_resolver() -> VersionedResolver:
    return VersionedResolver(version=_VERSION)


def _resolve(text: str, place: Place) -> Any:
    """What a scalar without a tag and quotes stands for."""
    kind = str(_make_resolver().resolve(ScalarNode, text, (True, False))).removeprefix(_TAG)
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" | "float":
            return _parse_number(text, kind, place)
        case _:  # a date is text, and so is what only YAML 1.1 takes for something else
            return text


def _parse_number(text: str, kind: str, place: Place) -> int | float | str:
    """A number as ruamel recognizes it, who lets underscores stand anywhere: without any digit it is text."""
    if len(text) > _MAX_DIGITS:
        raise YamlError(f"a number of {len(text):,} characters is too long; {_MAX_DIGITS:,} are the most", place)
    digits = text.replace("_", "").lower()
    if kind == "float":
        digits = digits.replace(".inf", "inf").replace(".nan", "nan")
    prefix = digits.lstrip("+-")[:2]
    try:
        return float(digits) if kind == "float" else int(digits, {"0x": 16, "0o": 8, "0b": 2}.get(prefix, 10))
    except ValueError:
        return text


def _check_text(text: str, place: Place) -> str:
    found = _SURROGATE.search(text)
    if found is not None:
        raise YamlError(f"the character U+{ord(found[0]):04X} is not allowed", place)
    return str(text)
