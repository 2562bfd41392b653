"""Translation of pydantic's errors into complaints, at the place where the value was written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from pydantic import ValidationError

from simasgd.errors import ScenarioError
from simasgd.protocols import foreign
from simasgd.scenario.reading import catalogue, keys
from simasgd.scenario.reading.marked_message import format_complaint
from simasgd.scenario.reading.overrides import MODULATION, PROTOCOL, parse_protocol
from simasgd.scenario.vocabulary import synonyms
from simasgd.scenario.vocabulary.merge import ARGUMENT, Layer, Origin, Path, kind_at
from simasgd.scenario.vocabulary.section import LIST, LISTS, MAPPING, NAME, NUMBER, InconsistentScenario, Section
from simasgd.scenario.vocabulary.values import nearest, shown

_MAX_COMPLAINTS = 20
_FEW_KINDS = 8  # all of which fit into a message
_OWN_PROTOCOL = (
    "a protocol of your own needs an entry point in a folder that PYTHONPATH names, or an installed package "
    "(docs/new-protocol.md, 5 and 6)"
)


def explain_errors(error: ValidationError, layer: Layer, root: type[Section]) -> list[str]:
    """Return a complaint for each mistake, once even if all variants share it.

    Mistakes that follow from another one are left out, and so is everything after the first
    `_MAX_COMPLAINTS`.
    """
    complaints: dict[str, None] = {}
    details = error.errors(include_url=False)
    wrong = {detail["loc"]: detail["type"] for detail in details}
    missing = {detail["loc"]: _kind_of(detail["input"]) for detail in details if detail["type"] == "missing"}
    beside: dict[Path, dict[Any, str]] = {}
    for loc, kind in wrong.items():
        if kind != "missing":
            place = loc[:-1] if loc[-1:] in ((LIST,), (MAPPING,), (NAME,), (NUMBER,)) else loc
            beside.setdefault(place[:-1], {})[place[-1] if place else ""] = kind
    for complaint in chain.from_iterable(
        _explain(detail, layer, root) for detail in details if not _is_consequence(detail, missing, beside)
    ):
        if complaint not in complaints and len(complaints) == _MAX_COMPLAINTS:
            return [*complaints, "… and more mistakes"]
        complaints[complaint] = None
    return list(complaints)


def format_complaint_at(path: Path, layer: Layer, message: str, *, at_key: bool = False) -> str:
    """Return a complaint about a path, at the nearest known place to it."""
    for size in range(len(path), 0, -1):
        mark = layer.marks.get(path[:size])
        if mark is not None:
            rest = path[size:]
            key = ".".join(map(str, (mark.key, *rest)))
            return format_complaint(mark, message, at_key=at_key or bool(rest and mark.line), key=key)
    source = next((mark.source for mark in layer.marks.values() if mark.origin is Origin.SCENARIO), "scenario")
    return f"{source}: {'.'.join(map(str, path))}: {message}"


def _is_consequence(detail: Any, missing: dict[Path, Any], others: dict[Path, dict[Any, str]]) -> bool:
    """Return whether a mistake exists only because of another one.

    A list is too short if its items are wrong. A key is missing if it is misspelt, if the kind or
    profile of its section is wrong, or in a variant if the whole scenario lacks it in a section of
    the same kind. `missing` has the kind of the section of each missing key. `others` maps each
    section to its mistakes, except for missing keys.
    """
    path = detail["loc"]
    if detail["type"] == "too_short":
        return bool(detail["input"])
    if detail["type"] == "missing":
        beside = others.get(path[:-1], {})
        unknown = [str(key) for key, kind in beside.items() if kind == "extra_forbidden"][:_MAX_COMPLAINTS]
        is_misspelt = nearest(str(path[-1]), unknown) is not None
        is_meant = any(full.rpartition(".")[2] == path[-1] for key in unknown for full in synonyms.keys(key))
        is_inherited = path[0] == "variants" and path[2:] in missing and missing[path[2:]] == missing[path]
        return is_misspelt or is_meant or "kind" in beside or "profile" in beside or is_inherited
    return False


def _kind_of(section: Any) -> Any:
    return section.get("kind") if isinstance(section, Mapping) else None


def _explain(detail: Any, layer: Layer, root: type[Section]) -> Iterator[str]:
    path = _find_tree_path(detail["loc"], layer.tree)
    if detail["type"] == "union_tag_invalid" and (*path, "kind") in layer.marks:
        path = (*path, "kind")
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, InconsistentScenario):
        for found in cause.found:
            yield format_complaint_at((*path, *found.path), layer, found.message)
        return
    at_key = detail["type"] == "extra_forbidden" or "[key]" in detail["loc"]
    yield format_complaint_at(path, layer, _write_message(detail, path, layer, root), at_key=at_key)


def _find_tree_path(loc: Sequence[str | int], tree: Any) -> Path:
    """Return pydantic's location without the tags of unions, which are not keys of the tree."""
    path: list[str | int] = []
    for part, following in zip(loc, (*loc[1:], None), strict=False):
        if part == "[key]":
            continue  # pydantic's sign that the key itself is wrong
        if isinstance(tree, str):
            if part == "kind":
                continue  # a bare word stands for a mapping with this kind
            tree = {"kind": tree}
        is_key = isinstance(tree, dict) and part in tree and part != following
        if not is_key and part in (LIST, LISTS, MAPPING, NAME, NUMBER, tree.get("kind") if isinstance(tree, dict) else None):
            continue
        path.append(part)
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and isinstance(part, int):
            tree = tree[part] if part < len(tree) else None
        else:
            tree = None
    return tuple(path)


def _strip_variant(path: Path, layer: Layer) -> tuple[Path, Any]:
    """Return a path and its tree; those inside a variant as if the variant were the scenario."""
    if path[0] == "variants":
        variants = layer.tree["variants"]
        return path[2:], variants.get(path[1]) if isinstance(variants, dict) and len(path) > 1 else None
    return path, layer.tree


def _write_message(detail: Any, path: Path, layer: Layer, root: type[Section]) -> str:
    found, kind, context = shown(detail["input"]), detail["type"], detail.get("ctx", {})
    match kind:
        case "missing":
            return _write_missing(path, layer, root)
        case "extra_forbidden":
            inner, tree = _strip_variant(path, layer)
            section = keys.find_section(root, inner[:-1], tree)
            own = list(section.model_fields) if section is not None else []
            return keys.explain_unknown_key(str(path[-1]), own, keys.list_elsewhere(root, inner))
        case "int_type" | "int_from_float" | "int_parsing":
            return f"{found} is not a whole number"
        case "float_type":
            return f"{found} is not a number"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            return _write_bound(found, kind, context)
        case "finite_number":
            return f"{found} is not a finite number"
        case "literal_error":
            return f"{found} is not one of {context['expected']}" + _suggest(detail["input"], context["expected"])
        case "union_tag_invalid":
            return _write_unknown_kind(shown(detail["input"]["kind"]), path, context)
        case "union_tag_not_found" if context["discriminator"] == "'kind'":
            choices = keys.find_choices(root, *_strip_variant(path, layer))
            return f"kind is missing; choose from {', '.join(repr(choice.model_fields['kind'].default) for choice in choices)}"
        case "union_tag_not_found":
            return f"found {found}; expected a list or a mapping"
        case "bool_type":
            return f"{found} is neither true nor false"
        case "string_pattern_mismatch":
            marks = "'_' and '-'" if "." not in context["pattern"] else "'_', '.' and '-'"
            return f"{found} is not a valid name; use lower-case letters, digits, {marks}, and begin with a letter or digit"
        case "string_too_long":
            return f"{found} is too long; the limit is {context['max_length']} characters"
        case "string_type":
            return f"{found} is not text"
        case "model_attributes_type":
            return f"found {found}; expected a kind or a mapping"
        case "model_type" | "dict_type":
            return f"found {found}; expected a mapping"
        case "tuple_type":
            return f"found {found}; expected a list"
        case "too_short":
            return "the list is empty; expected at least one item"
        case "too_long":
            return f"the list has {len(detail['input'])} items; expected at most {context['max_length']}"
        case "value_error":
            return str(context["error"])
        case _:
            return f"{detail['msg']} (found {found})"


def _write_missing(path: Path, layer: Layer, root: type[Section]) -> str:
    if path[-2:-1] == ("cluster",) and path[-1] in ("compute", "network", "server"):
        return f"missing; set it, or choose a cluster.profile ({', '.join(catalogue.list_profiles())})"
    return f"missing{_suggest_value(path, layer, root)}"


def _suggest_value(path: Path, layer: Layer, root: type[Section]) -> str:
    """Return how a command line gives a key that its own argument made necessary; "" for keys of files."""
    mark, kind = layer.marks.get(path[:-1]), kind_at(layer.tree, path[:-1])
    if mark is None or mark.source != ARGUMENT or kind is None:
        return ""
    inner, tree = _strip_variant(path, layer)
    section = keys.find_section(root, inner[:-1], {**tree, inner[-2]: {"kind": kind}} if len(inner) == 2 else tree)
    field = None if section is None else section.model_fields.get(str(path[-1]))
    if field is None or not field.examples:
        return ""
    value = json.dumps(field.examples[0]).strip('"')
    return (
        f"; write {kind}:{path[-1]}={value}"
        if inner[:-1] in (PROTOCOL, MODULATION)
        else f"; add {'.'.join(map(str, path))}={value}"
    )


def _write_bound(found: str, kind: str, context: dict[str, Any]) -> str:
    match kind:
        case "greater_than":
            return f"{found} is too small; it must be more than {context['gt']:.15g}"
        case "greater_than_equal":
            return f"{found} is too small; it must be at least {context['ge']:.15g}"
        case "less_than":
            return f"{found} is too large; it must be less than {context['lt']:.15g}"
        case _:
            return f"{found} is too large; it must be at most {context['le']:.16g}"


def _write_unknown_kind(tag: str, path: Path, context: dict[str, Any]) -> str:
    choices = context["expected_tags"]
    if (":" in tag or "+" in tag) and (meant := _spell_notation(str(context["tag"]), path)):
        return f"{tag} is no kind; write {meant}"
    if path[-2:] != ("protocol", "kind") and path[-1:] != ("protocol",):
        return f"unknown kind {tag}; {_suggest_kind(context['tag'], choices)}"
    choices = ", ".join([choices, *map(repr, foreign.list_installed_kinds())])
    return f"unknown kind {tag}; {_suggest_kind(context['tag'], choices)}; {_OWN_PROTOCOL}"


def _spell_notation(tag: str, path: Path) -> str:
    """Return how YAML says what a command line writes as `n-softsync:n=4` or `async+none`; "" for another text."""
    try:
        tree = parse_protocol(tag).tree
    except ScenarioError:
        return ""
    key = ".".join(map(str, path[:-1] if path[-1:] == ("kind",) else path))
    found = [f"{key}: {_spell_section(tree['protocol'])}"]
    if "learning" in tree:
        found.append(f"learning.modulation: {_spell_section(tree['learning']['modulation'])}")
    return " and ".join(found)


def _spell_section(section: Mapping[str, Any]) -> str:
    pairs = (f"{key}: {value if isinstance(value, str) else json.dumps(value)}" for key, value in section.items())
    return str(section["kind"]) if len(section) == 1 else f"{{{', '.join(pairs)}}}"


def _suggest_kind(tag: Any, choices: str) -> str:
    """Return the kinds that were probably meant, and all kinds if they are few or nothing is near."""
    known = _split_choices(choices)
    meant = synonyms.suggest_kinds(str(tag), known)
    if not meant:
        return f"choose from {choices}"
    if len(known) <= _FEW_KINDS:
        return f"choose from {choices}; {synonyms.ask(meant)}"
    return f"{synonyms.ask(meant)} ('simasgd show KIND' describes one)"


def _suggest(found: Any, expected: str) -> str:
    meant = synonyms.suggest_kinds(str(found), _split_choices(expected))
    return f"; {synonyms.ask(meant)}" if meant else ""


def _split_choices(expected: str) -> list[str]:
    return [choice.strip(" '") for choice in expected.replace(" or ", ", ").split(",")]
