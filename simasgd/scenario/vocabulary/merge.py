"""Layers of a scenario, and the merge of a later layer into an earlier one.

Mappings merge key by key, except that a mapping with a different `kind` replaces the earlier one.
A bare word stands for a mapping with that `kind`, a quantity for one with that `mean`, and a
mapping replaces any other value.
Every value keeps the place it came from, so that a mistake is reported there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from simasgd.scenario.vocabulary.units import UNLIMITED

Path = tuple[str | int, ...]


ARGUMENT = "argument"
"""The source of a value that is an argument of a command or of a function of Python."""


class Origin(IntEnum):
    """The layers that a value may come from, earliest first."""

    PROFILE = 0
    SCENARIO = 1
    VARIANT = 2
    ARGUMENT = 3


class Mark(NamedTuple):
    """The place of a key and its value.

    It is the source's name, the line's number (0: none) and text, the columns of key and value
    (from 0), the dotted key as that source would write it, and the layer.
    """

    source: str
    line: int
    text: str
    key_column: int
    value_column: int
    key: str
    origin: Origin = Origin.SCENARIO


@dataclass(frozen=True)
class Layer:
    """A tree of plain values, and the mark of every path in it."""

    tree: dict[str, Any] = field(default_factory=dict)
    marks: dict[Path, Mark] = field(default_factory=dict)

    def subtree(self, *prefix: str) -> Layer:
        """Return the sub-tree at a path, which must be a mapping."""
        tree: Any = self.tree
        for key in prefix:
            tree = tree[key]
        size = len(prefix)
        return Layer(tree, {path[size:]: mark for path, mark in self.marks.items() if path[:size] == prefix})

    def without(self, key: str) -> Layer:
        """Return this layer without one key of the root."""
        return Layer(
            {name: value for name, value in self.tree.items() if name != key},
            {path: mark for path, mark in self.marks.items() if path[:1] != (key,)},
        )

    def with_origin(self, origin: Origin) -> Layer:
        """Return this layer with an origin of at least `origin` for every value."""
        return Layer(self.tree, {path: mark._replace(origin=max(mark.origin, origin)) for path, mark in self.marks.items()})

    def has(self, path: Path) -> bool:
        """Return whether a value, which may be null, is given at a path."""
        tree: Any = self.tree
        for key in path:
            children = tree if isinstance(tree, dict) else dict(enumerate(tree if isinstance(tree, list) else ()))
            if key not in children:
                return False
            tree = children[key]
        return True

    def origin_at(self, path: Path) -> Origin | None:
        """Return the layer that gave the value at a path, or its kind; None if unknown."""
        places = ((*path, "kind"), path)
        return next((self.marks[place].origin for place in places if place in self.marks), None)

    def latest_origin_at(self, path: Path) -> Origin | None:
        """Return the latest layer that gave a part of the value at a path; None if unknown."""
        within = [mark.origin for other, mark in self.marks.items() if other[: len(path)] == path]
        return max(within) if within else self.origin_at(path)

    def replace(self, path: Path, value: Any = None) -> Layer:
        """Return this layer with another value at a path, or (None) with the value removed."""
        *parents, last = path
        tree: dict[str, Any] = dict(self.tree)
        inner: Any = tree
        for key in parents:
            inner[key] = dict(inner[key]) if isinstance(inner[key], dict) else list(inner[key])
            inner = inner[key]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
        kept = len(path) if value is None else len(path) + 1
        marks = {other: mark for other, mark in self.marks.items() if len(other) < kept or other[: len(path)] != path}
        return Layer(tree, marks)

    def under(self, over: Layer) -> Layer:
        """Return this layer changed by a later one."""
        replaced: set[Path] = set()
        tree = _merge(self.tree, over.tree, (), replaced)
        kept = {
            path: mark for path, mark in self.marks.items() if not any(path[:size] in replaced for size in range(len(path) + 1))
        }
        # A mapping in both layers keeps the place of the earlier one; new values have the place of
        # the later one. A bare value that became part of a mapping keeps its own place there.
        both = [path for path in over.marks if path in kept and _is_mapping(tree, path)]
        bare = {path: self._get(path) for path in both}
        return Layer(
            tree,
            {
                **over.marks,
                **{path: mark for path, mark in kept.items() if path not in over.marks},
                **{path: kept[path] for path in both if isinstance(bare[path], dict)},
                **{
                    (*path, key): kept[path]
                    for path in both
                    for key in _keys_of_bare(bare[path])
                    if (*path, key) not in over.marks
                },
            },
        )

    def _get(self, path: Path) -> Any:
        tree: Any = self.tree
        for key in path:
            tree = tree[key]
        return tree


def iterate_paths(value: Any) -> Iterator[Path]:
    """Iterate over every path in a tree, except its root."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (key,)
        yield from ((key, *path) for path in iterate_paths(child))


def merge(base: Any, over: Any) -> Any:
    """Return `base` changed by `over`."""
    return _merge(base, over, (), set())


def difference(base: Any, other: Any) -> dict[str, Any]:
    """Return the mapping that must be merged over `base` to get `other`."""
    changed = {}
    for key, value in other.items():
        old = base.get(key)
        if key in base and old == value:
            continue
        both = isinstance(old, dict) and isinstance(value, dict)
        changed[key] = difference(old, value) if both and not _replaces(old, value) else value
    return changed


def kind_at(tree: Any, path: Sequence[str | int]) -> str | None:
    """Return the kind that a tree gives the section at a path; None if it gives none."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    kind = tree.get("kind") if isinstance(tree, dict) else tree
    return kind if isinstance(kind, str) else None


def _replaces(base: Any, over: Any) -> bool:
    """Return whether a mapping replaces another one whole."""
    base = as_mapping(base)
    if not isinstance(base, dict):
        return True
    return "kind" in over and base.get("kind", over["kind"]) != over["kind"]


def as_mapping(value: Any) -> Any:
    """Return the mapping that a kind or a quantity stands for, or another value itself."""
    if not isinstance(value, str) or value == UNLIMITED:
        return value
    return {"kind": value} if value[:1].isalpha() else {"mean": value} if value[:1].isdecimal() else value


def _keys_of_bare(value: Any) -> tuple[str, ...]:
    """Return the key of the mapping that a kind or a quantity stands for; none for another value."""
    whole = as_mapping(value)
    return tuple(whole) if isinstance(whole, dict) and whole is not value else ()


def _merge(base: Any, over: Any, path: Path, replaced: set[Path]) -> Any:
    if isinstance(base, dict) and isinstance(over, str) and base.get("kind") == over:
        return base  # a bare word stands for its kind
    if not isinstance(over, dict) or _replaces(base, over):
        replaced.add(path)
        return over
    base = as_mapping(base)
    merged = dict(base)
    for key, value in over.items():
        if key in base:
            merged[key] = _merge(base[key], value, (*path, key), replaced)
        else:
            merged[key] = value
    return merged


def _is_mapping(tree: Any, path: Path) -> bool:
    for key in path:
        tree = tree[key]
    return isinstance(tree, dict)
