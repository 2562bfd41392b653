"""Final test errors and losses in words."""

from __future__ import annotations

from simasgd.report.facts.metric import ERROR
from simasgd.report.facts.variant_facts import VariantFacts


def describe_score(variant: VariantFacts) -> str:
    """Return the final test error or test loss in words, or where the run diverged."""
    if variant.diverged:
        return describe_divergence(variant)
    if variant.score is None:
        return "no test error" if variant.metric is ERROR else "an infinite test loss"
    return variant.metric.describe(variant.score.mean)


def describe_divergence(variant: VariantFacts) -> str:
    """Return at which update a variant diverged first, and at how many of its seeds."""
    first = min(variant.diverged, key=lambda found: found.update)
    where = f"diverged at update {first.update:,}"
    if len(variant.seeds) == 1:
        return where
    seeds = (
        "every seed"
        if len(variant.diverged) == len(variant.seeds)
        else f"{len(variant.diverged)} of {len(variant.seeds)} seeds"
    )
    return f"{where} ({seeds})" if len(variant.diverged) == 1 else f"{where} at the earliest ({seeds})"
