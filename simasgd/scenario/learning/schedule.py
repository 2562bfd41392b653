"""The `learning.schedule` section: how the learning rate changes during training."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.vocabulary.section import Inconsistency, NonNegative, Positive, Rival, Section


@final
class Decay(Section):
    """A fall of the learning rate to 0 between two epochs, where it stays."""

    kind: Literal["linear", "cosine"]
    """`linear`: a straight line. `cosine`: half a cosine wave (arXiv:1608.03983, without its
    restarts)."""
    start: NonNegative = 0.0
    """Epoch at which the fall begins."""
    end: Positive
    """Epoch at which the learning rate is 0."""


@final
class Schedule(Section):
    """The learning rate is α₀ times the factor of each part that is given.

    Epochs are counted in samples applied before the update.
    """

    boundaries: Annotated[tuple[Positive, ...], Field(examples=[[24, 28]])] = ()
    """Ascending epochs. The learning rate is multiplied by `factor` at each."""
    factor: Annotated[Positive | None, Field(examples=[0.1])] = None
    """The factor at each boundary."""
    warmup: Annotated[Positive | None, Field(examples=[2])] = None
    """Epochs over which the learning rate grows linearly from 0 to α₀. The samples of the update
    itself count here, so that the first update moves the weights."""
    decay: Annotated[Decay | None, Field(examples=[{"kind": "linear", "start": 15, "end": 25}])] = None
    """A fall to 0 between two epochs."""

    def inconsistencies(self) -> list[Inconsistency]:
        """Return the mistakes in values that are valid one by one."""
        found = []
        if list(self.boundaries) != sorted(set(self.boundaries)):
            found.append(Inconsistency(("boundaries",), f"{list(self.boundaries)} does not ascend"))
        if self.boundaries and self.factor is None:
            rivals = (Rival(("boundaries",), ("factor",)),)
            found.append(Inconsistency(("factor",), "missing: the boundaries need it", rivals))
        if self.factor is not None and not self.boundaries:
            rivals = (Rival(("factor",), ("boundaries",)),)
            found.append(Inconsistency(("boundaries",), "missing: the factor needs them", rivals))
        if self.decay is not None and self.decay.start >= self.decay.end:
            found.append(Inconsistency(("decay", "end"), f"{self.decay.end:g} is not after the start, {self.decay.start:g}"))
        return found
