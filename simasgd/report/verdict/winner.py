"""The best variant: the first at the given target, or the fastest at no worse score (docs/compare.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simasgd.report.facts.formats import format_duration, format_factor, format_range, format_several, list_some
from simasgd.report.facts.metric import Metric
from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import (
    compute_amount_tolerance,
    compute_least_difference,
    compute_score_tolerance,
)
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.report.verdict.competing import (
    MAX_NAMED,
    ONE_SEED,
    WHOLE,
    Scope,
    Winner,
    add_reference,
    have_one_seed,
    name_best,
    note_close_times,
)
from simasgd.report.verdict.first_at_target import find_first_at_target


class Competitor(NamedTuple):
    """A variant that finished and learned at every seed."""

    facts: VariantFacts
    score: Spread
    seconds: Spread


def list_competitors(variants: Sequence[VariantFacts]) -> list[Competitor]:
    """Return the variants that finished and learned at every seed, and have a time."""
    return [
        Competitor(variant, variant.score, variant.simulated_seconds)
        for variant in variants
        if not variant.failure and variant.score is not None and variant.simulated_seconds is not None
    ]


def find_winner(variants: Sequence[VariantFacts], scope: Scope = WHOLE) -> Winner:
    """Find the best of the variants, which must have the same metric.

    If the user gave a target that a variant reaches at every seed, it is the first to reach it.
    Otherwise it is the fastest among those whose score is no worse than the best. A variant competes if
    it finished and learned at every seed. A mean score is no worse if it differs from the best one by
    at most the least difference that counts. Times tie by the usual tolerance. The winners are compared
    with the next variant in time whose score is not clearly worse, and with the reference variant if
    that is such a one and later still.
    """
    return find_first_at_target(variants, scope) or _find_fastest(variants, scope)


def _find_fastest(variants: Sequence[VariantFacts], scope: Scope) -> Winner:
    competitors = list_competitors(variants)
    if not competitors:
        return Winner((), None, None, scope.say("no variant learns."))
    best = min(competitors, key=lambda variant: variant.score.mean)
    good = sorted((one for one in competitors if _is_no_worse(one, best)), key=lambda one: one.seconds.mean)
    fastest = good[0].seconds
    first = [one for one in good if one.seconds.mean - fastest.mean <= compute_amount_tolerance(one.seconds, fastest)]
    rivals = [one for one in competitors if _is_later(one, first) and _is_not_clearly_worse(one, best)]
    later = sorted(rivals, key=lambda one: one.seconds.mean)
    names = tuple(one.facts.name for one in first)
    if not later:
        return Winner(names, None, None, _describe_unrivalled(first, variants, competitors, scope))
    winners = [one.facts for one in first]
    than = later[0]
    ratio = than.seconds.mean / fastest.mean
    ratios = format_range([than.seconds.mean / one.seconds.mean for one in first], format_factor)
    note = note_close_times([*winners, than.facts], ratio)
    by_time = " by time" if all(_is_later(one, first) for one in competitors if one not in first) else ""
    further = [(one.facts, one.seconds) for one in later]
    also = add_reference(choose_reference(variants), than.facts, further, [one.seconds.mean for one in first])
    compared = f"{ratios} as fast as {than.facts.name}{note}{also}; {_compare_scores(first, than)}"
    sentence = f"{name_best(winners)}{by_time}: {compared}."
    return Winner(names, than.facts.name, ratio, scope.open(sentence))


def _is_later(one: Competitor, first: Sequence[Competitor]) -> bool:
    """Return whether a variant is none of the first, and slower than they."""
    seconds = min((it.seconds for it in first), key=lambda spread: spread.mean)
    is_slower = one.seconds.mean - seconds.mean > compute_amount_tolerance(one.seconds, seconds)
    return is_slower and all(one is not it for it in first)


def _compare_scores(first: Sequence[Competitor], than: Competitor) -> str:
    """Return a clause that compares the winners' scores with that of the next variant."""
    metric = than.facts.metric
    scores = f"({_list_scores(first, metric)} against {metric.format_value(than.score.mean)})"
    lead = min(first, key=lambda one: one.score.mean)
    less, more = sorted((lead, than), key=lambda one: one.score.mean)
    if _is_not_clearly_worse(more, less):
        return f"their {metric.plural} tie {scores}"
    whose = f"the {metric.name} of {than.facts.name}"
    return f"{whose} is {'worse' if less is lead else 'better'} {scores}"


def describe_tradeoff(variants: Sequence[VariantFacts], winner: Winner) -> str:
    """Return a sentence about the best of the variants that are faster than the winner, but have a worse mean score.

    Of several it is the one with the best score; "" if there is none, or a target decides.
    """
    competitors = list_competitors(variants)
    first = [one for one in competitors if one.facts.name in winner.names]
    if not first or winner.at_target:
        return ""
    fastest = min((one.seconds for one in first), key=lambda seconds: seconds.mean)
    best = min(competitors, key=lambda one: one.score.mean)
    faster = [
        one
        for one in competitors
        if not _is_no_worse(one, best) and fastest.mean - one.seconds.mean > compute_amount_tolerance(one.seconds, fastest)
    ]
    if not faster:
        return ""
    other = min(faster, key=lambda one: one.score.mean)
    metric = other.facts.metric
    alike = _is_not_clearly_worse(other, best)
    ratio = format_range([one.seconds.mean / other.seconds.mean for one in first], format_factor)
    start = f"{other.facts.title} is {ratio} as fast as {list_some([one.facts.name for one in first], MAX_NAMED)}"
    if alike:
        scores = list_some(list(dict.fromkeys(map(_say_over_seeds, first))), MAX_NAMED)
        return f"{start} and not clearly worse: {_say_over_seeds(other)} against {scores}."
    score, note = metric.format_value(other.score.mean), _note_close_scores(other, best)
    return f"{start} but worse: {score} against {_list_scores(first, metric)}{note}."


def _say_over_seeds(one: Competitor) -> str:
    form = one.facts.metric.format_value
    between = one.score.range(form)
    return f"{form(one.score.mean)}{f' ({between} over the seeds)' if between else ''}"


def _count_tests(one: Competitor, best: Competitor) -> int | None:
    """Return the size of the smaller test set."""
    known = [size for size in (one.facts.test_samples, best.facts.test_samples) if size is not None]
    return min(known, default=None)


def _is_no_worse(one: Competitor, best: Competitor) -> bool:
    """Return whether the mean score exceeds the best one by no difference that counts."""
    limit = compute_least_difference(one.score, best.score, best.facts.metric, _count_tests(one, best))
    return one.score.mean - best.score.mean <= limit


def _is_not_clearly_worse(one: Competitor, best: Competitor) -> bool:
    """Return whether the difference to the best score is within chance over the seeds."""
    limit = compute_score_tolerance(one.score, best.score, best.facts.metric, _count_tests(one, best))
    return one.score.mean - best.score.mean <= limit


def _note_close_scores(worse: Competitor, best: Competitor) -> str:
    """Return the note on one seed if a worse score is closer than twice the least difference, else ""."""
    limit = 2.0 * compute_least_difference(worse.score, best.score, best.facts.metric, _count_tests(worse, best))
    is_close = worse.score.mean - best.score.mean < limit and have_one_seed([worse.facts, best.facts])
    return ONE_SEED if is_close else ""


def _list_scores(first: Sequence[Competitor], metric: Metric) -> str:
    return format_several([one.score.mean for one in first], metric.format_value)


def _describe_unrivalled(
    first: Sequence[Competitor], variants: Sequence[VariantFacts], competitors: Sequence[Competitor], scope: Scope
) -> str:
    metric, names = first[0].facts.metric, [one.facts for one in first]
    if len(first) == len(variants):
        return f"{scope.say_tie(names)}: they take equally long, and none has a worse {metric.name} than another."
    results = [f"{metric.describe(one.score.mean)} in {format_duration(one.seconds.mean)}" for one in first]
    if len(first) == len(competitors) == 1:
        return f"{scope.say(f'only {first[0].facts.title} learns')}: {results[0]}."
    best = min(competitors, key=lambda one: one.score.mean)
    rest = [one for one in competitors if one not in first]
    rivals = [one.facts.name for one in rest if _is_not_clearly_worse(one, best)]
    note = _note_close_scores(min(rest, key=lambda one: one.score.mean), best) if rest and not rivals else ""
    others = f"no other variant learns as well{note}"
    if rivals:
        others = f"{list_some(rivals, MAX_NAMED)} {'are' if len(rivals) > 1 else 'is'} not clearly worse"
    return scope.open(f"{name_best(names)}: {list_some(results, MAX_NAMED)}; {others}.")
