"""Data that is given in Python."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.learning.data.base import AbstractData, DataShape
from simasgd.scenario.vocabulary.section import Count, Inconsistency


@final
class OwnData(AbstractData):
    """Arrays given in Python. `simulate(scenario, task=Task(…))` fills this section in."""

    kind: Literal["own"] = "own"
    samples: Count
    """Number of training samples."""
    test: Count
    """Number of test samples."""
    sample: Annotated[tuple[Count, ...], Field(examples=[[8, 8, 1]])]
    """Shape of one sample."""
    classes: Annotated[int, Field(strict=True, ge=0)] = 0
    """Number of classes; 0 where labels are not classes."""

    @property
    def shape(self) -> DataShape:
        label: Literal["class", "number"] = "class" if self.classes else "number"
        return DataShape(self.samples, self.test, self.sample, self.classes, inputs="numbers", label=label)

    def inconsistencies(self) -> list[Inconsistency]:
        return []
