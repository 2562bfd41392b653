"""The `learning` section: data, model, optimizer and how staleness changes the learning rate."""

from __future__ import annotations

from typing import Annotated, Literal, final

from simasgd.scenario.data import DATA, DataName
from simasgd.scenario.models import Model
from simasgd.scenario.modulation import Modulation, NoModulation
from simasgd.scenario.optimizers import SGD, Schedule
from simasgd.scenario.section import NameForKind, Section, Seed


@final
class Learning(Section):
    """The real gradient mathematics."""

    seed: Seed | None = None
    """Fixes the initial weights and the mini-batches, not the clock; the scenario's seed if absent."""
    data: DataName
    model: Model
    optimizer: Annotated[SGD, NameForKind]
    schedule: Schedule | None = None
    modulation: Modulation = NoModulation()
    precision: Literal["float32", "float64"] = "float32"
    """Of weights and gradients."""

    @property
    def num_parameters(self) -> int:
        return self.model.num_parameters(DATA[self.data])

    @property
    def model_bytes(self) -> int:
        """Bytes of the weights, or of one gradient."""
        return self.num_parameters * (8 if self.precision == "float64" else 4)
