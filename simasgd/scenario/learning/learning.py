"""The `learning` section: data, model, optimizer, and the effect of staleness on the learning rate."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, final

from pydantic import Field

from simasgd.scenario.learning.data import Data, OwnData
from simasgd.scenario.learning.evaluate import EACH_EPOCH, Evaluate
from simasgd.scenario.learning.models import ModelKind, Own
from simasgd.scenario.learning.modulation import DefaultModulation, Modulation
from simasgd.scenario.learning.optimizers import Optimizer
from simasgd.scenario.learning.partition import Dirichlet, Partition, Shared
from simasgd.scenario.learning.rates import LearnerRates
from simasgd.scenario.learning.schedule import Schedule
from simasgd.scenario.vocabulary.section import Inconsistency, Positive, Rival, Section, Seed

Precision: TypeAlias = Literal["float32", "tf32", "float64"]
"""The number format of weights and gradients, and the precision of matrix products."""


@final
class Learning(Section):
    """What is learned, with real gradients. Without this section only the clock runs and JAX is not imported."""

    seed: Seed | None = None
    """Seed of the initial weights and of the mini-batches. It does not affect the clock. The
    scenario's seed if absent."""
    data: Data
    """The data set."""
    model: ModelKind
    """The model; it must fit the data."""
    optimizer: Optimizer
    """The optimizer, with its learning rate α₀."""
    schedule: Schedule | None = None
    """How the learning rate changes during training. Constant if absent."""
    modulation: Modulation = DefaultModulation.by_default()
    """How staleness changes each gradient, and so the learning rate."""
    local_learning_rate: Positive | None = None
    """Learning rate of the steps on a learner's own copy of the weights (downpour, fedbuff). Other
    protocols refuse it. α₀ if absent."""
    learner_rates: Annotated[
        LearnerRates | None, Field(examples=[[1, 1, 0.5, 0.25], {"distribution": "lognormal", "cv": 0.5}])
    ] = None
    """Factor of the learning rate of each learner: a list of λ numbers, or a law. The schedule
    multiplies it. All 1 if absent."""
    partition: Partition = Shared.by_default()
    """The training samples that a learner draws its mini-batches from."""
    precision: Precision = "float32"
    """Number format of weights and gradients: float32 or float64 on every device. `tf32` keeps them
    in float32, but products of matrices have 11 binary digits, on GPUs that have that format."""
    evaluate: Evaluate = EACH_EPOCH
    """How often the weights are evaluated on the test set: at the first update at or after each
    multiple of a number of epochs, samples or updates, or of a simulated time."""

    def inconsistencies(self) -> list[Inconsistency]:
        """Return the mistakes in values that are valid one by one."""
        parts = {"data": self.data.inconsistencies(), "optimizer": self.optimizer.inconsistencies()}
        if self.schedule is not None:
            parts["schedule"] = self.schedule.inconsistencies()
        wrong = []
        if isinstance(self.model, Own) is not isinstance(self.data, OwnData):
            message = "a model of your own needs data of your own, and the other way around"
            wrong.append(Inconsistency(("model", "kind"), message))
        if isinstance(self.partition, Dirichlet) and self.data.shape.label != "class":
            message = f"dirichlet splits classes, but the labels of {self.data.kind} are not classes"
            wrong.append(Inconsistency(("partition", "kind"), message, (Rival(("partition",), ("data",)),)))
        return [*(one.within(name) for name, found in parts.items() for one in found), *wrong]

    @property
    def num_parameters(self) -> int:
        """Number of parameters of the model on this data."""
        return self.model.num_parameters(self.data.shape)

    @property
    def number_format(self) -> Literal["float32", "float64"]:
        """The format of weights and gradients in memory and in messages."""
        return "float64" if self.precision == "float64" else "float32"

    @property
    def model_bytes(self) -> int:
        """Size of the weights, or of one gradient, in bytes."""
        return self.num_parameters * (8 if self.precision == "float64" else 4)
