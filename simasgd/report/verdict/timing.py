"""Variants that learn nothing, compared by how fast they apply samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simasgd.report.facts.formats import format_factor, format_number, format_range, list_some
from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import compute_amount_tolerance
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.verdict.competing import MAX_NAMED, note_close_times
from simasgd.report.verdict.failures import describe_failures
from simasgd.report.verdict.fault_effects import compare_effects
from simasgd.report.verdict.time_lost import describe_time_lost


class Fastest(NamedTuple):
    """The variants that apply the most samples per second, and those that finish later with their rates, fastest first."""

    first: Sequence[tuple[VariantFacts, Spread]]
    later: Sequence[tuple[VariantFacts, Spread]]

    @property
    def names(self) -> list[str]:
        """The names of the fastest."""
        return [variant.name for variant, _ in self.first]


def find_fastest(variants: Sequence[VariantFacts]) -> Fastest:
    """Find the fastest variants. Variants that hung or applied nothing have no rate, and do not compete."""
    timed = [
        (variant, variant.samples_rate) for variant in variants if not variant.failure and variant.samples_rate is not None
    ]
    most = max((rate for _, rate in timed), key=lambda rate: rate.mean, default=None)
    if most is None:
        return Fastest((), ())
    first = [(variant, rate) for variant, rate in timed if most.mean - rate.mean <= compute_amount_tolerance(rate, most)]
    later = sorted((pair for pair in timed if pair not in first), key=lambda pair: pair[1].mean, reverse=True)
    return Fastest(first, later)


def compare_timing(variants: Sequence[VariantFacts]) -> list[str]:
    """Return the fastest variants by applied samples per second, the failures, and what the reference loses time to.

    The fastest are compared with the next, and with the reference if that is another one.
    """
    fastest, failures = find_fastest(variants), describe_failures(variants)
    if not fastest.first:
        return ["No variant finishes.", *failures]
    first, means = [variant for variant, _ in fastest.first], [rate.mean for _, rate in fastest.first]
    rates, names = _describe_rates(means, first[0]), list_some(fastest.names, MAX_NAMED)
    effects = compare_effects(variants)
    if not fastest.later:
        if len(first) == len(variants):
            return [f"All tie: they apply {rates}.", *effects]
        verb = "finish, and tie" if len(first) > 1 else "finishes"
        return [f"Only {names} {verb}: {rates}.", *effects, *failures]
    base = choose_reference([variant for variant, _ in (*fastest.first, *fastest.later)])
    (than, rate), base_rate = fastest.later[0], next((rate for variant, rate in fastest.later if variant is base), None)
    note = note_close_times([*first, than], max(means) / rate.mean)
    compared = f"{_compare_rates(means, rate)} as many as {than.name}{note}"
    if base_rate is not None and base is not than:
        compared += f", and {_compare_rates(means, base_rate)} as many as {base.name}"
    slower = base if base_rate is not None else than
    verb = "tie as fastest" if len(first) > 1 else "is fastest"
    sentence = f"{names} {verb}: {rates}, {compared}{_compare_staleness(first, slower)}."
    return [*filter(None, (sentence, *failures, *effects, describe_time_lost(slower, first[0])))]


def _compare_rates(means: Sequence[float], rate: Spread) -> str:
    return format_range([one / rate.mean for one in means], format_factor)


def _describe_rates(means: Sequence[float], variant: VariantFacts) -> str:
    return f"{format_range(means, format_number)} samples per {variant.second}"


def _compare_staleness(first: Sequence[VariantFacts], than: VariantFacts) -> str:
    staleness = [variant.staleness.mean for variant in first if variant.staleness is not None]
    if not staleness or than.staleness is None or len({*map(format_number, staleness)}) > 1:
        return ""
    here, there = format_number(staleness[0]), format_number(than.staleness.mean)
    return "" if here == there else f", at a mean staleness of {here} against {there}"
