"""The headings of the pages of runs and comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.comparison.comparison import MetricComparison
from simasgd.report.facts.formats import list_some, spell_count
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.verdict.timing import find_fastest
from simasgd.report.verdict.winner import find_winner
from simasgd.results.study import Study

_MAX_NAMED = 4


def name_kind(study: Study, variants: Sequence[VariantFacts]) -> str:
    """Return the line above the heading: what kind of page it is, and of which scenario."""
    measured = [variant.measured for variant in variants]
    if len(variants) == 1:
        return "Report on a measured run" if all(measured) else "Run report"
    origin = "" if not any(measured) else "measured " if all(measured) else "simulated and measured "
    return f"{study.scenario.name}: comparison of {spell_count(len(variants), f'{origin}variant')}"


def name_study(study: Study, variants: Sequence[VariantFacts], compared: Sequence[MetricComparison]) -> str:
    """Return the heading: the name of a lone run, or who is best, and at which target if the user gave one.

    Where nobody is best, or variants are judged apart by their metrics, it says what is compared.
    """
    if len(variants) == 1:
        return f"{study.scenario.name}: {study.variant}" if study.variant else study.scenario.name
    names = list_some([variant.name for variant in variants], _MAX_NAMED)
    targets = [
        comparison.metric.describe(comparison.target)
        for comparison in compared
        if comparison.given and comparison.target is not None
    ]
    if targets:
        return f"{_name_winner(variants) or names}: time to {list_some(targets)}"
    return _name_winner(variants) or f"{names} compared"


def _name_winner(variants: Sequence[VariantFacts]) -> str:
    """Return who is best of how many; "" if nobody is, or not all variants learn by the same metric."""
    if all(one.classes is None for one in variants):
        return _name_fastest(variants)
    if any(one.classes is None for one in variants) or len({one.metric for one in variants}) > 1:
        return ""
    best = find_winner(variants).names
    if not best:
        return ""
    if len(best) == len(variants):
        return f"{list_some(best, _MAX_NAMED)} tie"
    verb = "tie as best" if len(best) > 1 else "is best"
    return f"{list_some(best, _MAX_NAMED)} {verb} of {spell_count(len(variants), 'variant')}"


def _name_fastest(variants: Sequence[VariantFacts]) -> str:
    """Return which of how many variants that learn nothing is fastest; "" if none finishes."""
    names = find_fastest(variants).names
    if len(names) == len(variants):
        return f"{list_some(names, _MAX_NAMED)} tie"
    verb = "tie as fastest" if len(names) > 1 else "is fastest"
    return f"{list_some(names, _MAX_NAMED)} {verb} of {spell_count(len(variants), 'variant')}" if names else ""
