"""The `learning` section: data, model, optimizer and how staleness changes the learning rate."""

from __future__ import annotations

from typing import Literal, final

from simasgd.scenario.learning.data import Data, OwnData
from simasgd.scenario.learning.models import Model, Own
from simasgd.scenario.learning.modulation import DefaultModulation, Modulation
from simasgd.scenario.learning.optimizers import Optimizer
from simasgd.scenario.learning.partition import Dirichlet, Partition, Shared
from simasgd.scenario.learning.schedule import Schedule
from simasgd.scenario.vocabulary.section import Inconsistency, Positive, Rival, Section, Seed


@final
class Learning(Section):
    """The real gradient mathematics."""

    seed: Seed | None = None
    """Fixes the initial weights and the mini-batches, not the clock; the scenario's seed if absent."""
    data: Data
    model: Model
    optimizer: Optimizer
    schedule: Schedule | None = None
    modulation: Modulation = DefaultModulation()
    local_learning_rate: Positive | None = None
    """Of the steps on learners' own copies of the weights (downpour, fedbuff); α₀ if absent."""
    partition: Partition = Shared()
    """Which training samples a learner draws its mini-batches from."""
    precision: Literal["float32", "float64"] = "float32"
    """Of weights and gradients."""

    def inconsistencies(self) -> list[Inconsistency]:
        """What is wrong with values that are fine alone."""
        parts = {"data": self.data.inconsistencies(), "optimizer": self.optimizer.inconsistencies()}
        if self.schedule is not None:
            parts["schedule"] = self.schedule.inconsistencies()
        wrong = []
        if isinstance(self.model, Own) is not isinstance(self.data, OwnData):
            message = "a model of one's own has data of one's own, and the other way about"
            wrong.append(Inconsistency(("model", "kind"), message))
        if isinstance(self.partition, Dirichlet) and self.data.shape.label != "class":
            message = f"dirichlet parts classes, and the labels of {self.data.kind} are none"
            wrong.append(Inconsistency(("partition", "kind"), message, (Rival(("partition",), ("data",)),)))
        return [*(one.within(name) for name, found in parts.items() for one in found), *wrong]

    @property
    def num_parameters(self) -> int:
        return self.model.num_parameters(self.data.shape)

    @property
    def model_bytes(self) -> int:
        """Bytes of the weights, or of one gradient."""
        return self.num_parameters * (8 if self.precision == "float64" else 4)
