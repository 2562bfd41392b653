"""The `learning.learner_rates` section: factors of the learning rate, one for each learner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, TypeAlias, final

from pydantic import Field, Tag

from simasgd.scenario.cluster.members import AbstractMemberLaw
from simasgd.scenario.vocabulary.section import LIST, MAPPING, Inconsistency, ListOrMapping, Number

RateFactor = Annotated[Number, Field(gt=0.0, le=1e6)]


@final
class Rates(AbstractMemberLaw):
    """A law of the learners' factors, with mean 1 over many learners; a learner keeps its factor for the whole run."""


LearnerRates: TypeAlias = Annotated[
    Annotated[tuple[RateFactor, ...], Tag(LIST)] | Annotated[Rates, Tag(MAPPING)], ListOrMapping
]
"""A list with a factor for each learner, or a law."""


def wrong_rates(rates: tuple[float, ...] | Rates, learners: int) -> Iterator[Inconsistency]:
    """Yield the mistakes in the factors of so many learners."""
    if isinstance(rates, Rates):
        yield from rates.law_inconsistencies("without learner_rates")
    elif len(rates) != learners:
        yield Inconsistency((), f"there are {len(rates)} factors for {learners} learners")
