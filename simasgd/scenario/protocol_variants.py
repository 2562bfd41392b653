"""The scenario that `simasgd compare` runs, with one variant for each protocol on the command line.

A protocol is written as `async+inverse-staleness` or `n-softsync:n=4,spread=10`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path as FilePath
from typing import NamedTuple

from simasgd.errors import ScenarioError
from simasgd.scenario.reading.load import Built, build_scenario
from simasgd.scenario.reading.overrides import argument_error, mark_argument, parse_override, parse_protocol, refuse_modulation
from simasgd.scenario.reading.precedence import find_clash
from simasgd.scenario.reading.sources import read_source
from simasgd.scenario.schema import Scenario, ScenarioSource
from simasgd.scenario.vocabulary.merge import ARGUMENT, Layer

_MAX_CHARACTERS = 100  # of a variant's name


class _Variant(NamedTuple):
    """A protocol on the command line, the name of its variant, and the variant's changes."""

    written: str
    name: str
    layer: Layer


def build_comparison(
    source: ScenarioSource, arguments: Sequence[str], others: int = 0, chosen: Sequence[str] = ()
) -> Built[Scenario]:
    """Build the scenario whose variants are compared, with each other and with `others`. Raises ScenarioError.

    Each argument is a protocol, which becomes a variant, or an override `key=value`. With protocols
    the scenario loses its own variants; without any it keeps them, or those that are `chosen`. A
    scenario without variants is compared with others under its own protocol.
    """
    protocols = [argument for argument in arguments if is_protocol(argument)]
    overrides = [argument for argument in arguments if not is_protocol(argument)]
    if protocols and chosen:
        message = f"{protocols[0]} takes the place of the scenario's variants, so {chosen[0]} cannot be chosen among them"
        raise ScenarioError(f"{ARGUMENT}: {message}; give either")
    file = read_source(source.as_given() if isinstance(source, Scenario) else source)
    built = build_scenario(Scenario, _replace_variants(file, protocols, overrides) if protocols else file, overrides, chosen)
    scenario = built.scenario if len(chosen) == 1 else built.scenario.choose(chosen)
    if not scenario.variants and others:
        return built._replace(scenario=scenario.with_others({scenario.protocol.kind: scenario}))
    if not scenario.variants:
        if not isinstance(source, str | FilePath):
            raise ScenarioError(f"{scenario.name}: has no variants to compare; name protocols, as in: hardsync, async")
        raise ScenarioError(
            f"{source}: has no variants to compare; name protocols, as in: simasgd compare {source} hardsync async"
        )
    if len(scenario.variants) + others == 1:
        (only,) = protocols or scenario.variants
        raise ScenarioError(f"{ARGUMENT}: {only} is the only variant; a comparison needs at least two")
    return built._replace(scenario=scenario)


def is_protocol(argument: str) -> bool:
    """Return whether an argument names a protocol to compare, and is not `key=value`."""
    key, equals, _ = argument.partition("=")
    return not equals or ":" in key or "+" in key


def read_protocol(written: str) -> tuple[str, Layer]:
    """Return the name and the changes of the variant that a protocol stands for, as in `build_comparison`.

    Raises ScenarioError.
    """
    variant = _parse_variant(written)
    return variant.name, variant.layer


def parse_target(written: str, *scenarios: Scenario) -> float:
    """Return the test error or loss of the option `--target`, such as `5%` or `0.05`, for all variants of scenarios.

    Raises ScenarioError.
    """
    variants = [variant for scenario in scenarios for variant in scenario.by_variant.values()]
    learning = [variant.learning for variant in variants if variant.learning is not None]
    if not learning:
        raise _target_error(written, "the scenario has no learning section, so there is no test error to reach")
    value = _parse_number(written)
    if value is None:
        raise _target_error(written, "this is not a number; give a test error such as 5% or 0.05, or a test loss")
    if any(section.data.shape.label == "class" for section in learning):
        if not 0.0 <= value < 1.0:
            percent = _parse_number(f"{written.strip()}%")
            meant = f"; did you mean {written.strip()}%?" if percent is not None and 0.0 < percent < 1.0 else ""
            raise _target_error(written, f"a test error must be at least 0 and less than 1{meant}")
    elif "%" in written:
        raise _target_error(written, "give a plain number; this scenario has a test loss and no test error")
    return value


def _parse_number(written: str) -> float | None:
    plain = written.strip().replace("_", "?")  # Python would read 1_0 as 10
    try:
        # 3.3 % must give the float 0.033; the float 3.3 / 100 is another one.
        value = float(Decimal(plain.removesuffix("%").strip()) / (100 if plain.endswith("%") else 1))
    except InvalidOperation:
        return None
    return value if math.isfinite(value) else None


def _target_error(written: str, message: str) -> ScenarioError:
    return ScenarioError(f"{ARGUMENT}: target {written}: {message}")


def _replace_variants(file: Layer, protocols: Sequence[str], overrides: Sequence[str]) -> Layer:
    """Return the file's layer with the protocols as its variants."""
    variants = [_parse_variant(written) for written in protocols]
    _refuse_duplicates(variants)
    _refuse_common_overrides(variants, overrides)
    for variant in variants:
        refuse_modulation(variant.written, variant.layer, file)
    rest = file.without("variants")
    marks = dict(rest.marks)
    for variant in variants:
        marks[("variants",)] = marks["variants", variant.name] = mark_argument(variant.written, 0, 0, ())
        marks.update({("variants", variant.name, *path): mark for path, mark in variant.layer.marks.items()})
    return Layer({**rest.tree, "variants": {variant.name: variant.layer.tree for variant in variants}}, marks)


def _parse_variant(written: str) -> _Variant:
    return _Variant(written, _make_name(written), parse_protocol(written))


def _make_name(written: str) -> str:
    """Return the variant's name: the argument in characters that a folder and a key may have."""
    name = re.sub(r"[^a-z0-9_]+", "-", re.sub(r"\s*=\s*", "", written.lower()).replace(".", "_")).strip("-_")
    if not name:
        raise argument_error(written, 0, "the name of the protocol is missing")
    if len(name) > _MAX_CHARACTERS:
        raise argument_error(written, 0, f"is too long for the name of a variant; the limit is {_MAX_CHARACTERS} characters")
    return name


def _refuse_duplicates(variants: Sequence[_Variant]) -> None:
    argument_of: dict[str, str] = {}
    for variant in variants:
        first = argument_of.get(variant.name)
        if first is not None:
            same = first == variant.written
            raise argument_error(
                variant.written, 0, "is given twice" if same else f"would be named {variant.name}, like {first!r}"
            )
        argument_of[variant.name] = variant.written


def _refuse_common_overrides(variants: Sequence[_Variant], overrides: Sequence[str]) -> None:
    """Raise ScenarioError for an override that sets the protocol or modulation of all, or undoes what one of them says."""
    has_modulation = any("learning" in variant.layer.tree for variant in variants)
    for override in overrides:
        tree = parse_override(Scenario, override).layer.tree
        protocol, learning = tree.get("protocol"), tree.get("learning")
        if "protocol" in tree and (not isinstance(protocol, dict) or "kind" in protocol):
            raise argument_error(override, 0, "would set the protocol of every variant, but this command compares protocols")
        sets_modulation = isinstance(learning, dict) and "modulation" in learning
        if has_modulation and (sets_modulation or ("learning" in tree and not isinstance(learning, dict))):
            raise argument_error(override, 0, "would set the modulation of every variant, but some variants have their own")
        for variant in variants:
            if find_clash(variant.layer.tree, tree) is not None:
                raise argument_error(override, 0, f"would undo {variant.written}; give one of them")
