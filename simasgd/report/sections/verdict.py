"""The headline of a report: the outcome in sentences, as a function of the facts alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simasgd.report.facts.formats import list_some
from simasgd.report.facts.metric import ERROR, LOSS
from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.sections.faults import describe_hang
from simasgd.report.sections.reference_comparison import (
    compare_with_reference,
    compute_throughput,
    describe_speed,
    judge_quality,
)
from simasgd.report.sections.single_variant import describe_single
from simasgd.report.sections.timing_comparison import MAX_COMPARED, compare_timing
from simasgd.report.sections.winner import Winner, find_winner


def state_verdict(variants: Sequence[VariantFacts]) -> str:
    """Return the sentences at the top of the report.

    They name first the variants that hang, then the best variant, then the others.
    """
    return " ".join(filter(None, (*map(describe_hang, variants), _describe_outcomes(variants))))


def _describe_outcomes(variants: Sequence[VariantFacts]) -> str:
    if len(variants) == 1:
        return describe_single(variants[0])
    # Variants that hang were named before, and are not compared.
    variants = [variant for variant in variants if not variant.hangs]
    if not variants:
        return "No variant finishes."
    if len(variants) == 1:
        return f"Only {variants[0].name} does not hang. {describe_single(variants[0])}"
    learning = [variant for variant in variants if variant.classes is not None]
    timing = [variant for variant in variants if variant.classes is None]
    if not learning:
        return compare_timing(timing)
    base = choose_reference(learning)
    beside = " ".join(f"{variant.title} {describe_speed(variant, base)[0]} and learns nothing." for variant in timing)
    if len(learning) == 1:
        return f"{describe_single(base)} {beside}"
    return f"{_compare_learning(base, learning)} {beside}".strip()


def _compare_learning(base: VariantFacts, learning: Sequence[VariantFacts]) -> str:
    """Return the winner by each metric, and the other variants beside the reference."""
    by_metric = [[variant for variant in learning if variant.metric is metric] for metric in (ERROR, LOSS)]
    winners = [find_winner(variants) for variants in by_metric if len(variants) > 1]
    compared = {name for winner in winners for name in _list_compared(winner, base)}
    others = [variant for variant in learning if variant is not base]
    rest = [variant for variant in others if variant.name not in compared]
    has_many = len(others) > MAX_COMPARED
    sentences = [winner.sentence for winner in winners]
    sentences += [compare_with_reference(variant, base) for variant in (_find_extremes(rest) if has_many else rest)]
    return " ".join([*sentences, *([_count_qualities(base, others)] if has_many else [])])


def _list_compared(winner: Winner, base: VariantFacts) -> Sequence[str]:
    """Return the variants that the winner's sentence compares with the reference."""
    if winner.than == base.name:
        return winner.names
    return [winner.than] if winner.than is not None and base.name in winner.names else []


def _find_extremes(others: Sequence[VariantFacts]) -> list[VariantFacts]:
    """Return the fastest variant that learns, and the one with the best score."""
    learning = [variant for variant in others if not variant.failure and variant.score is not None]
    learning = [variant for variant in learning if variant.metric is others[0].metric]
    if not learning:
        return []
    fastest = max(learning, key=compute_throughput)
    best = min(learning, key=lambda variant: variant.score.mean if variant.score else math.inf)
    return [fastest] if best is fastest else [fastest, best]


def _count_qualities(base: VariantFacts, others: Sequence[VariantFacts]) -> str:
    qualities = [judge_quality(variant, base) for variant in others]
    phrases = {  # singular and plural
        "fails": ("fails to learn", "fail to learn"),
        "worse": ("is worse", "are worse"),
        "same": ("is no worse", "are no worse"),
        "better": ("is better", "are better"),
        "learns": ("learns", "learn"),
        "other": ("is judged by another metric", "are judged by another metric"),
    }
    counts = {quality: qualities.count(quality) for quality in phrases if quality in qualities}
    failing = [variant.name for variant, quality in zip(others, qualities, strict=True) if quality == "fails"]
    names = f" ({list_some(failing, MAX_COMPARED)})"
    counted = [
        f"{count} {phrases[quality][count > 1]}{names if quality == 'fails' else ''}" for quality, count in counts.items()
    ]
    return f"Of the {len(others)} variants compared with {base.name}, {list_some(counted, 5)}."
