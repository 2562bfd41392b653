"""Data that is given in Python."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.learning.data.base import AbstractData, DataShape
from simasgd.scenario.vocabulary.section import Count, Inconsistency


@final
class OwnData(AbstractData):
    """Arrays that Python gives: simulate(scenario, task=Task(…)), which fills this section in."""

    kind: Literal["own"] = "own"
    samples: Count
    """How many training samples there are."""
    test: Count
    """How many test samples there are."""
    sample: tuple[Count, ...]
    """The shape of one."""
    classes: Annotated[int, Field(strict=True, ge=0)] = 0
    """How many classes the labels tell apart; 0 where they do not."""

    @property
    def shape(self) -> DataShape:
        label: Literal["class", "number"] = "class" if self.classes else "number"
        return DataShape(self.samples, self.test, self.sample, self.classes, inputs="numbers", label=label)

    def inconsistencies(self) -> list[Inconsistency]:
        return []
