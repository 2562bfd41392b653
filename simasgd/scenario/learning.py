"""The `learning` section: data, model, optimizer and how staleness changes the learning rate.

The sizes of data sets and models are stated here, so that checking a scenario needs no JAX; a test holds them equal to what
`learning/` builds.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Literal, NamedTuple, final

from pydantic import Field

from simasgd.scenario.section import Count, Inconsistency, NameForKind, Number, Section, Seed


class DataShape(NamedTuple):
    """Numbers of training and test samples, the shape of one sample, and the number of classes."""

    train: int
    test: int
    sample: tuple[int, ...]
    classes: int

    @property
    def features(self) -> int:
        return math.prod(self.sample)


DATA = {
    "digits": DataShape(1437, 360, (8, 8), 10),
    "mnist": DataShape(60_000, 10_000, (28, 28), 10),
    "fashion-mnist": DataShape(60_000, 10_000, (28, 28), 10),
    "cifar10": DataShape(50_000, 10_000, (32, 32, 3), 10),
}

DataName = Literal["digits", "mnist", "fashion-mnist", "cifar10"]


def samples_of_epochs(epochs: float, samples_per_epoch: int) -> int:
    """The least number of samples that make so many epochs, exact for epochs as written in decimal."""
    return math.ceil(Fraction(repr(epochs)) * samples_per_epoch)


class AbstractModel(Section):
    """A classifier."""

    kind: str

    @abc.abstractmethod
    def num_parameters(self, data: DataShape) -> int:
        """How many numbers the model learns on this data."""


@final
class Softmax(AbstractModel):
    """Softmax (multinomial logistic) regression."""

    kind: Literal["softmax"] = "softmax"

    def num_parameters(self, data: DataShape) -> int:
        return (data.features + 1) * data.classes


@final
class MLP(AbstractModel):
    """Fully connected layers with ReLU between them."""

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)]
    """Widths of the hidden layers."""

    def widths(self, data: DataShape) -> Iterator[tuple[int, int]]:
        """(inputs, outputs) of each layer."""
        return zip((data.features, *self.hidden), (*self.hidden, data.classes), strict=True)

    def num_parameters(self, data: DataShape) -> int:
        return sum((inputs + 1) * outputs for inputs, outputs in self.widths(data))


Model = Annotated[Softmax | MLP, Field(discriminator="kind"), NameForKind]


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


@final
class NoModulation(Section):
    """The learning rate is α₀ whatever the staleness."""

    kind: Literal["none"] = "none"


@final
class InverseStaleness(Section):
    """α₀/max(1, τ) for each gradient by its own staleness τ (arXiv:1511.05950; A2.2)."""

    kind: Literal["inverse-staleness"] = "inverse-staleness"


@final
class InverseMeanStaleness(Section):
    """α₀/max(1, ⟨σ⟩), one for the run: n for n-softsync, 1 for hardsync, else the tape's mean (arXiv:1509.04210; A1.4)."""

    kind: Literal["inverse-mean-staleness"] = "inverse-mean-staleness"


@final
class SqrtBatch(Section):
    """α₀·√(λµ/B), Rudra's rule for hardsync (arXiv:1509.04210; A1.4, recalled)."""

    kind: Literal["sqrt-batch"] = "sqrt-batch"
    reference: Count
    """B, the best mini-batch of a single learner."""


Modulation = Annotated[
    NoModulation | InverseStaleness | InverseMeanStaleness | SqrtBatch, Field(discriminator="kind"), NameForKind
]


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
