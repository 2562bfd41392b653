"""Variants that learn nothing, compared by how fast they apply gradients."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.formats import format_factor, format_number, list_some
from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import SAME_TIME
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.single_variant import describe_busiest

MAX_COMPARED = 4
"""The most variants that a headline compares one by one."""


def compare_timing(variants: Sequence[VariantFacts]) -> str:
    """Return a comparison of rates with the reference variant, the fastest first.

    For a variant without a rate, it says only that the variant applied no gradient.
    """
    idle = [f"{variant.name} applied no gradient." for variant in variants if variant.rate is None]
    timed = [variant for variant in variants if variant.rate is not None]
    if not timed:
        return " ".join(idle)
    base = choose_reference(timed)
    groups = sorted(
        _group_by_rate([variant for variant in timed if variant is not base]), key=lambda group: -_get_rate(group[0])
    )
    sentences = [_compare_rates(group, base) for group in (groups if len(groups) <= MAX_COMPARED else groups[:1])]
    most = max(timed, key=lambda variant: variant.busiest.busy if variant.busiest else 0.0)
    if most.busiest is not None and most.busiest.busy > 0:
        sentences.append(f"Under {most.name}, {describe_busiest(most)}.")
    return " ".join([*sentences, *idle])


def _get_rate(variant: VariantFacts) -> float:
    return 0.0 if variant.rate is None else variant.rate.mean


def _group_by_rate(variants: Sequence[VariantFacts]) -> list[list[VariantFacts]]:
    """Group the variants with the same rate and staleness."""
    groups: dict[tuple[Spread | None, Spread | None], list[VariantFacts]] = {}
    for variant in variants:
        groups.setdefault((variant.rate, variant.staleness), []).append(variant)
    return list(groups.values())


def _compare_rates(group: Sequence[VariantFacts], base: VariantFacts) -> str:
    variant, names = group[0], list_some([variant.name for variant in group])
    verb = "apply" if len(group) > 1 else "applies"
    second = "second" if variant.measured or base.measured else "simulated second"
    rates = f"{format_number(_get_rate(variant))} gradients per {second} against {format_number(_get_rate(base))}"
    ratio = _get_rate(variant) / _get_rate(base)
    if abs(ratio - 1) <= SAME_TIME:
        return f"{names} {verb} gradients as fast as {base.name}: {rates}{_compare_staleness(variant, base)}."
    how = f"{format_factor(max(ratio, 1 / ratio))} {'faster' if ratio > 1 else 'slower'}"
    return f"{names} {verb} gradients {how} than {base.name}: {rates}{_compare_staleness(variant, base)}."


def _compare_staleness(variant: VariantFacts, base: VariantFacts) -> str:
    if variant.staleness is None or base.staleness is None:
        return ""
    return f", at a mean staleness of {format_number(variant.staleness.mean)} against {format_number(base.staleness.mean)}"
