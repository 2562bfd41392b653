"""The best variant at no worse score, and how much faster it is (docs/compare.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simasgd.report.facts.formats import format_duration, format_factor, list_some
from simasgd.report.facts.reference import choose_reference
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import compute_amount_tolerance, compute_least_difference, compute_score_tolerance
from simasgd.report.facts.variant_facts import VariantFacts

_MAX_NAMED = 4


class Winner(NamedTuple):
    """The best variants: several if they tie, none if no variant learns.

    `than` is the variant that they are compared with, `sooner` the ratio of its time to theirs, and
    `sentence` says all that.
    """

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
    """Find the fastest variant among those whose score is no worse than the best.

    The variants must have the same metric. A variant competes if it finished and learned at every
    seed. A mean score is no worse if it differs from the best mean score by less than the least
    difference that counts, whatever the range over the seeds. Times tie by the usual tolerance. The
    winners are compared with the reference variant if its score is no worse either, otherwise with
    the next variant in time.
    """
    competitors = [
        _Competitor(variant, variant.score, variant.simulated_seconds)
        for variant in variants
        if not variant.failure and variant.score is not None and variant.simulated_seconds is not None
    ]
    if not competitors:
        return Winner((), None, None, "No variant learns.")
    metric = competitors[0].facts.metric
    best = min(competitors, key=lambda variant: variant.score.mean)
    least = [compute_least_difference(variant.score, best.score, metric) for variant in competitors]
    good = [
        variant
        for variant, difference in zip(competitors, least, strict=True)
        if variant.score.mean - best.score.mean <= difference
    ]
    good.sort(key=lambda variant: variant.seconds.mean)
    fastest = good[0].seconds
    first = [
        variant for variant in good if variant.seconds.mean - fastest.mean <= compute_amount_tolerance(variant.seconds, fastest)
    ]
    later = [variant for variant in good if variant not in first]
    names = tuple(variant.facts.name for variant in first)
    if not later:
        rivals = [variant for variant in competitors if variant not in good and _is_not_clearly_worse(variant, best)]
        return Winner(names, None, None, _describe_unrivalled(first, variants, rivals))
    base = choose_reference(variants)
    than = next((variant for variant in later if variant.facts is base), later[0])
    ratio = than.seconds.mean / fastest.mean
    scores = list_some([metric.format_value(variant.score.mean) for variant in first], _MAX_NAMED)
    sentence = (
        f"{_name_best(first)}: {format_factor(ratio)} faster than {than.facts.name} at no worse {metric.name}, "
        f"{scores} against {metric.format_value(than.score.mean)}."
    )
    return Winner(names, than.facts.name, ratio, sentence)


def _name_best(first: Sequence[_Competitor]) -> str:
    """Return, for example, `all-reduce (α₀/τ) is best` or `a and b are best`."""
    names = list_some([variant.facts.title for variant in first], _MAX_NAMED)
    return f"{names} {'are' if len(first) > 1 else 'is'} best"


def _is_not_clearly_worse(variant: _Competitor, best: _Competitor) -> bool:
    """Return whether a score differs from the best one by less than the tolerance."""
    return variant.score.mean - best.score.mean <= compute_score_tolerance(variant.score, best.score, best.facts.metric)


def _describe_unrivalled(first: Sequence[_Competitor], variants: Sequence[VariantFacts], rivals: Sequence[_Competitor]) -> str:
    metric = first[0].facts.metric
    if len(first) == len(variants):
        return f"No variant is best: all take equally long, and none has a worse {metric.name} than another."
    results = [f"{metric.describe(variant.score.mean)} in {format_duration(variant.seconds.mean)}" for variant in first]
    others = "no other variant learns as well"
    if rivals:
        names = list_some([variant.facts.name for variant in rivals], _MAX_NAMED)
        others = f"{names} {'are' if len(rivals) > 1 else 'is'} not clearly worse"
    return f"{_name_best(first)}: {list_some(results, _MAX_NAMED)}; {others}."
