from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.scenario.vocabulary.merge import Layer, Mark, difference, merge

# A schema for trees as scenarios have them: leaves, sections with fixed keys, and choices among kinds with keys of their own.
_LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["x", "y"]), st.lists(st.integers(0, 2), max_size=2)
)
_SECTION = st.fixed_dictionaries({"a": _LEAF, "b": _LEAF})
_CHOICE = st.one_of(
    st.fixed_dictionaries({"kind": st.just("one")}),
    st.fixed_dictionaries({"kind": st.just("two"), "n": _LEAF}),
    st.fixed_dictionaries({"kind": st.just("three"), "n": _LEAF, "deep": _SECTION}),
)
_TREE = st.fixed_dictionaries(
    {"leaf": _LEAF, "section": _SECTION, "choice": _CHOICE, "maybe": st.one_of(st.none(), _CHOICE)},
)


@st.composite
def _part(draw: st.DrawFn, tree: dict[str, Any]) -> dict[str, Any]:
    """Return some keys of a tree, at any depth; a mapping keeps its kind or leaves it out."""
    chosen: dict[str, Any] = {}
    for key, value in tree.items():
        if draw(st.booleans()):
            chosen[key] = draw(_part(value)) if isinstance(value, dict) else value
    return chosen


_PART = _TREE.flatmap(lambda tree: _part(tree))


@settings(deadline=None)
@given(_TREE)
def test_nothing_merged_changes_nothing(base: dict[str, Any]) -> None:
    assert merge(base, {}) == base
    assert merge(base, base) == base


@settings(deadline=None)
@given(_TREE, _TREE)
def test_a_difference_merged_over_the_base_gives_the_other(base: dict[str, Any], other: dict[str, Any]) -> None:
    assert merge(base, difference(base, other)) == other


@settings(deadline=None)
@given(_TREE)
def test_there_is_no_difference_to_itself(base: dict[str, Any]) -> None:
    assert difference(base, base) == {}


@settings(deadline=None)
@given(_TREE, _PART)
def test_merging_twice_is_merging_once(base: dict[str, Any], over: dict[str, Any]) -> None:
    once = merge(base, over)
    assert merge(once, over) == once


def test_a_different_kind_replaces_whole() -> None:
    base = {"protocol": {"kind": "n-softsync", "n": 3}, "seed": 1}
    assert merge(base, {"protocol": {"kind": "async"}}) == {"protocol": {"kind": "async"}, "seed": 1}
    assert merge(base, {"protocol": {"kind": "n-softsync"}}) == base
    assert merge(base, {"protocol": {"n": 4}}) == {"protocol": {"kind": "n-softsync", "n": 4}, "seed": 1}
    assert merge(base, {"protocol": "async"}) == {"protocol": "async", "seed": 1}


def test_a_bare_word_stands_for_its_kind() -> None:
    assert merge({"p": "soft"}, {"p": {"n": 3}}) == {"p": {"kind": "soft", "n": 3}}
    assert merge({"p": "soft"}, {"p": {"kind": "hard"}}) == {"p": {"kind": "hard"}}
    assert merge({"p": {"kind": "soft", "n": 3}}, {"p": "soft"}) == {"p": {"kind": "soft", "n": 3}}
    assert merge({"p": {"kind": "soft", "n": 3}}, {"p": "hard"}) == {"p": "hard"}


def test_what_is_merged_is_left_as_it_was() -> None:
    base, over = {"s": {"a": 1}}, {"s": {"b": 2}}
    assert merge(base, over) == {"s": {"a": 1, "b": 2}}
    assert (base, over) == ({"s": {"a": 1}}, {"s": {"b": 2}})


def _paths(tree: Any) -> list[tuple[str | int, ...]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path for key, value in items for path in ((key,), *((key, *rest) for rest in _paths(value)))]


def _layer(name: str, tree: dict[str, Any]) -> Layer:
    return Layer(tree, {path: Mark(name, 1, "", 0, 0, ".".join(map(str, path))) for path in _paths(tree)})


def _at(tree: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _has(tree: Any, path: tuple[str | int, ...]) -> bool:
    try:
        _at(tree, path)
    except (KeyError, TypeError, IndexError):
        return False
    return True


@settings(deadline=None)
@given(_TREE, _PART)
def test_every_value_has_the_mark_of_the_layer_it_came_from(base: dict[str, Any], over: dict[str, Any]) -> None:
    merged = _layer("base", base).under(_layer("over", over))
    assert merged.tree == merge(base, over)
    assert set(merged.marks) == set(_paths(merged.tree))
    for path, mark in merged.marks.items():
        if not _has(over, path):
            assert mark.source == "base", path
        elif not _has(base, path) or not isinstance(_at(base, path), dict):
            assert mark.source == "over", path


def test_below_and_without_keep_the_marks() -> None:
    layer = _layer("file", {"a": {"b": [1, 2]}, "c": 3})
    assert layer.subtree("a").tree == {"b": [1, 2]}
    assert set(layer.subtree("a").marks) >= {("b",), ("b", 0), ("b", 1)}
    assert layer.without("a").tree == {"c": 3}
    assert set(layer.without("a").marks) == {("c",)}


@pytest.mark.parametrize(("bare", "key"), [("tree", "kind"), ("1 Gbit/s", "mean"), ("2 ms", "mean")])
def test_a_bare_value_that_becomes_a_mapping_keeps_its_place_and_the_mapping_has_that_of_the_later_layer(
    bare: str, key: str
) -> None:
    merged = _layer("base", {"a": {"b": bare}}).under(_layer("over", {"a": {"b": {"c": 1}}}))
    assert merged.tree == {"a": {"b": {key: bare, "c": 1}}}
    sources = {path: mark.source for path, mark in merged.marks.items()}
    assert sources == {("a",): "base", ("a", "b"): "over", ("a", "b", "c"): "over", ("a", "b", key): "base"}
