"""The keys a scenario can have, and the one that was probably meant."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from simasgd.scenario.schema import Scenario


def sections(annotation: Any) -> list[type[BaseModel]]:
    """The typed mappings that a field may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in sections(part)]


@cache
def known() -> tuple[str, ...]:
    """Every dotted key of a scenario, whatever the kinds chosen in it; variants left out."""

    def walk(model: type[BaseModel], prefix: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            if name == "variants":
                continue
            yield prefix + name
            for section in sections(field.annotation):
                yield from walk(section, f"{prefix}{name}.")

    return tuple(dict.fromkeys(walk(Scenario, "")))


def section_at(path: tuple[str | int, ...], tree: Any) -> type[BaseModel] | None:
    """The typed mapping at a path, by the kinds that the tree chooses; None where there is none."""
    model: type[BaseModel] = Scenario
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
        if model is Scenario and key == "variants":
            return None
        field = model.model_fields.get(str(key))
        choices = sections(field.annotation) if field is not None else []
        if len(choices) > 1:
            kind = tree.get("kind") if isinstance(tree, dict) else None
            choices = [choice for choice in choices if choice.model_fields["kind"].default == kind]
        if len(choices) != 1:
            return None
        model = choices[0]
    return model


def unknown(key: str, choices: tuple[str, ...] | list[str]) -> str:
    """The complaint about an unknown key, with the one that was probably meant."""
    near = get_close_matches(key, choices, n=1, cutoff=0.6)
    return f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(choices))}")


def resolve(key: str) -> str:
    """The full key that an override's key stands for: itself, or the only one that ends so.

    Raises ValueError for an unknown or ambiguous one.
    """
    parts = key.split(".")
    if parts[0] == "variants" and len(parts) >= 3:
        return ".".join([*parts[:2], resolve(".".join(parts[2:]))])
    if key in known() or key == "variants":
        return key
    endings = [full for full in known() if full.endswith(f".{key}")]
    if len(endings) == 1:
        return endings[0]
    if endings:
        raise ValueError(f"{key!r} is ambiguous: {', '.join(endings)}")
    shortened = {".".join(full.split(".")[start:]): full for full in reversed(known()) for start in range(full.count(".") + 1)}
    near = [shortened[ending] for ending in get_close_matches(key, shortened, n=1, cutoff=0.6)]
    raise ValueError(f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else "; 'simasgd schema' lists them"))
