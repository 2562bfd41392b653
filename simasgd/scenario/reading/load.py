"""From a file's layer and overrides to a scenario; mistakes are reported with their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from simasgd.errors import ScenarioError
from simasgd.scenario.reading.complaints import explain_errors, format_complaint_at
from simasgd.scenario.reading.false_names import (
    overrules,
    refuse_equal,
    refuse_other_kinds,
    refuse_two_meanings,
)
from simasgd.scenario.reading.measured import read_measured_files, rename_file_keys
from simasgd.scenario.reading.overrides import Override, parse_override, refuse_modulation
from simasgd.scenario.reading.precedence import drop_overruled, refuse_contradictions
from simasgd.scenario.reading.profiles import apply_profile
from simasgd.scenario.vocabulary.merge import ARGUMENT, Layer, Mark, Origin, Path
from simasgd.scenario.vocabulary.names import join_words
from simasgd.scenario.vocabulary.section import Section
from simasgd.scenario.vocabulary.values import nearest, shown

Root = TypeVar("Root", bound=Section)
"""The class of a complete scenario, an argument here because that class imports this module."""
_MAX_VARIANTS = 1000
_MAX_INHERITED = 1_000_000  # values
_MAY_BE_LISTS = (("cluster", "compute"), ("cluster", "stragglers"))
_NOT_IN_VARIANTS = ("name", "title", "variants", "repeats", "sweep")


class Built(NamedTuple, Generic[Root]):
    """A scenario, and a sentence for each override that replaces values of its variants."""

    scenario: Root
    overruled: tuple[str, ...]


def build_scenario(
    root: type[Root], file: Layer, overrides: Sequence[str | Override] = (), chosen: Sequence[str] = ()
) -> Built[Root]:
    """Build the scenario of a file's layer, over its profile and under its overrides.

    Later layers win: profile, scenario, variant, overrides. If variants are chosen, the scenario has
    only those. Raises ScenarioError, also for overrides that make a variant's name untrue.
    """
    file = rename_file_keys(file)
    changes = [parse_override(root, override) if isinstance(override, str) else override for override in overrides]
    refuse_contradictions(changes)
    _refuse_many_variants(file)
    refuse_two_meanings(root, [change.text for change in changes], file)
    for change in changes:
        _refuse_part_of_list(file, change)
    of_variants = [rename_file_keys(change.layer) for change in changes if change.is_of_variant]
    _refuse_unknown_variants(file, of_variants)
    file = choose_variants(reduce(Layer.under, of_variants, file), chosen)
    of_all = {change.text: rename_file_keys(change.layer) for change in changes if not change.is_of_variant}
    arguments = reduce(Layer.under, of_all.values(), Layer())
    variants = dict(_iterate_variants(file))
    refuse_other_kinds(root, variants, list(of_all.values()))
    base = file.without("variants")
    for change in changes:
        if change.names_modulation:
            refuse_modulation(change.text, change.layer, base.under(arguments))
    whole = read_measured_files(apply_profile(base.under(arguments)))
    base = base.without("sweep")
    whole.marks.update({path: mark for path, mark in file.marks.items() if path[0] == "variants" and len(path) <= 2})
    for name, variant in variants.items():
        layer = read_measured_files(apply_profile(base.under(variant.with_origin(Origin.VARIANT)).under(arguments)))
        whole.tree.setdefault("variants", {})[name] = layer.tree
        whole.marks.update({("variants", name, *path): mark for path, mark in layer.marks.items()})
    scenario = _validate(root, whole)
    if of_all:
        refuse_equal(dict(scenario)["variants"], lambda name: base.under(variants[name]), list(of_all.values()))
    return Built(scenario, tuple(_list_overruled(of_all, variants)))


def _list_overruled(overrides: Mapping[str, Layer], variants: Mapping[str, Layer]) -> Iterator[str]:
    for text, change in overrides.items():
        if names := [name for name, layer in variants.items() if overrules(change, layer)]:
            yield f"{text} replaces what {_whose(names)}"


def _whose(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the variant {names[0]} has of its own"
    return f"the variants {join_words(names, 'and')} have of their own"


def choose_variants(file: Layer, names: Sequence[str]) -> Layer:
    """Return a file's layer with only the variants of these names; no names stand for all. Raises ScenarioError."""
    if not names:
        return file
    there = file.tree.get("variants")
    require_variants(names, list(there) if isinstance(there, dict) else [])
    kept = {name: changes for name, changes in file.tree["variants"].items() if name in names}
    marks = {path: mark for path, mark in file.marks.items() if path[0] != "variants" or len(path) == 1 or path[1] in names}
    return Layer({**file.tree, "variants": kept}, marks)


def require_variants(names: Sequence[str], known: Sequence[str]) -> None:
    """Raise ScenarioError unless the chosen names are those of known variants, each given once."""
    for number, name in enumerate(names):
        if name not in known:
            raise ScenarioError(f"{ARGUMENT}: {_describe_missing(name, known)}")
        if name in names[:number]:
            raise ScenarioError(f"{ARGUMENT}: the variant {name} is given twice")


def _iterate_variants(file: Layer) -> Iterator[tuple[str, Layer]]:
    variants = file.tree.get("variants") or {}
    if not isinstance(variants, dict):
        raise ScenarioError(
            format_complaint_at(("variants",), file, f"found {shown(variants)}; expected a mapping of variant names to changes")
        )
    marks = _group_marks_by_variant(file)
    for name, changes in variants.items():
        path = ("variants", name)
        if changes is not None and not isinstance(changes, dict):
            raise ScenarioError(format_complaint_at(path, file, f"found {shown(changes)}; expected a mapping of changes"))
        for key in _NOT_IN_VARIANTS:
            if key in (changes or {}):
                raise ScenarioError(format_complaint_at((*path, key), file, f"a variant cannot change {key!r}", at_key=True))
        yield name, Layer(changes, marks.get(name, {})) if changes else Layer()


def _group_marks_by_variant(file: Layer) -> dict[str | int, dict[Path, Mark]]:
    """Return the marks of each variant, with paths relative to it."""
    found: dict[str | int, dict[Path, Mark]] = {}
    for path, mark in file.marks.items():
        if path[0] == "variants" and len(path) > 2:
            found.setdefault(path[1], {})[path[2:]] = mark
    return found


def _refuse_many_variants(file: Layer) -> None:
    """Raise ScenarioError for too many variants, or too many values that they inherit together."""
    variants = file.tree.get("variants")
    number = len(variants) if isinstance(variants, dict) else 0
    if number > _MAX_VARIANTS:
        message = f"there are {number:,} variants; the limit is {_MAX_VARIANTS:,}"
        raise ScenarioError(format_complaint_at(("variants",), file, message))
    inherited = sum(path[0] != "variants" for path in file.marks)
    if number * inherited > _MAX_INHERITED:
        message = f"{number:,} variants inherit {inherited:,} values each; the limit is {_MAX_INHERITED:,} values together"
        raise ScenarioError(format_complaint_at(("variants",), file, message))


def _refuse_part_of_list(file: Layer, override: Override) -> None:
    """Raise ScenarioError for an override of one key of a section that the file gives as a list.

    The override would replace the whole list by a section with this key alone.
    """
    parts = override.path
    inner = parts[2:] if override.is_of_variant else parts
    section = next((place for place in _MAY_BE_LISTS if inner[: len(place)] == place and len(inner) > len(place)), None)
    if section is None:
        return
    variants = file.tree.get("variants")
    others = [("variants", name) for name in variants] if isinstance(variants, dict) and inner is parts else []
    for prefix in (parts[: len(parts) - len(inner)], *others):
        value: Any = file.tree
        for key in (*prefix, *section):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, list):
            name, whole = ".".join(section), ".".join((*prefix, *section))
            message = f"{whole} is a list, of which an override cannot change a part; give it whole: {name}=[…] or {name}={{…}}"
            raise ScenarioError(format_complaint_at(parts, override.layer, message, at_key=True))


def _refuse_unknown_variants(file: Layer, changes: Sequence[Layer]) -> None:
    """Raise ScenarioError for a change of a variant that the file does not have."""
    variants = file.tree.get("variants")
    names = list(variants) if isinstance(variants, dict) else []
    for change in changes:
        changed = change.tree["variants"]
        for name in changed if isinstance(changed, dict) else ():
            if name in names:
                continue
            message = _describe_missing(name, names)
            raise ScenarioError(format_complaint_at(("variants", name), change, message, at_key=True))


def _describe_missing(name: str, names: Sequence[str]) -> str:
    near = nearest(name, names)
    known = f"choose from {', '.join(names)}" if names else "the scenario has no variants"
    return f"there is no variant {shown(name)}; {f'did you mean {near!r}?' if near else known}"


def build_section(section: type[Root], file: Layer, key: str) -> Root:
    """Build the section that a file's layer has at a key of the root. Raises ScenarioError."""
    return _validate(section, file.subtree(key))


def _validate(root: type[Root], layer: Layer) -> Root:
    while True:
        try:
            return root.model_validate(layer.tree)
        except ValidationError as error:
            changed = drop_overruled(error, layer)
            if changed is None:
                raise ScenarioError("\n".join(explain_errors(error, layer, root))) from None
            layer = changed
