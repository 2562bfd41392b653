"""The variants that the verdict names first, for sections that have no room for all."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.verdict.winner import find_winner


def list_leading(variants: Sequence[VariantFacts]) -> list[str]:
    """Return the names of the best variants, and of the one that they are compared with.

    Variants that learn nothing are compared by their speed.
    """
    learning = [variant for variant in variants if variant.classes is not None]
    metrics = {variant.metric.key: variant.metric for variant in learning}
    found = []
    for metric in metrics.values():
        winner = find_winner([variant for variant in learning if variant.metric is metric])
        found += [*winner.names[:1], *([winner.than] if winner.than else [])]
    if found:
        return found
    timed = [(variant, rate.mean) for variant in variants if not variant.failure and (rate := variant.samples_rate) is not None]
    if not timed:
        return []
    fastest, _ = max(timed, key=lambda pair: pair[1])
    return [fastest.name, choose_reference([variant for variant, _ in timed]).name]
