"""A model that is given in Python."""

from __future__ import annotations

from typing import Literal, final

from simasgd.scenario.learning.data import DataShape
from simasgd.scenario.learning.models.base import AbstractModel
from simasgd.scenario.vocabulary.section import Count, Inconsistency


@final
class Own(AbstractModel):
    """A model given in Python. `simulate(scenario, task=Task(…))` fills this section in."""

    kind: Literal["own"] = "own"
    parameters: Count
    """Number of parameters."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("weights",)

    def num_parameters(self, data: DataShape) -> int:
        return self.parameters

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        return []
