"""What the best variants differ in besides what decides, and what else the next variant is like."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.formats import format_bytes, format_duration, format_several, join_words, list_some
from simasgd.report.facts.tolerances import compute_amount_tolerance, compute_score_tolerance
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.verdict.competing import MAX_NAMED, Winner

_MUCH = 1.5
"""The ratio from which the bytes of variants that tie differ much."""


def describe_ties(variants: Sequence[VariantFacts], winner: Winner) -> list[str]:
    """Return sentences about variants that tie as best: which of them others dominate, and which send much less."""
    best = [variant for variant in variants if variant.name in winner.names]
    return [*_describe_dominated(best), *_describe_bytes(best)] if len(best) > 1 else []


def find_dominated(best: Sequence[VariantFacts]) -> dict[str, list[VariantFacts]]:
    """Return which of the best variants dominate each of them: no worse in score and time, and not tied in both."""
    found = {one.name: [other for other in best if _dominates(other, one)] for one in best}
    return {name: others for name, others in found.items() if others}


def _dominates(one: VariantFacts, other: VariantFacts) -> bool:
    if one.score is None or other.score is None or one.simulated_seconds is None or other.simulated_seconds is None:
        return False
    pairs = (one.score.mean, other.score.mean), (one.simulated_seconds.mean, other.simulated_seconds.mean)
    if any(mine > theirs for mine, theirs in pairs) or all(mine == theirs for mine, theirs in pairs):
        return False
    tests = min((size for size in (one.test_samples, other.test_samples) if size is not None), default=None)
    ties = (
        other.score.mean - one.score.mean <= compute_score_tolerance(one.score, other.score, one.metric, tests),
        other.simulated_seconds.mean - one.simulated_seconds.mean
        <= compute_amount_tolerance(one.simulated_seconds, other.simulated_seconds),
    )
    return not all(ties)


def _describe_dominated(best: Sequence[VariantFacts]) -> list[str]:
    by_name = {variant.name: variant for variant in best}
    return [
        f"Over the whole run, {name} is dominated by {list_some([other.name for other in others], MAX_NAMED)}: "
        f"{_say_result(by_name[name])} against {_say_result(others[0])}."
        for name, others in find_dominated(best).items()
    ]


def _say_result(variant: VariantFacts) -> str:
    assert variant.score is not None
    assert variant.simulated_seconds is not None
    return f"{variant.metric.format_value(variant.score.mean)} in {format_duration(variant.simulated_seconds.mean)}"


def _describe_bytes(best: Sequence[VariantFacts]) -> list[str]:
    """Return how much the variants send, if one sends much less than another."""
    sent = sorted(((one.bytes_sent.mean, one.name) for one in best if one.bytes_sent is not None), key=lambda pair: pair[0])
    if len(sent) < len(best) or sent[-1][0] < _MUCH * sent[0][0]:
        return []
    least = [name for amount, name in sent if amount * _MUCH <= sent[-1][0]]
    few, many = ([amount for amount, name in sent if (name in least) == is_few] for is_few in (True, False))
    verb, others = "send" if len(least) > 1 else "sends", [name for _, name in sent if name not in least]
    amounts = f"{format_several(few, format_bytes)}, {join_words(others) if len(others) <= MAX_NAMED else 'the others'}"
    return [f"{list_some(least, MAX_NAMED)} {verb} {amounts} {format_several(many, format_bytes)}."]


def describe_way_to_target(variants: Sequence[VariantFacts], winner: Winner) -> str:
    """Return how the best variant compares with the next on the way to the target of the comparison.

    "" if a given target decides, or one of both does not reach the target at every seed.
    """
    if winner.than is None or winner.at_target:
        return ""
    by_name = {variant.name: variant for variant in variants}
    best, than = by_name[winner.names[0]], by_name[winner.than]
    if best.reach is None or than.reach is None or best.reach.seconds is None or than.reach.seconds is None:
        return ""
    if best.reach.reached < len(best.seeds) or than.reach.reached < len(than.seeds):
        return ""
    here, there = best.reach.seconds, than.reach.seconds
    target, times = (
        best.metric.describe(best.reach.value),
        f"{format_duration(here.mean)} against {format_duration(there.mean)}",
    )
    if abs(here.mean - there.mean) <= compute_amount_tolerance(here, there):
        return f"Their times to {target} tie ({times})."
    if here.mean < there.mean:
        return f"{best.name} also reaches {target} sooner ({times})."
    return f"But {than.name} reaches {target} sooner ({format_duration(there.mean)} against {format_duration(here.mean)})."
