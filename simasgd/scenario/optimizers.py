"""The optimizer and the schedule of its learning rate."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.section import Inconsistency, Number, Section


@final
class SGD(Section):
    """Stochastic gradient descent, with heavy-ball momentum if `momentum` is positive."""

    kind: Literal["sgd"] = "sgd"
    learning_rate: Annotated[Number, Field(gt=0.0)]
    """α₀."""
    momentum: Annotated[Number, Field(ge=0.0, lt=1.0)] = 0.0


@final
class Schedule(Section):
    """The learning rate is multiplied by `factor` at each of `boundaries`."""

    boundaries: tuple[Annotated[Number, Field(gt=0.0)], ...]
    """Epochs, ascending, counted in samples applied."""
    factor: Annotated[Number, Field(gt=0.0)]

    def inconsistencies(self) -> list[Inconsistency]:
        if list(self.boundaries) != sorted(set(self.boundaries)):
            return [Inconsistency(("boundaries",), f"{list(self.boundaries)} does not ascend")]
        return []
