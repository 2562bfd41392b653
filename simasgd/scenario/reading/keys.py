"""The keys a scenario can have, and the one that was probably meant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from simasgd.protocols import AbstractProtocol, foreign
from simasgd.scenario.vocabulary import synonyms
from simasgd.scenario.vocabulary.section import Section
from simasgd.scenario.vocabulary.values import nearest, shown

_SURE_MATCH = 0.8  # a word so near to a key is that key misspelt, whatever else it may mean


def find_sections(annotation: Any) -> list[type[BaseModel]]:
    """The typed mappings that a field may hold; those in lists left out."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is tuple:
        return []
    return [found for part in get_args(annotation) for found in find_sections(part)]


def _find_item_sections(annotation: Any) -> list[type[BaseModel]]:
    """The typed mappings that a field may hold a list of."""
    if get_origin(annotation) is tuple:
        return find_sections(get_args(annotation)[0])
    return [found for part in get_args(annotation) for found in _find_item_sections(part)]


@cache
def list_keys(root: type[Section]) -> tuple[str, ...]:
    """Return every dotted key of a scenario, of the class `root`, with every kind; variants are left out."""

    def walk(model: type[BaseModel], prefix: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            if name == "variants":
                continue
            yield prefix + name
            for section in find_sections(field.annotation):
                yield from walk(section, f"{prefix}{name}.")

    return tuple(dict.fromkeys(walk(root, "")))


@cache
def _list_foreign_keys(root: type[Section]) -> tuple[str, ...]:
    """Return the keys that only protocols of other packages have; none for a protocol that cannot be loaded."""
    named: dict[str, None] = {}
    for kind in foreign.list_installed_kinds():
        with suppress(ValueError):
            found = foreign.load_protocol(kind)
            named.update({f"protocol.{name}": None for name in (found.model_fields if found is not None else ())})
    return tuple(key for key in named if key not in list_keys(root))


def find_section(root: type[Section], path: tuple[str | int, ...], tree: Any) -> type[BaseModel] | None:
    """Return the typed mapping at a path, by the kinds that the tree chooses; None where there is none."""
    choices = find_choices(root, path, tree)
    return choices[0] if len(choices) == 1 else None


def find_choices(root: type[Section], path: tuple[str | int, ...], tree: Any) -> list[type[BaseModel]]:
    """Return the typed mappings that may stand at a path.

    It is one where the tree chooses a kind, and none where there is no mapping.
    """
    choices: list[type[BaseModel]] = [root]
    field = None
    for key in path:
        if len(choices) != 1:
            return []
        if isinstance(key, int):
            tree = tree[key] if isinstance(tree, list) and key < len(tree) else None
            found = _find_item_sections(field.annotation) if field is not None else []
        else:
            tree = tree.get(key) if isinstance(tree, dict) else None
            if choices[0] is root and key == "variants":
                return []
            field = choices[0].model_fields.get(key)
            found = find_sections(field.annotation) if field is not None else []
            if isinstance(tree, list):
                continue  # its items have keys
        kind = tree.get("kind") if isinstance(tree, dict) else None
        choices = found if kind is None or len(found) == 1 else _select_kind(found, kind)
    return choices


def _select_kind(choices: list[type[BaseModel]], kind: Any) -> list[type[BaseModel]]:
    own = [one for one in choices if one.model_fields["kind"].default == kind]
    if own or not issubclass(choices[0], AbstractProtocol) or kind not in foreign.list_installed_kinds():
        return own
    found = foreign.load_protocol(kind)
    return [] if found is None else [found]


def explain_unknown_key(key: str, choices: tuple[str, ...] | list[str]) -> str:
    """The complaint about an unknown key, with the one that was probably meant."""
    close = nearest(key, choices, _SURE_MATCH)
    meant = synonyms.keys(key)
    if meant and close is None:
        return f"unknown key {shown(key)}; {synonyms.one_of(meant)}"
    near = nearest(key, choices)
    return f"unknown key {shown(key)}" + (f"; did you mean {near!r}?" if near else f"; known: {', '.join(sorted(choices))}")


def resolve_key(root: type[Section], key: str) -> str:
    """The full key that an override's key stands for: itself, or the only one that ends so.

    Raises ValueError for an unknown or ambiguous one.
    """
    parts = key.split(".")
    if parts[0] == "variants" and len(parts) >= 3:
        if parts[2] == "variants":
            raise ValueError(f"{shown(key)}: a variant has no variants")
        return ".".join([*parts[:2], resolve_key(root, ".".join(parts[2:]))])
    if key in list_keys(root) or key == "variants":
        return key
    endings = [full for full in list_keys(root) if full.endswith(f".{key}")]
    if not endings:
        endings = [full for full in _list_foreign_keys(root) if full == key or full.endswith(f".{key}")]
    if len(endings) == 1:
        return endings[0]
    if endings:
        raise ValueError(f"{shown(key)} is ambiguous: {', '.join(endings)}")
    meant = synonyms.keys(key)
    if meant:
        raise ValueError(f"unknown key {shown(key)}; {synonyms.one_of(meant)}")
    shortened = {
        ".".join(full.split(".")[start:]): full for full in reversed(list_keys(root)) for start in range(full.count(".") + 1)
    }
    near = nearest(key, shortened)
    hint = f"did you mean {shortened[near]!r}?" if near else "'simasgd schema' lists them"
    raise ValueError(f"unknown key {shown(key)}; {hint}")
