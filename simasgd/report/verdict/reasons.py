"""The likely reason why a variant does not learn, as far as the facts tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

from simasgd.report.facts.formats import format_number
from simasgd.report.facts.learning_facts import LearningFact, Trend
from simasgd.report.facts.variant_facts import VariantFacts
from simasgd.results.outcome import Outcome

_STALE = 0.5
"""The mean staleness from which it can be what makes a variant fail."""
_CLEARLY = 0.8
"""A staleness below this fraction of another one is clearly less."""


_STILL_FALLS = "the test loss still falls, so likely more epochs are needed"
NOT_YET = "has not learned yet"
"""What is said of a variant that fails to learn, if it likely only needs more epochs."""


@final
@dataclass(frozen=True)
class Reason:
    """Why a variant likely does not learn.

    Variants with the same `clause` fail for the same reason, and `number` is what holds of this one
    ("" if that is nothing). `result` is what the number amounts to, and `against` the most at which another variant learns.
    `repair` is a sentence about a variant that is as stale and learns. `advice` says what to try.
    """

    clause: str
    number: str
    advice: str
    result: str = ""
    against: str = ""
    repair: str = ""

    @property
    def is_time(self) -> bool:
        """Whether the variant has not learned yet, and likely only needs more epochs."""
        return self.clause == _STILL_FALLS


def word_outcome(outcome: str, variant: VariantFacts, variants: Sequence[VariantFacts]) -> str:
    """Return an outcome of a variant in words, in which it may have failed to learn only so far; `variants` has all."""
    if str(Outcome.FAILS) not in outcome or variant.diverged:
        return outcome
    reason = find_reason(variant, [other for other in variants if other is not variant])
    return outcome.replace(Outcome.FAILS, NOT_YET) if reason is not None and reason.is_time else outcome


def find_reason(variant: VariantFacts, others: Sequence[VariantFacts]) -> Reason | None:
    """Return the likely reason why a variant diverged or fails to learn; None if the facts do not tell one.

    Its learning rate times its staleness is too high if it is stale and other variants with the same setup learn at a
    clearly lower staleness or with a rule that lowers the rate, and none learns at a higher one.
    Without such variants, a test loss that ends no lower than it began, or well above its least
    value, shows a rate that is too high. A loss that still falls shows a run that is too short.
    """
    learning = variant.learning
    if learning is None or variant.staleness is None:
        return None
    if _is_repaired_by_less_staleness(variant, others):
        reason = _blame_staleness(variant, learning)
        return replace(reason, against=_find_limit(variant, others), repair=_describe_repair(variant, others))
    if learning.trend is Trend.FALLS:
        return Reason(_STILL_FALLS, "", "more epochs (stop.epochs)")
    if variant.staleness.mean >= _STALE and not variant.own_models and not variant.rule:
        return replace(_blame_staleness(variant, learning), clause="likely the learning rate is too high for this staleness")
    stale = " even without staleness" if variant.staleness.high == 0 else ""
    rate = format_number(learning.rate)
    return Reason(
        f"likely the learning rate is too high{stale or (' even with ' + variant.rule if variant.rule else '')}",
        rate,
        f"learning_rate={learning.rate / 10:.2g}",
    )


def _blame_staleness(variant: VariantFacts, learning: LearningFact) -> Reason:
    assert variant.staleness is not None
    staleness = variant.staleness.mean
    return Reason(
        "likely rate × staleness is too high",
        f"{format_number(learning.rate)} × {format_number(staleness)}",
        f"modulation=inverse-staleness or learning_rate={learning.rate / (1.0 + staleness):.2g}",
        f" = {format_number(learning.rate * staleness)}",
    )


def _is_repaired_by_less_staleness(variant: VariantFacts, others: Sequence[VariantFacts]) -> bool:
    """Return whether variants with the same setup show that staleness makes this one fail."""
    assert variant.staleness is not None
    if variant.rule or variant.own_models or variant.learning is None or variant.staleness.mean < _STALE:
        return False
    alike = _list_alike(variant, others)
    staleness = variant.staleness.mean
    learn_as_stale = [one for one in alike if not one.rule and one.staleness and one.staleness.mean >= staleness]
    repaired = [one for one in alike if one.rule or (one.staleness and one.staleness.mean < _CLEARLY * staleness)]
    return bool(repaired) and not learn_as_stale


def _list_alike(variant: VariantFacts, others: Sequence[VariantFacts]) -> list[VariantFacts]:
    """Return the variants with one model that learn with the same settings."""
    return [
        other
        for other in others
        if other.learning is not None
        and variant.learning is not None
        and other.learning.setup == variant.learning.setup
        and not other.failure
        and other.staleness is not None
        and not other.own_models
    ]


def _find_limit(variant: VariantFacts, others: Sequence[VariantFacts]) -> str:
    """Return the greatest rate × staleness at which another variant learns without a rule; "" if there is none."""
    known = [
        (one.learning.rate * one.staleness.mean, one.name)
        for one in _list_alike(variant, others)
        if not one.rule and one.learning is not None and one.staleness is not None
    ]
    most = max(known, key=lambda pair: pair[0], default=None)
    return "" if most is None else f"{most[1]} learns at {format_number(most[0])}"


def _describe_repair(variant: VariantFacts, others: Sequence[VariantFacts]) -> str:
    """Return that a variant with a rule learns although it is as stale; "" if there is none."""
    assert variant.staleness is not None
    as_stale = [
        one
        for one in _list_alike(variant, others)
        if one.rule and one.staleness is not None and one.staleness.mean >= _CLEARLY * variant.staleness.mean
    ]
    if not as_stale:
        return ""
    assert as_stale[0].staleness is not None
    stale = format_number(as_stale[0].staleness.mean)
    return f"{as_stale[0].name} learns at a staleness of {stale}, likely because {as_stale[0].rule} lowers its rate."
