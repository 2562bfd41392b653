"""The best variant at no worse score, and how much faster it is (docs/compare.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simasgd.report.facts.formats import format_duration, format_factor, list_some
from simasgd.report.facts.metric import Metric
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


def find_winner(variants: Sequence[VariantFacts]) -> Winner:
    """Find the fastest variant among those whose score is no worse than the best.

    The variants must have the same metric. A variant competes if it finished and learned at every
    seed. A mean score is no worse if it differs from the best mean score by less than the least
    difference that counts, whatever the range over the seeds. Times tie by the usual tolerance. The
    winners are compared with the reference variant if its score is no worse either, otherwise with
    the next variant in time.
    """
    competitors = list_competitors(variants)
    if not competitors:
        return Winner((), None, None, "No variant learns.")
    metric = competitors[0].facts.metric
    best = min(competitors, key=lambda variant: variant.score.mean)
    good = sorted((one for one in competitors if _is_no_worse(one, best)), key=lambda one: one.seconds.mean)
    fastest = good[0].seconds
    first = [one for one in good if one.seconds.mean - fastest.mean <= compute_amount_tolerance(one.seconds, fastest)]
    later = [one for one in good if one not in first]
    names = tuple(one.facts.name for one in first)
    if not later:
        return Winner(names, None, None, _describe_unrivalled(first, variants, competitors))
    base = choose_reference(variants)
    than = next((one for one in later if one.facts is base), later[0])
    ratio = than.seconds.mean / fastest.mean
    sentence = (
        f"{_name_best(first)}: {format_factor(ratio)} faster than {than.facts.name} at no worse {metric.name}, "
        f"{_list_scores(first, metric)} against {metric.format_value(than.score.mean)}."
    )
    return Winner(names, than.facts.name, ratio, sentence)


def describe_tradeoff(variants: Sequence[VariantFacts], winner: Winner) -> str:
    """Return a sentence about the best of the variants that are faster than the winner, but have a worse mean score.

    Of several it is the one with the best score; "" if there is none.
    """
    competitors = list_competitors(variants)
    first = [one for one in competitors if one.facts.name in winner.names]
    if not first:
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
    over_seeds = other.score.range(metric.format_value) if alike else ""
    quality = "and not clearly worse" if alike else "but worse"
    scores = f"{metric.format_value(other.score.mean)}{f' ({over_seeds} over the seeds)' if over_seeds else ''}"
    ratio = format_factor(fastest.mean / other.seconds.mean)
    return f"{other.facts.title} is {ratio} faster {quality}: {scores} against {_list_scores(first, metric)}."


def _is_no_worse(one: Competitor, best: Competitor) -> bool:
    """Return whether the mean score exceeds the best one by no difference that counts."""
    return one.score.mean - best.score.mean <= compute_least_difference(one.score, best.score, best.facts.metric)


def _is_not_clearly_worse(one: Competitor, best: Competitor) -> bool:
    """Return whether the difference to the best score is within the range over the seeds."""
    return one.score.mean - best.score.mean <= compute_score_tolerance(one.score, best.score, best.facts.metric)


def _list_scores(first: Sequence[Competitor], metric: Metric) -> str:
    return list_some(list(dict.fromkeys(metric.format_value(one.score.mean) for one in first)), _MAX_NAMED)


def _name_best(first: Sequence[Competitor]) -> str:
    """Return, for example, `all-reduce (α₀/τ) is best` or `a and b tie as best`."""
    names = list_some([one.facts.title for one in first], _MAX_NAMED)
    return f"{names} {'tie as' if len(first) > 1 else 'is'} best"


def _describe_unrivalled(
    first: Sequence[Competitor], variants: Sequence[VariantFacts], competitors: Sequence[Competitor]
) -> str:
    metric = first[0].facts.metric
    if len(first) == len(variants):
        return f"All tie: they take equally long, and none has a worse {metric.name} than another."
    results = [f"{metric.describe(one.score.mean)} in {format_duration(one.seconds.mean)}" for one in first]
    if len(first) == len(competitors) == 1:
        return f"Only {first[0].facts.title} learns: {results[0]}."
    best = min(competitors, key=lambda one: one.score.mean)
    rivals = [one.facts.name for one in competitors if one not in first and _is_not_clearly_worse(one, best)]
    others = "no other variant learns as well"
    if rivals:
        others = f"{list_some(rivals, _MAX_NAMED)} {'are' if len(rivals) > 1 else 'is'} not clearly worse"
    return f"{_name_best(first)}: {list_some(results, _MAX_NAMED)}; {others}."
