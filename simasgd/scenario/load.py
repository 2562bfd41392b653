"""From a file and overrides to a typed scenario, or to a list of mistakes with their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import reduce
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from simasgd.errors import ScenarioError
from simasgd.scenario import catalogue, keys, text
from simasgd.scenario.merge import Layer, Mark, Path
from simasgd.scenario.schema import InconsistentScenario, Scenario
from simasgd.scenario.values import shown

_NOT_IN_VARIANTS = ("name", "title", "variants", "repeats")


def load_scenario(source: str | FilePath, overrides: Sequence[str] = ()) -> Scenario:
    """Read a scenario by its name or from a YAML file, changed by `key=value` overrides. Raises ScenarioError."""
    path = catalogue.scenario_file(source)
    return typed(text.read(path), overrides)


def typed(file: Layer, overrides: Sequence[str] = ()) -> Scenario:
    """The scenario of a file's layer: profile < scenario < variant < overrides. Raises ScenarioError."""
    changes = [override_layer(override) for override in overrides]
    of_variants = [change for change in changes if "variants" in change.tree]
    _known_variants(file, of_variants)
    file = reduce(Layer.under, of_variants, file)
    command_line = reduce(Layer.under, [change for change in changes if "variants" not in change.tree], Layer())
    base = file.without("variants")
    whole = _on_profile(base.under(command_line))
    whole.marks.update({path: mark for path, mark in file.marks.items() if path[0] == "variants" and len(path) <= 2})
    for name, variant in _variants(file):
        layer = _on_profile(base.under(variant).under(command_line))
        whole.tree.setdefault("variants", {})[name] = layer.tree
        whole.marks.update({("variants", name, *path): mark for path, mark in layer.marks.items()})
    return _validated(whole)


def override_layer(override: str) -> Layer:
    """The layer of one `key=value`. Raises ScenarioError."""
    key, equals, value = override.partition("=")
    key = key.strip()
    mark = Mark("command line", 0, override, 0, len(override) - len(value), "")
    if not equals or not key:
        raise ScenarioError(text.complaint(mark, f"{override!r} is not key=value", at_key=True))
    try:
        full = keys.resolve(key)
    except ValueError as error:
        raise ScenarioError(text.complaint(mark, str(error), at_key=True)) from None
    try:
        plain = text.scalar(value)
    except ValueError as error:
        raise ScenarioError(text.complaint(mark, str(error))) from None
    parts = full.split(".")
    tree: Any = plain
    for part in reversed(parts):
        tree = {part: tree}
    return Layer(tree, {path: mark._replace(key=".".join(map(str, path))) for path in _paths(tree)})


def _paths(value: Any) -> Iterator[Path]:
    """Every path in a tree, but for its root."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (key,)
        yield from ((key, *path) for path in _paths(child))


def _variants(file: Layer) -> Iterator[tuple[str, Layer]]:
    variants = file.tree.get("variants") or {}
    if not isinstance(variants, dict):
        raise ScenarioError(_at(("variants",), file, f"a mapping of names to changes is wanted, not {shown(variants)}"))
    for name, changes in variants.items():
        path = ("variants", name)
        if changes is not None and not isinstance(changes, dict):
            raise ScenarioError(_at(path, file, f"a mapping of changes is wanted, not {shown(changes)}"))
        for key in _NOT_IN_VARIANTS:
            if key in (changes or {}):
                raise ScenarioError(_at((*path, key), file, f"a variant cannot change {key!r}", at_key=True))
        yield name, file.below("variants", name) if changes else Layer()


def _known_variants(file: Layer, changes: Sequence[Layer]) -> None:
    """Complain about a change of a variant that the file does not have."""
    variants = file.tree.get("variants")
    names = list(variants) if isinstance(variants, dict) else []
    for change in changes:
        name = next(iter(change.tree["variants"]))
        if name not in names:
            near = get_close_matches(name, names, n=1)
            there = f"there are {', '.join(names)}" if names else "the scenario has none"
            hint = f"did you mean {near[0]!r}?" if near else there
            raise ScenarioError(_at(("variants", name), change, f"there is no variant {name!r}; {hint}", at_key=True))


def _on_profile(layer: Layer) -> Layer:
    """The layer over the values of the node profile it names."""
    cluster = layer.tree.get("cluster")
    name = cluster.get("profile") if isinstance(cluster, dict) else None
    if not isinstance(name, str):
        return Layer(dict(layer.tree), dict(layer.marks))
    named = catalogue.profiles()
    if name not in named:
        near = get_close_matches(name, named, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(named)}"
        raise ScenarioError(_at(("cluster", "profile"), layer, f"there is no profile {name!r}; {hint}"))
    profile = text.read(named[name], f"profile {name}")
    values = Layer({"cluster": profile.tree["cluster"]}, {p: m for p, m in profile.marks.items() if p[0] == "cluster"})
    merged = values.under(layer)
    return Layer(merged.tree, {**merged.marks, **layer.marks})  # what is missing is missing in the scenario


def _validated(layer: Layer) -> Scenario:
    try:
        return Scenario.model_validate(layer.tree)
    except ValidationError as error:
        complaints: dict[str, None] = {}
        details = error.errors(include_url=False)
        wrong = {detail["loc"]: detail["type"] for detail in details}
        for detail in details:
            if _follows(detail, wrong):
                continue
            complaints.update(dict.fromkeys(_complaints(detail, layer)))
        raise ScenarioError("\n".join(complaints)) from None


def _follows(detail: Any, wrong: dict[tuple[int | str, ...], str]) -> bool:
    """Whether a mistake is only there because of another one: a list without its wrong items; what is missing because its key is
    misspelt, its section's kind or profile wrong, or because the whole scenario lacks what a variant does."""
    path = detail["loc"]
    if detail["type"] == "too_short":
        return bool(detail["input"])
    if detail["type"] == "missing":
        beside = {other[-1]: kind for other, kind in wrong.items() if other[:-1] == path[:-1] and kind != "missing"}
        unknown = [str(key) for key, kind in beside.items() if kind == "extra_forbidden"]
        misspelt = get_close_matches(path[-1], unknown, n=1)
        inherited = path[0] == "variants" and path[2:] in wrong
        return bool(misspelt) or "kind" in beside or "profile" in beside or inherited
    return False


def _complaints(detail: Any, layer: Layer) -> Iterator[str]:
    path = _tree_path(detail["loc"], layer.tree)
    if detail["type"] == "union_tag_invalid" and (*path, "kind") in layer.marks:
        path = (*path, "kind")
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, InconsistentScenario):
        for found in cause.found:
            yield _at((*path, *found.path), layer, found.message)
        return
    at_key = detail["type"] == "extra_forbidden" or "[key]" in detail["loc"]
    yield _at(path, layer, _message(detail, path, layer), at_key=at_key)


def _tree_path(loc: Iterable[str | int], tree: Any) -> Path:
    """pydantic's location without the tags of unions, which are no keys of the tree."""
    path: list[str | int] = []
    for part in loc:
        if part == "[key]":
            continue  # so pydantic says that the key itself is wrong
        if isinstance(tree, str):
            if part == "kind":
                continue  # a bare word stands for it
            tree = {"kind": tree}
        is_tag = isinstance(tree, dict) and part not in tree and tree.get("kind") == part
        if is_tag:
            continue
        path.append(part)
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and isinstance(part, int):
            tree = tree[part] if part < len(tree) else None
        else:
            tree = None
    return tuple(path)


def _at(path: Path, layer: Layer, message: str, *, at_key: bool = False) -> str:
    """The complaint at the nearest place that is known for a path."""
    for size in range(len(path), 0, -1):
        mark = layer.marks.get(path[:size])
        if mark is not None:
            rest = path[size:]
            key = ".".join(map(str, (mark.key, *rest)))
            return text.complaint(mark, message, at_key=at_key or bool(rest and mark.line), key=key)
    source = next((mark.source for mark in layer.marks.values() if mark.line), "scenario")
    return f"{source}: {'.'.join(map(str, path))}: {message}"


def _message(detail: Any, path: Path, layer: Layer) -> str:
    found, kind, context = shown(detail["input"]), detail["type"], detail.get("ctx", {})
    match kind:
        case "missing":
            return _missing(path)
        case "extra_forbidden":
            # Inside a variant the keys are those of a scenario.
            inner = path[2:] if path[0] == "variants" else path
            tree = layer.below("variants", str(path[1])).tree if path[0] == "variants" else layer.tree
            section = keys.section_at(inner[:-1], tree)
            return keys.unknown(str(path[-1]), list(section.model_fields) if section is not None else [])
        case "int_type" | "int_from_float" | "int_parsing":
            return f"{found} is not a whole number"
        case "greater_than":
            return f"{found} is too small; it must be more than {context['gt']:.15g}"
        case "greater_than_equal":
            return f"{found} is too small; it must be at least {context['ge']:.15g}"
        case "less_than":
            return f"{found} is too large; it must be less than {context['lt']:.15g}"
        case "less_than_equal":
            return f"{found} is too large; it must be at most {context['le']:.16g}"
        case "finite_number":
            return f"{found} is not a finite number"
        case "literal_error":
            return f"{found} is not one of {context['expected']}" + _near(detail["input"], context["expected"])
        case "union_tag_invalid":
            tag, choices = shown(detail["input"]["kind"]), context["expected_tags"]
            return f"unknown kind {tag}; there are {choices}" + _near(context["tag"], choices)
        case "union_tag_not_found":
            return "kind is missing"
        case "string_pattern_mismatch":
            return f"{found} is no name; lower-case letters, digits, '_', '.' and '-' make one, and a letter or digit begins it"
        case "string_too_long":
            return f"{found} is too long; {context['max_length']} characters are the most"
        case "string_type":
            return f"{found} is not text"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"a mapping is wanted, not {found}"
        case "tuple_type":
            return f"a list is wanted, not {found}"
        case "too_short":
            return "the list is empty"
        case "value_error":
            return str(context["error"])
        case _:
            return f"{detail['msg']} (found {found})"


def _missing(path: Path) -> str:
    if path[-2:-1] == ("cluster",) and path[-1] in ("compute", "network", "server"):
        return f"missing; give it, or choose a cluster.profile ({', '.join(catalogue.profiles())})"
    return "missing"


def _near(found: Any, expected: str) -> str:
    choices = [choice.strip(" '") for choice in expected.replace(" or ", ", ").split(",")]
    near = get_close_matches(str(found), choices, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
