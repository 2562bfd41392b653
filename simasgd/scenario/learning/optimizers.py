"""The optimizers: optax's, by their names there and with their parameters."""

from __future__ import annotations

import abc
from typing import Annotated, Literal, final

from pydantic import Field, Tag

from simasgd.scenario.vocabulary.on_demand import ByKind
from simasgd.scenario.vocabulary.section import (
    MAPPING,
    NUMBER,
    DecayRate,
    Flag,
    Inconsistency,
    NameForKind,
    NonNegative,
    NumberOrMapping,
    Positive,
    Rival,
    Section,
)


@final
class TotalMomentum(Section):
    """Momentum to which asynchrony contributes: the optimizer's own is total − (1 − 1/(1 + ⟨σ⟩)), which may be negative.

    ⟨σ⟩ is the mean staleness of the run. M learners with exponential compute times have ⟨σ⟩ = M − 1
    and so contribute 1 − 1/M (Mitliagkas et al. 2016, arXiv:1605.09774; B1 row 17). `simasgd show
    NAME --plan` prints the result.
    """

    total: DecayRate
    """The momentum of optimizer and asynchrony together."""


class AbstractOptimizer(Section):
    """An optimizer: it makes an update of the weights from the mean gradient of a step."""

    kind: str
    learning_rate: Annotated[Positive, Field(examples=[0.05])]
    """α₀, the learning rate before schedule and modulation."""
    weight_decay: NonNegative = 0.0
    """Coefficient of coupled (L2) weight decay. A gradient g on weights w becomes g + weight_decay·w,
    before modulation, mean and clipping."""
    clip: Annotated[Positive | None, Field(examples=[1.0])] = None
    """Greatest norm of a step's mean gradient over all parameters. A longer gradient is scaled down
    to it. No limit if absent."""

    @property
    @abc.abstractmethod
    def state_copies(self) -> int:
        """The number of arrays of the weights' size that the optimizer keeps."""

    def inconsistencies(self) -> list[Inconsistency]:
        """Return the mistakes in parameters that are valid one by one."""
        return []


@final
class SGD(AbstractOptimizer):
    """Stochastic gradient descent, with heavy-ball or Nesterov momentum if `momentum` is not 0."""

    kind: Literal["sgd"] = "sgd"
    momentum: Annotated[
        Annotated[DecayRate, Tag(NUMBER)] | Annotated[TotalMomentum, Tag(MAPPING)],
        NumberOrMapping,
        Field(examples=[0.9, {"total": 0.9}]),
    ] = 0.0
    """Momentum, at least 0 and less than 1. A mapping `{total: …}` also counts the momentum that
    asynchrony adds."""
    nesterov: Flag = False
    """Whether the momentum is Nesterov's."""

    @property
    def state_copies(self) -> int:
        return 1 if self.momentum else 0

    def inconsistencies(self) -> list[Inconsistency]:
        return _nesterov(self.momentum, self.nesterov)


@final
class Adagrad(AbstractOptimizer):
    """Adagrad (Duchi et al. 2011): divides by the root of the sum of squared gradients."""

    kind: Literal["adagrad"] = "adagrad"
    initial_accumulator_value: NonNegative = 0.1
    """Initial value of the sum of squared gradients."""
    eps: Positive = 1e-7
    """Added to the divisor, so that it is not 0."""

    @property
    def state_copies(self) -> int:
        return 1


@final
class Adam(AbstractOptimizer):
    """Adam (arXiv:1412.6980), or NAdam with `nesterov`."""

    kind: Literal["adam"] = "adam"
    b1: DecayRate = 0.9
    """Decay of the running mean of gradients."""
    b2: DecayRate = 0.999
    """Decay of the running mean of squared gradients."""
    eps: Positive = 1e-8
    """Added to the divisor, so that it is not 0."""
    nesterov: Flag = False
    """Whether the momentum is Nesterov's (NAdam)."""

    @property
    def state_copies(self) -> int:
        return 2


@final
class AdamW(AbstractOptimizer):
    """Adam with decoupled weight decay (arXiv:1711.05101)."""

    kind: Literal["adamw"] = "adamw"
    weight_decay: NonNegative = 1e-4
    """Coefficient of decoupled weight decay. An update also subtracts α₀·weight_decay·w from the
    weights w."""
    b1: DecayRate = 0.9
    """Decay of the running mean of gradients."""
    b2: DecayRate = 0.999
    """Decay of the running mean of squared gradients."""
    eps: Positive = 1e-8
    """Added to the divisor, so that it is not 0."""
    nesterov: Flag = False
    """Whether the momentum is Nesterov's."""

    @property
    def state_copies(self) -> int:
        return 2


@final
class RMSProp(AbstractOptimizer):
    """RMSProp (Tieleman and Hinton 2012): divides by the root of a running mean of squared gradients."""

    kind: Literal["rmsprop"] = "rmsprop"
    decay: DecayRate = 0.9
    """Decay of the running mean."""
    eps: Positive = 1e-8
    """Added to the divisor, so that it is not 0."""
    initial_scale: NonNegative = 0.0
    """Initial value of the running mean."""
    centered: Flag = False
    """Whether to divide by the standard deviation instead."""
    momentum: DecayRate = 0.0
    """Momentum of the scaled gradients."""
    nesterov: Flag = False
    """Whether the momentum is Nesterov's."""

    @property
    def state_copies(self) -> int:
        return 1 + self.centered + (self.momentum > 0)

    def inconsistencies(self) -> list[Inconsistency]:
        return _nesterov(self.momentum, self.nesterov)


def _nesterov(momentum: float | TotalMomentum, nesterov: bool) -> list[Inconsistency]:
    if not nesterov or momentum:
        return []
    return [Inconsistency(("nesterov",), "needs a momentum greater than 0", (Rival(("nesterov",), ("momentum",)),))]


Optimizer = Annotated[SGD | Adagrad | Adam | AdamW | RMSProp, ByKind(), NameForKind]
