"""Layers of a scenario, and how a later one changes an earlier one.

Mappings merge key by key, except that one which carries a different `kind` replaces the old one whole. Every value keeps
the place it came from, so that a mistake is reported there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

Path = tuple[str | int, ...]


class Origin(IntEnum):
    """The layers that a value may come from, the earliest first."""

    PROFILE = 0
    SCENARIO = 1
    VARIANT = 2
    COMMAND_LINE = 3


class Mark(NamedTuple):
    """Where a key and its value stand: the source's name, the line's number (0: none) and text, the columns of key and value
    (from 0), the dotted key as that source would write it, and the layer."""

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

    def below(self, *prefix: str) -> Layer:
        """The sub-tree at a path, which must be a mapping."""
        tree: Any = self.tree
        for key in prefix:
            tree = tree[key]
        size = len(prefix)
        return Layer(tree, {path[size:]: mark for path, mark in self.marks.items() if path[:size] == prefix})

    def without(self, key: str) -> Layer:
        """All but one key of the root."""
        return Layer(
            {name: value for name, value in self.tree.items() if name != key},
            {path: mark for path, mark in self.marks.items() if path[:1] != (key,)},
        )

    def of(self, origin: Origin) -> Layer:
        """This layer as one of that origin; what has come from a later one stays so."""
        return Layer(self.tree, {path: mark._replace(origin=max(mark.origin, origin)) for path, mark in self.marks.items()})

    def has(self, path: Path) -> bool:
        """Whether something, which may be null, is given there."""
        tree: Any = self.tree
        for key in path:
            children = tree if isinstance(tree, dict) else dict(enumerate(tree if isinstance(tree, list) else ()))
            if key not in children:
                return False
            tree = children[key]
        return True

    def decided(self, path: Path) -> Origin | None:
        """The layer that gave what is there, or its kind; None where that is not known."""
        places = ((*path, "kind"), path)
        return next((self.marks[place].origin for place in places if place in self.marks), None)

    def touched(self, path: Path) -> Origin | None:
        """The latest layer that gave a part of what is there; None where that is not known."""
        within = [mark.origin for other, mark in self.marks.items() if other[: len(path)] == path]
        return max(within) if within else self.decided(path)

    def replaced(self, path: Path, value: Any = None) -> Layer:
        """With another value at a path of keys, or (None) nothing there."""
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
        """This layer, changed by a later one."""
        replaced: set[Path] = set()
        tree = _merge(self.tree, over.tree, (), replaced)
        kept = {
            path: mark for path, mark in self.marks.items() if not any(path[:size] in replaced for size in range(len(path) + 1))
        }
        # A mapping that both layers have keeps the place of the earlier one; what the later one brings has its own.
        return Layer(
            tree,
            {
                **over.marks,
                **{path: mark for path, mark in kept.items() if path not in over.marks},
                **{path: kept[path] for path in over.marks if path in kept and _is_mapping(tree, path)},
            },
        )


def merge(base: Any, over: Any) -> Any:
    """`base` changed by `over`."""
    return _merge(base, over, (), set())


def difference(base: Any, other: Any) -> dict[str, Any]:
    """What must be merged over the mapping `base` to get the mapping `other`."""
    changed = {}
    for key, value in other.items():
        old = base.get(key)
        if key in base and old == value:
            continue
        both = isinstance(old, dict) and isinstance(value, dict)
        changed[key] = difference(old, value) if both and not _replaces(old, value) else value
    return changed


def _replaces(base: Any, over: Any) -> bool:
    """Whether a mapping takes another's place whole."""
    if isinstance(base, str):
        base = {"kind": base}
    if not isinstance(base, dict):
        return True
    return "kind" in over and base.get("kind", over["kind"]) != over["kind"]


def _merge(base: Any, over: Any, path: Path, replaced: set[Path]) -> Any:
    if isinstance(base, dict) and isinstance(over, str) and base.get("kind") == over:
        return base  # a bare word stands for its kind
    if not isinstance(over, dict) or _replaces(base, over):
        replaced.add(path)
        return over
    if isinstance(base, str):
        base = {"kind": base}
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
