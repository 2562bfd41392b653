"""Precedence between values that rule each other out: the value from the later layer wins, and one layer has no two.

The checks themselves name such values and the one that decides (`Inconsistency.rivals`). All overrides are one layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from pydantic import ValidationError

from simasgd.errors import ScenarioError
from simasgd.printable import shortened
from simasgd.scenario.reading.marked_message import format_complaint
from simasgd.scenario.reading.overrides import Override
from simasgd.scenario.vocabulary.merge import Layer, Origin, Path, as_mapping, kind_at
from simasgd.scenario.vocabulary.section import InconsistentScenario

_MOST = 200  # characters of an override in a message


def refuse_contradictions(changes: Sequence[Override]) -> None:
    """Raise ScenarioError for two overrides of one key, or of which one undoes the other.

    For example, `learning_rate=0.1` would undo `learning=null`, and `learners=16` would undo `learners=8`.
    """
    for first, second in combinations(changes, 2):
        if message := _find_contradiction(first, second):
            raise ScenarioError(format_complaint(second.layer.marks[second.path], message, at_key=True))
    _refuse_lost([change.layer for change in changes])


def _find_contradiction(first: Override, second: Override) -> str:
    """Return what is wrong with two overrides together; "" if they go together."""
    one, other = (shortened(change.text, _MOST) for change in (first, second))
    if first.path == second.path:
        return f"is given twice: {one} and {other}; give one of them"
    clash = next((found for pair in _iterate_shared(first, second) if (found := find_clash(*pair)) is not None), None)
    if clash is None:
        return ""
    if first.is_of_variant != second.is_of_variant:
        of_all, of_one = (other, one) if first.is_of_variant else (one, other)
        return f"{of_all} is for every variant, and so undoes {of_one}; give one of them"
    if None in clash:
        removing, changing = (one, other) if clash[0] is None else (other, one)
        return f"{removing} removes what {changing} changes; give one of them"
    return f"{one} and {other} contradict each other; give one of them"


def _iterate_shared(first: Override, second: Override) -> Iterator[tuple[Any, Any]]:
    """Yield the trees of two overrides that hold for the same scenario: an override without a variant is for every one."""
    if first.is_of_variant == second.is_of_variant:
        yield first.layer.tree, second.layer.tree
        return
    of_one, of_all = (first, second) if first.is_of_variant else (second, first)
    variants = of_one.layer.tree["variants"]
    for changes in variants.values() if isinstance(variants, dict) else ():
        yield (changes, of_all.layer.tree) if of_one is first else (of_all.layer.tree, changes)


def find_clash(first: Any, second: Any) -> tuple[Any, Any] | None:
    """Return two values of two trees of which one would undo the other; None if the trees go together."""
    if isinstance(first, dict) != isinstance(second, dict):
        first, second = as_mapping(first), as_mapping(second)
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return None if first == second else (first, second)
    clashes = (find_clash(first[key], second[key]) for key in first if key in second)
    return next((clash for clash in clashes if clash is not None), None)


def _refuse_lost(changes: Sequence[Layer]) -> None:
    """Raise ScenarioError for an override that names a kind, and so replaces what an override before it says.

    For example, `record=timeline` after `record.weights=true` would leave no weights.
    """
    before = Layer()
    for change in changes:
        after = before.under(change)
        for path, mark in before.marks.items():
            if after.has(path):
                continue
            sizes = [size for size in range(1, len(path)) if isinstance(path[size], str)]  # of mappings, not of lists
            outer = next((path[:size] for size in sizes if kind_at(change.tree, path[:size])), None)
            if outer is not None:
                cause = change.marks[outer]
                message = f"replaces the whole section, and with it {mark.text}; give {cause.text} first"
                raise ScenarioError(format_complaint(cause, message, at_key=True))
        before = after


def drop_overruled(error: ValidationError, layer: Layer) -> Layer | None:
    """Return the layer without values that a later layer rules out; None if there are none."""
    changed = layer
    for detail in error.errors(include_url=False):
        cause = detail.get("ctx", {}).get("error")
        if not isinstance(cause, InconsistentScenario):
            continue
        for inconsistency in cause.found:
            for rival in inconsistency.rivals:
                loser, winner = (*detail["loc"], *rival.loser), (*detail["loc"], *rival.winner)
                if changed.has(loser) and _is_earlier(loser, winner, changed):
                    changed = changed.replace(loser, rival.instead)
    return None if changed is layer else changed


def _is_earlier(path: Path, other: Path, layer: Layer) -> bool:
    """Return whether the value at a path came from an earlier layer than the value at the other."""
    if not layer.has(other):
        return False
    # A value without a mark was given as a tree, not as text; all values of a profile have marks.
    first, second = _default_origin(layer.latest_origin_at(path)), _default_origin(layer.origin_at(other))
    return first < second


def _default_origin(origin: Origin | None) -> Origin:
    return Origin.SCENARIO if origin is None else origin
