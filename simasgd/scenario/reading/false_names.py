"""Overrides that would make the names of variants untrue, and short keys with two meanings.

Two variants become equal, or one gets another kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import keys
from simasgd.scenario.reading.marked_message import format_complaint
from simasgd.scenario.vocabulary.merge import ARGUMENT, Layer, Mark, Origin, difference, kind_at
from simasgd.scenario.vocabulary.names import join_words
from simasgd.scenario.vocabulary.section import Section

_FEW = 6  # names that fit into a message
_WORD = re.compile(r"[^\w.-]+")  # between the kinds of `{kind: a, …}`, and of a swept `a,b`


def refuse_other_kinds(root: type[Section], variants: Mapping[str, Layer], changes: Sequence[Layer]) -> None:
    """Raise ScenarioError for an override that gives a section another kind than a variant gives it.

    For example, `protocol=hardsync` would turn a variant `async` into hardsync, under its old name.
    """
    for change in changes:
        for path, mark in change.marks.items():
            key = ".".join(map(str, path))
            kind = kind_at(change.tree, path)
            if kind is None or len(keys.find_choices(root, path, {})) < 2:
                continue  # it names no section of several kinds
            own = {name: kind_at(layer.tree, path) for name, layer in variants.items()}
            changed = [name for name, its in own.items() if its not in (None, kind)]
            if changed:
                names = f"the name{'s' if len(changed) > 1 else ''} of {join_words(changed[:3], 'and')}"
                message = f"{kind} would hold for every variant, and {names} would be wrong"
                raise ScenarioError(format_complaint(mark, f"{message}; {_ways(next(iter(own)), key, kind)}", at_key=True))


def overrules(change: Layer, variant: Layer) -> bool:
    """Return whether an override replaces a value that a variant gives, by another one."""
    return any(
        variant.has(path) and _get(variant.tree, path) != _get(change.tree, path)
        for path in change.marks
        if not isinstance(_get(change.tree, path), dict)
    )


def refuse_two_meanings(root: type[Section], overrides: Sequence[str], file: Layer) -> None:
    """Raise ScenarioError for a short key that is also one of a protocol of another package that is used.

    For example, `share=0.3` beside `protocol=neighbours` might mean `protocol.share` of neighbours, or
    `cluster.stragglers.share`.
    """
    written = [tuple(part.strip() for part in override.partition("=")[::2]) for override in overrides]
    named = [value for key, value in written if key.removesuffix(".kind").rpartition(".")[2] == "protocol"]
    variants = file.tree.get("variants")
    layers = [file.tree, *(variants.values() if isinstance(variants, dict) else ())]
    kinds = [kind_at(layer, ("protocol",)) for layer in layers]
    protocols = keys.find_foreign_protocols([*kinds, *(word for text in named for word in _WORD.split(text))])
    for (key, _), override in zip(written, overrides, strict=True):
        for protocol in protocols:
            if key != "kind" and key in protocol.model_fields and (full := keys.resolve_key(root, key)) != f"protocol.{key}":
                mark = Mark(ARGUMENT, 0, override, 0, len(key) + 1, "", Origin.ARGUMENT)
                kind = protocol.model_fields["kind"].default
                message = f"{key!r} is ambiguous; it may mean protocol.{key}, of {kind}, or {full}; write the one in full"
                raise ScenarioError(format_complaint(mark, message, at_key=True))


def refuse_equal(variants: Mapping[str, Section], before: Callable[[str], Layer], changes: Sequence[Layer]) -> None:
    """Raise ScenarioError if two variants are equal, but were not before the overrides.

    `before` returns the layer of a variant, over the scenario's, without them.
    """
    for (one, first), (other, second) in combinations(variants.items(), 2):
        if first != second:
            continue
        earlier, later = before(one).tree, before(other).tree
        if earlier != later:
            mark = _find_cause(changes, (difference(earlier, later), difference(later, earlier)))
            different = [name for number, name in enumerate(variants) if variants[name] not in list(variants.values())[:number]]
            message = f"makes the variants {one} and {other} equal; {_ways(one, some=different)}"
            raise ScenarioError(format_complaint(mark._replace(key=""), message, at_key=True))


def _find_cause(changes: Sequence[Layer], differences: Sequence[Mapping[str, Any]]) -> Mark:
    """Return the mark of the last override of a value in which variants differed."""
    causes = [change for change in changes if any(_overlap(change.tree, one) for one in differences)]
    return next(iter((causes or changes)[-1].marks.values()))


def _overlap(tree: Any, differences: Any) -> bool:
    if not isinstance(tree, dict) or not isinstance(differences, Mapping):
        return True
    return any(key in differences and _overlap(value, differences[key]) for key, value in tree.items())


def _ways(name: str, key: str = "KEY", kind: str = "VALUE", some: Sequence[str] = ()) -> str:
    """Return what the user may do instead; `name` is that of a variant, and `some` those of variants that differ."""
    without = f"variants=null {key}={kind}" if key != "KEY" else "variants=null"
    chosen = some if 1 < len(some) <= _FEW else (name,)
    named = " ".join(f"--variant {one}" for one in chosen)
    ways = (f"leave the variants away ({without})", f"take {'one alone' if len(chosen) == 1 else 'some'} ({named})")
    return f"{', '.join(ways)}, or change one (variants.{name}.{key}={kind})"


def _get(tree: Any, path: Sequence[str | int]) -> Any:
    for key in path:
        tree = tree[key]
    return tree
