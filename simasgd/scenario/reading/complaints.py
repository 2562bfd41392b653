"""What pydantic found wrong, in the words of a scenario and at the place where the user wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from pydantic import ValidationError

from simasgd.protocols import foreign
from simasgd.scenario.reading import catalogue, keys, text
from simasgd.scenario.schema import InconsistentScenario
from simasgd.scenario.vocabulary import synonyms
from simasgd.scenario.vocabulary.merge import Layer, Path
from simasgd.scenario.vocabulary.section import LIST, MAPPING, NUMBER
from simasgd.scenario.vocabulary.values import nearest, shown

_MOST = 20  # mistakes that are told


def of(error: ValidationError, layer: Layer) -> list[str]:
    """Every mistake once, even where all variants share it, but no more than a reader can bear; those that only follow from
    another one are left out."""
    complaints: dict[str, None] = {}
    details = error.errors(include_url=False)
    wrong = {detail["loc"]: detail["type"] for detail in details}
    beside: dict[Path, dict[Any, str]] = {}
    for loc, kind in wrong.items():
        if kind != "missing":
            beside.setdefault(loc[:-1], {})[loc[-1] if loc else ""] = kind
    for complaint in chain.from_iterable(
        _complaints(detail, layer) for detail in details if not _follows(detail, wrong, beside)
    ):
        if complaint not in complaints and len(complaints) == _MOST:
            return [*complaints, "… and further mistakes"]
        complaints[complaint] = None
    return list(complaints)


def at(path: Path, layer: Layer, message: str, *, at_key: bool = False) -> str:
    """The complaint at the nearest place that is known for a path."""
    for size in range(len(path), 0, -1):
        mark = layer.marks.get(path[:size])
        if mark is not None:
            rest = path[size:]
            key = ".".join(map(str, (mark.key, *rest)))
            return text.complaint(mark, message, at_key=at_key or bool(rest and mark.line), key=key)
    source = next((mark.source for mark in layer.marks.values() if mark.line), "scenario")
    return f"{source}: {'.'.join(map(str, path))}: {message}"


def _follows(detail: Any, wrong: dict[Path, str], others: dict[Path, dict[Any, str]]) -> bool:
    """Whether a mistake is only there because of another one: a list without its wrong items; what is missing because its key
    is misspelt, its section's kind or profile wrong, or because the whole scenario lacks what a variant does. `others` are the
    mistakes in each section but what is missing."""
    path = detail["loc"]
    if detail["type"] == "too_short":
        return bool(detail["input"])
    if detail["type"] == "missing":
        beside = others.get(path[:-1], {})
        unknown = [str(key) for key, kind in beside.items() if kind == "extra_forbidden"][:_MOST]
        misspelt = nearest(path[-1], unknown)
        inherited = path[0] == "variants" and path[2:] in wrong
        return misspelt is not None or "kind" in beside or "profile" in beside or inherited
    return False


def _complaints(detail: Any, layer: Layer) -> Iterator[str]:
    path = _tree_path(detail["loc"], layer.tree)
    if detail["type"] == "union_tag_invalid" and (*path, "kind") in layer.marks:
        path = (*path, "kind")
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, InconsistentScenario):
        for found in cause.found:
            yield at((*path, *found.path), layer, found.message)
        return
    at_key = detail["type"] == "extra_forbidden" or "[key]" in detail["loc"]
    yield at(path, layer, _message(detail, path, layer), at_key=at_key)


def _tree_path(loc: Sequence[str | int], tree: Any) -> Path:
    """pydantic's location without the tags of unions, which are no keys of the tree."""
    path: list[str | int] = []
    for part, following in zip(loc, (*loc[1:], None), strict=False):
        if part == "[key]":
            continue  # so pydantic says that the key itself is wrong
        if isinstance(tree, str):
            if part == "kind":
                continue  # a bare word stands for it
            tree = {"kind": tree}
        is_key = isinstance(tree, dict) and part in tree and part != following
        if not is_key and part in (LIST, MAPPING, NUMBER, tree.get("kind") if isinstance(tree, dict) else None):
            continue
        path.append(part)
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and isinstance(part, int):
            tree = tree[part] if part < len(tree) else None
        else:
            tree = None
    return tuple(path)


def _own(path: Path, layer: Layer) -> tuple[Path, Any]:
    """A path within a scenario and its tree: inside a variant the keys are those of a scenario."""
    if path[0] == "variants":
        variants = layer.tree["variants"]
        return path[2:], variants.get(path[1]) if isinstance(variants, dict) and len(path) > 1 else None
    return path, layer.tree


def _message(detail: Any, path: Path, layer: Layer) -> str:
    found, kind, context = shown(detail["input"]), detail["type"], detail.get("ctx", {})
    match kind:
        case "missing":
            return _missing(path)
        case "extra_forbidden":
            inner, tree = _own(path, layer)
            section = keys.section_at(inner[:-1], tree)
            return keys.unknown(str(path[-1]), list(section.model_fields) if section is not None else [])
        case "int_type" | "int_from_float" | "int_parsing":
            return f"{found} is not a whole number"
        case "float_type":
            return f"{found} is not a number"
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
            if path[-2:] == ("protocol", "kind") or path[-1:] == ("protocol",):
                choices = ", ".join([choices, *map(repr, foreign.kinds())])
            return f"unknown kind {tag}; there are {choices}" + _near(context["tag"], choices)
        case "union_tag_not_found" if context["discriminator"] == "'kind'":
            kinds = [repr(choice.model_fields["kind"].default) for choice in keys.choices_at(*_own(path, layer))]
            return f"kind is missing; there are {', '.join(kinds)}"
        case "union_tag_not_found":
            return f"a list or a mapping is wanted, not {found}"
        case "bool_type":
            return f"{found} is neither true nor false"
        case "string_pattern_mismatch":
            marks = "'_' and '-'" if "." not in context["pattern"] else "'_', '.' and '-'"
            return f"{found} is no name; lower-case letters, digits, {marks} make one, and a letter or digit begins it"
        case "string_too_long":
            return f"{found} is too long; {context['max_length']} characters are the most"
        case "string_type":
            return f"{found} is not text"
        case "model_attributes_type":
            return f"a kind or a mapping is wanted, not {found}"
        case "model_type" | "dict_type":
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
    meant = synonyms.kinds(str(found), choices)
    if meant:
        return f"; {synonyms.one_of(meant)}"
    near = nearest(str(found), choices)
    return f"; did you mean {near!r}?" if near else ""
