"""YAML 1.2 text as a tree of nodes with their places, in time and memory that the text bounds.

ruamel.yaml produces the events, and this module builds the tree. ruamel's own constructors expand
aliases without bound, recurse, obey tags, and forget the place of a value that a merge key brings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
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
from ruamel.yaml.reader import ReaderError

from simasgd.printable import shortened
from simasgd.scenario.reading.yaml_scalars import TAG_PREFIX, VERSION, TextPlace, YamlError, check_text, format_tag, read_scalar

MAX_NODES = 300_000
MAX_ALIASED = 20_000
MAX_DEPTH = 50
_BREAK = re.compile(r"\r\n|\r|\n")  # ruamel counts lines by these
_NO_BREAK = re.compile("[\x85\u2028\u2029]")  # line breaks in YAML 1.1, text in YAML 1.2
_HEAD = re.compile(r"(?:[ \t]*(?:#.*)?(?:\r\n|\r|\n))*%YAML[ \t]+(\S+)")


@final
@dataclass(frozen=True, eq=False)
class YamlNode:
    """A value with its place: a plain scalar, or a list or mapping of further nodes.

    The key of an item in a mapping has a place of its own. `size` counts the nodes below and
    including this one, and `depth` their levels, with aliases expanded.
    """

    place: TextPlace
    value: Any = None
    items: tuple[YamlNode, ...] | None = None
    mapping: dict[str, tuple[TextPlace, YamlNode]] | None = None
    size: int = 1
    depth: int = 1

    def plain(self) -> Any:
        """Return the value without places."""
        if self.items is not None:
            return [item.plain() for item in self.items]
        if self.mapping is not None:
            return {key: item.plain() for key, (_, item) in self.mapping.items()}
        return self.value


def split_lines(text: str) -> list[str]:
    """Split a text into the lines that `TextPlace` counts."""
    return _BREAK.split(text)


def parse_yaml(text: str) -> YamlNode | None:
    """Parse a text with at most one document; return None if it has none. Raises YamlError."""
    _refuse_other_versions(text)
    strange = _NO_BREAK.search(text)
    if strange is not None:
        raise YamlError(f"the character U+{ord(strange[0]):04X} is not allowed", _locate(text, strange.start()))
    builder = _Builder()
    for event in _read_events(text):
        builder.take(event)
    return builder.root


def _refuse_other_versions(text: str) -> None:
    """Raise YamlError for the directive of another version.

    Under `%YAML 1.1`, 1:30 is 90 and yes is true; other versions are unknown to ruamel.
    """
    directive = _HEAD.match(text)
    if directive is not None and directive[1] != ".".join(map(str, VERSION)):
        raise _version_error(directive[1], _locate(text, directive.start(1)))


def _version_error(version: str, place: TextPlace) -> YamlError:
    return YamlError(f"the directive %YAML {shortened(version, 20)} is not supported; a scenario is YAML 1.2", place)


def _locate(text: str, position: int) -> TextPlace:
    before = split_lines(text[:position])
    return TextPlace(len(before) - 1, len(before[-1]))


def _read_events(text: str) -> Iterator[Any]:
    place = TextPlace(0, 0)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            place = TextPlace(event.start_mark.line, event.start_mark.column)
            yield event
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem or error.context or "not YAML").split("\n")[0].replace("\t", "\\t")
        if "\\t" in problem:
            problem = "found a tab; expected spaces"
        raise YamlError(problem, None if mark is None else TextPlace(mark.line, mark.column)) from None
    except ReaderError as error:
        problem = f"the character U+{ord(text[error.position]):04X} is not allowed"
        raise YamlError(problem, _locate(text, error.position)) from None
    except Exception as error:  # ruamel raises IndexError, ValueError, … for some texts
        raise YamlError("the text cannot be parsed from here on", place) from error


class _Key(NamedTuple):
    """The key of the next item in a mapping, its place, and whether it is a merge key (<<)."""

    text: str
    place: TextPlace
    merges: bool


@dataclass
class _OpenCollection:
    """A list (`mapping` is None) or a mapping whose end has not been read yet.

    `merged` holds the mappings of its merge keys.
    """

    place: TextPlace
    anchor: str | None
    mapping: dict[str, tuple[TextPlace, YamlNode]] | None
    items: list[YamlNode] = field(default_factory=list)
    key: _Key | None = None
    merged: list[YamlNode] = field(default_factory=list)


class _Builder:
    """Builds the tree of nodes from events, one at a time."""

    def __init__(self) -> None:
        self.root: YamlNode | None = None
        self._open: list[_OpenCollection] = []
        self._anchors: dict[str, YamlNode | None] = {}
        """None for a list or mapping that is still open."""
        self._nodes = self._aliased = self._documents = 0

    def take(self, event: Any) -> None:
        """Process the next event. Raises YamlError."""
        place = TextPlace(event.start_mark.line, event.start_mark.column)
        if isinstance(event, DocumentStartEvent):
            self._begin_document(event, place)
        elif isinstance(event, CollectionEndEvent):
            self._close()
        elif isinstance(event, NodeEvent):
            self._nodes += 1
            if self._nodes > MAX_NODES:
                raise YamlError(f"there are more than {MAX_NODES:,} values", place)
            self._take_node(event, place)

    def _take_node(self, event: Any, place: TextPlace) -> None:
        above = self._open[-1] if self._open else None
        if above is not None and above.mapping is not None and above.key is None:
            above.key = _make_key(event, place, above.mapping)
        elif isinstance(event, CollectionStartEvent):
            self._begin_collection(event, place)
        elif isinstance(event, AliasEvent):
            self._add(self._find_aliased(event.anchor, place), None)
        else:
            if event.value == "" and event.style is None and above is not None and above.key is not None:
                place = above.key.place  # nothing is written, so the place is that of its key
            self._add(YamlNode(place, read_scalar(event, place)), event.anchor)

    def _begin_document(self, event: Any, place: TextPlace) -> None:
        self._documents += 1
        if self._documents > 1:
            raise YamlError("expected a single document in the stream", place)
        if event.version is not None and tuple(event.version) != VERSION:
            raise _version_error(".".join(map(str, event.version)), place)

    def _begin_collection(self, event: Any, place: TextPlace) -> None:
        is_mapping = isinstance(event, MappingStartEvent)
        if event.tag not in (None, "!", TAG_PREFIX + ("map" if is_mapping else "seq")):
            raise YamlError(f"the tag {format_tag(event.tag)!r} is not supported here", place)
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

    def _find_aliased(self, name: str, place: TextPlace) -> YamlNode:
        if name not in self._anchors:
            raise YamlError(f"found undefined alias {shortened(name, 40)!r}", place)
        node = self._anchors[name]
        if node is None:
            raise YamlError("the alias refers to a list or mapping that contains the alias", place)
        self._aliased += node.size
        if self._aliased > MAX_ALIASED:
            raise YamlError(f"the aliases stand for more than {MAX_ALIASED:,} values", place)
        self._refuse_depth(node.depth, place)
        return node

    def _refuse_depth(self, more: int, place: TextPlace) -> None:
        if len(self._open) + more > MAX_DEPTH:
            raise YamlError(f"the value is nested too deeply; the limit is {MAX_DEPTH} levels", place)

    def _add(self, node: YamlNode, anchor: str | None) -> None:
        """Add a complete node to the open collection, or make it the root."""
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


def _make_key(event: Any, place: TextPlace, mapping: dict[str, tuple[TextPlace, YamlNode]]) -> _Key:
    if not isinstance(event, ScalarEvent):
        raise YamlError("a key must be text", place)
    if event.value in mapping:
        raise YamlError(f'found duplicate key "{shortened(event.value, 60)}"', place)
    return _Key(check_text(event.value, place), place, event.value == "<<" and event.implicit[0])


def _make_list(place: TextPlace, items: list[YamlNode]) -> YamlNode:
    size, depth = 1 + sum(item.size for item in items), 1 + max((item.depth for item in items), default=0)
    return YamlNode(place, items=tuple(items), size=size, depth=depth)


def _make_mapping(place: TextPlace, mapping: dict[str, tuple[TextPlace, YamlNode]]) -> YamlNode:
    size = 1 + sum(item.size for _, item in mapping.values())
    depth = 1 + max((item.depth for _, item in mapping.values()), default=0)
    return YamlNode(place, mapping=mapping, size=size, depth=depth)


def _find_merged(node: YamlNode, place: TextPlace) -> tuple[YamlNode, ...]:
    """Return the mappings that a merge key (<<) brings, the strongest first."""
    sources = (node,) if node.items is None else node.items
    if any(source.mapping is None for source in sources):
        raise YamlError("a merge key (<<) needs a mapping, or a list of mappings", place)
    return sources
