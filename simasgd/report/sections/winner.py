"""Which variant is best at no worse error, and by how much sooner. The rule of docs/compare.md, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simasgd.report.facts.formats import Spread, format_duration, format_factor, list_some
from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.tolerances import compute_amount_tolerance, compute_least_difference, compute_score_tolerance
from simasgd.report.facts.variant_facts import VariantFacts

_MOST_NAMED = 4


class Winner(NamedTuple):
    """The best variants (several where they are as good and as soon as each other; none where no variant learns), the one they
    are compared with, how many times sooner than it they are, and all that in a sentence."""

    names: tuple[str, ...]
    than: str | None
    sooner: float | None
    sentence: str


class _Competitor(NamedTuple):
    """A variant that finished and learned at every seed."""

    facts: VariantFacts
    score: Spread
    seconds: Spread


def find_winner(variants: Sequence[VariantFacts]) -> Winner:
    """Of several variants that are judged by the same metric, the soonest of those whose score is no worse than the best.

    Those compete that finished and learned at every seed. A mean score is no worse if it exceeds the best one by less than
    counts as a difference, however far the seeds are apart; times tie as everywhere. The winners are compared with the
    reference variant if its score is no worse either, and else with the next in time.
    """
    able = [
        _Competitor(one, one.score, one.simulated_seconds)
        for one in variants
        if not one.failure and one.score is not None and one.simulated_seconds is not None
    ]
    if not able:
        return Winner((), None, None, "No variant learns.")
    metric = able[0].facts.metric
    best = min(able, key=lambda one: one.score.mean)
    good = [one for one in able if one.score.mean - best.score.mean <= compute_least_difference(one.score, best.score, metric)]
    good.sort(key=lambda one: one.seconds.mean)
    soonest = good[0]
    first = [
        one for one in good if one.seconds.mean - soonest.seconds.mean <= compute_amount_tolerance(one.seconds, soonest.seconds)
    ]
    later = [one for one in good if one not in first]
    names = tuple(one.facts.name for one in first)
    if not later:
        rivals = [one for one in able if one not in good and _is_not_clearly_worse(one, best)]
        return Winner(names, None, None, _describe_unrivalled(first, variants, rivals))
    base = choose_reference(variants)
    than = next((one for one in later if one.facts is base), later[0])
    ratio = than.seconds.mean / soonest.seconds.mean
    said = (
        f"{_name_best(first)}: {format_factor(ratio)} sooner than {than.facts.name} at no worse {metric.name}, "
        f"{list_some([metric.form(one.score.mean) for one in first], _MOST_NAMED)} against {metric.form(than.score.mean)}."
    )
    return Winner(names, than.facts.name, ratio, said)


def _name_best(first: Sequence[_Competitor]) -> str:
    """`all-reduce (α₀/τ) is best`, `a and b are best`."""
    return f"{list_some([one.facts.title for one in first], _MOST_NAMED)} {'are' if len(first) > 1 else 'is'} best"


def _is_not_clearly_worse(one: _Competitor, best: _Competitor) -> bool:
    """Whether a worse mean is no further from the best than either varies over the seeds."""
    return one.score.mean - best.score.mean <= compute_score_tolerance(one.score, best.score, best.facts.metric)


def _describe_unrivalled(first: Sequence[_Competitor], variants: Sequence[VariantFacts], rivals: Sequence[_Competitor]) -> str:
    metric = first[0].facts.metric
    if len(first) == len(variants):
        return f"No variant is best: all are as soon, and none has a worse {metric.name} than another."
    scores = list_some(
        [f"{metric.describe(one.score.mean)} in {format_duration(one.seconds.mean)}" for one in first], _MOST_NAMED
    )
    others = "no other learns as well"
    if rivals:
        names = list_some([one.facts.name for one in rivals], _MOST_NAMED)
        others = f"{names} {'are' if len(rivals) > 1 else 'is'} not clearly worse"
    return f"{_name_best(first)}: {scores}; {others}."
