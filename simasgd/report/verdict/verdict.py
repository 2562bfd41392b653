"""The verdict at the top of a report, as a function of the facts alone.

The page, the terminal and the JSON files say the same sentences (docs/compare.md states the rule).
"""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.facts.formats import format_duration, join_words, list_some, use_plain_spaces
from simasgd.report.facts.metric import ERROR, LOSS
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.verdict.competing import Scope
from simasgd.report.verdict.failures import describe_failures
from simasgd.report.verdict.fault_effects import compare_effects
from simasgd.report.verdict.first_at_target import describe_missed
from simasgd.report.verdict.single import describe_single
from simasgd.report.verdict.ties import describe_ties, describe_way_to_target
from simasgd.report.verdict.time_lost import describe_time_lost
from simasgd.report.verdict.timing import compare_timing
from simasgd.report.verdict.winner import describe_tradeoff, find_winner
from simasgd.results.outcome import Outcome

_WITHOUT_TIME = {Outcome.HUNG, Outcome.APPLIED_NOTHING}


def state_plainly(variants: Sequence[VariantFacts]) -> str:
    """Return the verdict with plain spaces, for JSON, terminals and Python."""
    return use_plain_spaces(state_verdict(variants))


def state_verdict(variants: Sequence[VariantFacts]) -> str:
    """Return the verdict: who is best, what else may be worth it, who fails and why, and what time is lost to."""
    return " ".join(list_sentences(variants))


def list_sentences(variants: Sequence[VariantFacts]) -> list[str]:
    """Return the sentences of the verdict, the answer first."""
    if len(variants) == 1:
        return describe_single(variants[0])
    learning = [variant for variant in variants if variant.classes is not None]
    timing = [variant for variant in variants if variant.classes is None]
    if not learning:
        return compare_timing(timing)
    if not any(set(variant.outcomes) - _WITHOUT_TIME for variant in variants):
        return ["No variant finishes.", *describe_failures(variants)]
    by_metric = [chosen for metric in (ERROR, LOSS) if (chosen := [one for one in learning if one.metric is metric])]
    judged = [sentence for chosen in by_metric for sentence in _judge(chosen, variants)]
    if not any(find_winner(chosen).names for chosen in by_metric):
        judged = ["No variant learns."]
    lost = [_describe_loss(chosen) for chosen in by_metric]
    effects = compare_effects(variants)
    return [*filter(None, (*judged, *describe_failures(variants), *effects, *lost, *_describe_beside(timing)))]


def _judge(variants: Sequence[VariantFacts], every: Sequence[VariantFacts]) -> list[str]:
    """Return the sentences about the best of the variants with the same metric, of all variants."""
    metric = variants[0].metric
    has_others = any(one.classes is not None and one.metric is not metric for one in every)
    if len(variants) == 1:
        return [_describe_without_rival(variants[0], "; others have another metric" if has_others else "")]
    scope = Scope(f"By {metric.name}" if has_others else "", is_whole=len(variants) == len(every))
    winner = find_winner(variants, scope)
    ties = [describe_way_to_target(variants, winner), *describe_ties(variants, winner)]
    return [describe_missed(variants), winner.sentence, *ties, describe_tradeoff(variants, winner)]


def _describe_loss(variants: Sequence[VariantFacts]) -> str:
    """Return what the variant that the winner is compared with loses its time to; "" if that is not plain."""
    winner = find_winner(variants)
    by_name = {variant.name: variant for variant in variants}
    lost = "" if winner.than is None else describe_time_lost(by_name[winner.than], by_name[winner.names[0]])
    return f"Over the whole run: {lost}" if lost and winner.at_target else lost


def _describe_without_rival(variant: VariantFacts, others: str) -> str:
    """Return what the only variant with its metric reaches; "" if it fails."""
    if variant.failure or variant.score is None or variant.simulated_seconds is None:
        return ""
    reached, time = variant.metric.describe(variant.score.mean), format_duration(variant.simulated_seconds.mean)
    return f"{variant.title} reaches {reached} in {time}{others}."


def _describe_beside(timing: Sequence[VariantFacts]) -> list[str]:
    """Return a sentence about the variants that learn nothing."""
    timed = [
        f"{variant.name} in {format_duration(variant.simulated_seconds.mean)}"
        for variant in timing
        if not variant.failure and variant.simulated_seconds is not None
    ]
    if not timed:
        return []
    return [f"Without learning: {join_words(timed) if len(timed) < 4 else list_some(timed)}."]
