"""The keys that a scenario may have, and suggestions for unknown ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simasgd.protocols import AbstractProtocol, Protocol, foreign
from simasgd.scenario.vocabulary import synonyms
from simasgd.scenario.vocabulary.section import Section
from simasgd.scenario.vocabulary.values import nearest, shown

_NOTHING: Mapping[str, Sequence[type[BaseModel]]] = MappingProxyType({})
_SURE_MATCH = 0.8  # from this similarity on, a word is a misspelt key and not a synonym


def find_sections(annotation: Any) -> list[type[BaseModel]]:
    """Return the typed mappings that a field may hold, except those in lists."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is tuple:
        return []
    return [section for part in get_args(annotation) for section in find_sections(part)]


def _find_item_sections(annotation: Any) -> list[type[BaseModel]]:
    """Return the typed mappings that may be items of a field's list."""
    if get_origin(annotation) is tuple:
        return find_sections(get_args(annotation)[0])
    return [section for part in get_args(annotation) for section in _find_item_sections(part)]


def find_nested_sections(annotation: Any) -> list[type[BaseModel]]:
    """Return the typed mappings that a field may hold, and those in its lists."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [section for part in get_args(annotation) for section in find_nested_sections(part)]


class KeyPlace(NamedTuple):
    """A field of a section, with its dotted key; `in_list` says whether the section is an item of a list."""

    key: str
    owner: type[BaseModel]
    name: str
    field: FieldInfo
    in_list: bool


def iterate_fields(root: type[BaseModel], further: Mapping[str, Sequence[type[BaseModel]]] = _NOTHING) -> Iterator[KeyPlace]:
    """Iterate over the fields of a class and of all sections below it, for all kinds, but not over those in variants.

    `further` has sections of other packages by the key that may hold them.
    """

    def walk(model: type[BaseModel], prefix: str, *, in_list: bool) -> Iterator[KeyPlace]:
        for name, field in model.model_fields.items():
            key = prefix + name
            yield KeyPlace(key, model, name, field, in_list)
            if name == "variants" and model is root:
                continue
            whole = find_sections(field.annotation)
            for section in dict.fromkeys([*find_nested_sections(field.annotation), *further.get(key, ())]):
                is_item = section not in whole and _has_list(field.annotation)
                yield from walk(section, f"{key}.", in_list=in_list or is_item)

    return walk(root, "", in_list=False)


def _has_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple or any(map(_has_list, get_args(annotation)))


@cache
def list_keys(root: type[Section]) -> tuple[str, ...]:
    """Return every dotted key of the class `root` for all kinds, except those in variants and in items of lists."""
    found = (place.key for place in iterate_fields(root) if not place.in_list)
    return tuple(dict.fromkeys(key for key in found if key != "variants"))


def _list_foreign_keys(root: type[Section]) -> tuple[str, ...]:
    """Return the keys that only protocols of other packages have.

    A protocol that cannot be loaded contributes none; the error appears when it is chosen.
    """
    named: dict[str, None] = {}
    for kind in foreign.list_installed_kinds():
        with suppress(ValueError):
            protocol = foreign.load_protocol(kind)
            named.update({f"protocol.{name}": None for name in (protocol.model_fields if protocol is not None else ())})
    return tuple(key for key in named if key not in list_keys(root))


def find_foreign_protocols(kinds: Iterable[str | None]) -> list[type[AbstractProtocol]]:
    """Return the protocols of other packages among these kinds.

    A protocol that cannot be loaded is left out; the error appears when it is chosen.
    """
    own = {protocol.model_fields["kind"].default for protocol in get_args(Protocol)}
    found = []
    for kind in dict.fromkeys(kinds):
        if kind is not None and kind not in own:
            with suppress(ValueError):
                if (protocol := foreign.load_protocol(kind)) is not None:
                    found.append(protocol)
    return found


def find_section(root: type[Section], path: tuple[str | int, ...], tree: Any) -> type[BaseModel] | None:
    """Return the typed mapping at a path, by the kinds that the tree chooses, or None."""
    choices = find_choices(root, path, tree)
    return choices[0] if len(choices) == 1 else None


def find_choices(root: type[Section], path: tuple[str | int, ...], tree: Any) -> list[type[BaseModel]]:
    """Return the typed mappings that may stand at a path.

    There is one if the tree chooses its kind, and none if no mapping may stand there.
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
                continue  # the next part of the path is the number of an item
        kind = tree.get("kind") if isinstance(tree, dict) else None
        choices = found if kind is None or len(found) == 1 else _select_kind(found, kind)
    return choices


def _select_kind(choices: list[type[BaseModel]], kind: Any) -> list[type[BaseModel]]:
    own = [choice for choice in choices if choice.model_fields["kind"].default == kind]
    if own or not issubclass(choices[0], AbstractProtocol) or kind not in foreign.list_installed_kinds():
        return own
    protocol = foreign.load_protocol(kind)
    return [] if protocol is None else [protocol]


def explain_unknown_key(key: str, choices: tuple[str, ...] | list[str], elsewhere: Sequence[str] = ()) -> str:
    """Return the message about an unknown key, with the key that was probably meant.

    `choices` are the keys of its section. The key may also belong to another section: `elsewhere`
    are the full keys that end in it.
    """
    meant = synonyms.keys(key) if nearest(key, choices, _SURE_MATCH) is None else ()
    if not meant and (near := nearest(key, choices)) is not None:
        meant = (near,)
    if meant or elsewhere:
        return f"unknown key {shown(key)}; {synonyms.ask(meant or elsewhere)}"
    known = f"known keys: {', '.join(sorted(choices))}"
    return f"unknown key {shown(key)}; {synonyms.ABSENT.get(key.lower(), known)}"


def list_elsewhere(root: type[Section], path: Sequence[str | int]) -> list[str]:
    """Return the full keys in other sections that are named as the last key of a path, perhaps without `num_`.

    There are none if another kind of the same section has the key.
    """
    here, known = ".".join(map(str, path)), list_keys(root)
    return [] if here in known else list(synonyms.keys(str(path[-1]), known))


def resolve_key(root: type[Section], key: str) -> str:
    """Return the full key for an override's key: itself, or the only key with this ending.

    Raises ValueError for an unknown or ambiguous key.
    """
    parts = key.split(".")
    if parts[0] == "variants" and len(parts) >= 3:
        if parts[2] == "variants":
            raise ValueError(f"{shown(key)}: a variant cannot have variants")
        return ".".join([*parts[:2], resolve_key(root, ".".join(parts[2:]))])
    if key in list_keys(root) or key == "variants":
        return key
    endings = [full for full in list_keys(root) if full.endswith(f".{key}") and not full.startswith("sweep.")]
    if not endings:
        endings = [full for full in _list_foreign_keys(root) if full == key or full.endswith(f".{key}")]
    if len(endings) == 1:
        return endings[0]
    if endings:
        raise ValueError(f"{shown(key)} is ambiguous; it may mean {', '.join(endings)}")
    meant = synonyms.suggest_keys(key, list_keys(root))
    hint = synonyms.ask(meant) if meant else synonyms.ABSENT.get(key.lower(), "'simasgd schema' lists all keys")
    raise ValueError(f"unknown key {shown(key)}; {hint}")
