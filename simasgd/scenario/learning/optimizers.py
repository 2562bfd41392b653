"""The optimizers: those of optax, by their names there and with their parameters."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field, Tag

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
    """Momentum of which asynchrony gives a part: the optimizer's own is total − (1 − 1/(1 + ⟨σ⟩)), which may be negative.

    ⟨σ⟩ is the mean staleness of the run's tape: M learners that compute for exponential times, so that ⟨σ⟩ = M − 1, add
    1 − 1/M (Mitliagkas et al. 2016, arXiv:1605.09774; B1 row 17).
    """

    total: DecayRate


class AbstractOptimizer(Section):
    """Makes an update of the weights from the mean gradient of a step."""

    kind: str
    learning_rate: Positive
    """α₀."""
    weight_decay: NonNegative = 0.0
    """This times the weights that a gradient was computed on is added to it, before its modulation."""
    clip: Positive | None = None
    """The greatest norm of the mean gradient over all parameters; a longer one is scaled down to it."""

    def inconsistencies(self) -> list[Inconsistency]:
        """What is wrong with parameters that are fine alone."""
        return []


@final
class SGD(AbstractOptimizer):
    """Stochastic gradient descent; with momentum if `momentum` is not 0, heavy-ball or Nesterov's."""

    kind: Literal["sgd"] = "sgd"
    momentum: Annotated[Annotated[DecayRate, Tag(NUMBER)] | Annotated[TotalMomentum, Tag(MAPPING)], NumberOrMapping] = 0.0
    nesterov: Flag = False

    def inconsistencies(self) -> list[Inconsistency]:
        return _nesterov(self.momentum, self.nesterov)


@final
class Adagrad(AbstractOptimizer):
    """Adagrad (Duchi et al. 2011): divides by the root of the sum of squared gradients."""

    kind: Literal["adagrad"] = "adagrad"
    initial_accumulator_value: NonNegative = 0.1
    eps: Positive = 1e-7


@final
class Adam(AbstractOptimizer):
    """Adam (arXiv:1412.6980), or NAdam with `nesterov`."""

    kind: Literal["adam"] = "adam"
    b1: DecayRate = 0.9
    b2: DecayRate = 0.999
    eps: Positive = 1e-8
    nesterov: Flag = False


@final
class AdamW(AbstractOptimizer):
    """Adam with decoupled weight decay (arXiv:1711.05101)."""

    kind: Literal["adamw"] = "adamw"
    weight_decay: NonNegative = 1e-4
    """The learning rate times this times the weights is taken from the weights, past the optimizer's moments."""
    b1: DecayRate = 0.9
    b2: DecayRate = 0.999
    eps: Positive = 1e-8
    nesterov: Flag = False


@final
class RMSProp(AbstractOptimizer):
    """RMSProp (Tieleman and Hinton 2012): divides by the root of a running mean of squared gradients."""

    kind: Literal["rmsprop"] = "rmsprop"
    decay: DecayRate = 0.9
    """Of the running mean."""
    eps: Positive = 1e-8
    initial_scale: NonNegative = 0.0
    centered: Flag = False
    """Divides by the standard deviation instead."""
    momentum: DecayRate = 0.0
    nesterov: Flag = False

    def inconsistencies(self) -> list[Inconsistency]:
        return _nesterov(self.momentum, self.nesterov)


def _nesterov(momentum: float | TotalMomentum, nesterov: bool) -> list[Inconsistency]:
    rivals = (Rival(("nesterov",), ("momentum",)),)
    return [Inconsistency(("nesterov",), "without a momentum it means nothing", rivals)] if nesterov and not momentum else []


Optimizer = Annotated[SGD | Adagrad | Adam | AdamW | RMSProp, Field(discriminator="kind"), NameForKind]
