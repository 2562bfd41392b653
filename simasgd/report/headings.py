"""The headings of the pages of runs and comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.comparison.comparison import MetricComparison
from simasgd.report.facts.formats import list_some, spell_count
from simasgd.report.facts.variant_facts import VariantFacts
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
    """Return the heading: the name of a lone run, or what is compared, and at which target if the user gave one."""
    if len(variants) == 1:
        return f"{study.scenario.name}: {study.variant}" if study.variant else study.scenario.name
    names = list_some([variant.name for variant in variants], _MAX_NAMED)
    targets = [
        comparison.metric.describe(comparison.target)
        for comparison in compared
        if comparison.given and comparison.target is not None
    ]
    return f"{names}: time to {list_some(targets)}" if targets else f"{names} compared"
