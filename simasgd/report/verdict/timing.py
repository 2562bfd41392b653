"""Variants that learn nothing, compared by how fast they apply samples."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.formats import format_factor, format_number, format_range, list_some
from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.tolerances import compute_amount_tolerance
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.verdict.competing import MAX_NAMED, note_close_times
from simasgd.report.verdict.failures import describe_failures
from simasgd.report.verdict.time_lost import describe_time_lost


def compare_timing(variants: Sequence[VariantFacts]) -> list[str]:
    """Return the fastest variants by applied samples per second, the failures, and what the reference loses time to.

    Variants that hung or applied nothing have no rate, and do not compete.
    """
    timed = [
        (variant, variant.samples_rate) for variant in variants if not variant.failure and variant.samples_rate is not None
    ]
    failures = describe_failures(variants)
    if not timed:
        return ["No variant finishes.", *failures]
    most = max((rate for _, rate in timed), key=lambda rate: rate.mean)
    first = [variant for variant, rate in timed if most.mean - rate.mean <= compute_amount_tolerance(rate, most)]
    means = [rate.mean for variant, rate in timed if variant in first]
    rates = _describe_rates(means, first[0])
    later = sorted(
        ((variant, rate) for variant, rate in timed if variant not in first), key=lambda pair: pair[1].mean, reverse=True
    )
    if not later:
        if len(first) == len(variants):
            return [f"All tie: they apply {rates}."]
        names = list_some([variant.name for variant in first], MAX_NAMED)
        verb = "finish, and tie" if len(first) > 1 else "finishes"
        return [f"Only {names} {verb}: {rates}.", *failures]
    base = choose_reference([variant for variant, _ in timed])
    than, rate = next((pair for pair in later if pair[0] is base), later[0])
    names = list_some([variant.name for variant in first], MAX_NAMED)
    verb = "tie as fastest" if len(first) > 1 else "is fastest"
    sentence = (
        f"{names} {verb}: {rates}, {format_range([one / rate.mean for one in means], format_factor)} as many as {than.name}"
        f"{_compare_staleness(first, than)}{note_close_times([*first, than], most.mean / rate.mean)}."
    )
    return [*filter(None, (sentence, *failures, describe_time_lost(than, first[0])))]


def _describe_rates(means: Sequence[float], variant: VariantFacts) -> str:
    return f"{format_range(means, format_number)} samples per {variant.second}"


def _compare_staleness(first: Sequence[VariantFacts], than: VariantFacts) -> str:
    staleness = [variant.staleness.mean for variant in first if variant.staleness is not None]
    if not staleness or than.staleness is None or len({*map(format_number, staleness)}) > 1:
        return ""
    here, there = format_number(staleness[0]), format_number(than.staleness.mean)
    return "" if here == there else f", at a mean staleness of {here} against {there}"
