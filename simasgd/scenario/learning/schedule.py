"""How the learning rate changes in the course of training."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.vocabulary.section import Inconsistency, Number, Rival, Section

_Epoch = Annotated[Number, Field(gt=0.0)]


@final
class Decay(Section):
    """From the epoch `start` to the epoch `end` the learning rate falls to nothing, where it stays."""

    kind: Literal["linear", "cosine"]
    """Along a line, or half a wave of a cosine (arXiv:1608.03983, without its restarts)."""
    start: Annotated[Number, Field(ge=0.0)] = 0.0
    end: _Epoch


@final
class Schedule(Section):
    """The learning rate is α₀ times all of these. Epochs are counted in samples applied before the update."""

    boundaries: tuple[_Epoch, ...] = ()
    """Epochs, ascending; the learning rate is multiplied by `factor` at each."""
    factor: Annotated[Number, Field(gt=0.0)] | None = None
    warmup: _Epoch | None = None
    """Epochs over which the learning rate grows linearly to the whole; the samples of the update itself count here, so that
    the first one moves the weights."""
    decay: Decay | None = None

    def inconsistencies(self) -> list[Inconsistency]:
        found = []
        if list(self.boundaries) != sorted(set(self.boundaries)):
            found.append(Inconsistency(("boundaries",), f"{list(self.boundaries)} does not ascend"))
        if self.boundaries and self.factor is None:
            rivals = (Rival(("boundaries",), ("factor",)),)
            found.append(Inconsistency(("factor",), "missing: the boundaries want it", rivals))
        if self.factor is not None and not self.boundaries:
            rivals = (Rival(("factor",), ("boundaries",)),)
            found.append(Inconsistency(("boundaries",), "missing: the factor wants them", rivals))
        if self.decay is not None and self.decay.start >= self.decay.end:
            found.append(Inconsistency(("decay", "end"), f"{self.decay.end:g} is not after the start, {self.decay.start:g}"))
        return found
