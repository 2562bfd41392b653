"""Step sizes that theory allows at a given delay."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.learning.modulation.base import AbstractModulation, RunFact
from simasgd.scenario.vocabulary.section import Number, Positive


class AbstractWindowed(AbstractModulation):
    """A modulation that sums up the factors of the updates since the weights were read."""

    @property
    def needs(self) -> frozenset[RunFact]:
        return frozenset({"window"})

    @property
    def alone(self) -> bool:
        return False

    @property
    def of_one_server(self) -> bool:
        return True


class AbstractStepSize(AbstractModulation):
    """A modulation that computes the step itself, from the smoothness of the loss and the number of learners."""

    @property
    def needs(self) -> frozenset[RunFact]:
        return frozenset({"learners"})

    @property
    def of_one_server(self) -> bool:
        return True

    @property
    def scales_with_rate(self) -> bool:
        return False


@final
class WuAdaptive1(AbstractWindowed):
    """α₀·f with f = fraction·max(1 − Σ, 0): Adaptive 1 (arXiv:2202.08550, where α₀ is γ′; B1 row 14, recalled).

    Σ is the sum of f over the τ updates since the weights were read.

    Against the paper: the formula is recalled. The paper proves it for aggregated gradients (PIAG)
    and block coordinate descent (secondary), and not for this use, with single stochastic
    gradients.
    """

    kind: Literal["wu-adaptive-1"] = "wu-adaptive-1"
    fraction: Annotated[Number, Field(gt=0.0, lt=1.0)] = 0.9
    """The paper's α. The default is not the paper's."""

    @property
    def symbol(self) -> str:
        return "Wu's Adaptive 1"


@final
class WuAdaptive2(AbstractWindowed):
    """α₀/(τ + 1) if 1/(τ + 1) is at most 1 − Σ, else 0: Adaptive 2 (arXiv:2202.08550, where α₀ is γ′; B1 row 14, recalled).

    Σ is the sum of the factors of the τ updates since the weights were read.

    Against the paper: as for `wu-adaptive-1`.
    """

    kind: Literal["wu-adaptive-2"] = "wu-adaptive-2"

    @property
    def symbol(self) -> str:
        return "Wu's Adaptive 2"


@final
class Mishchenko(AbstractStepSize):
    """Steps of min{α₀, 1/(2L(τ + 1)), 1/(2λL)} (arXiv:2206.07638; B1 row 15).

    Against the paper: the formula is verified, but for its third term, √(D/(KLσ²)), which is left
    out: α₀ takes its place. The form without `smoothness` is that of the authors' public code,
    λ/max(λ, delay), whose delay is 1 for a lone learner (verified in its source).
    """

    kind: Literal["mishchenko"] = "mishchenko"
    smoothness: Annotated[Positive | None, Field(examples=[5])] = None
    """L, the smoothness of the loss. If absent, α₀ stands for 1/(2λL), and the factor is min{1,
    λ/(τ + 1)}."""

    @property
    def symbol(self) -> str:
        return "Mishchenko's steps"


@final
class Koloskova(AbstractStepSize):
    """Steps of α₀ where τ is at most `threshold`, else of min{α₀, 1/(4Lτ)} (arXiv:2206.08307; B1 row 16).

    Against the paper: Theorem 8 is verified. Beyond τ_C it allows any step of less than min{α₀,
    1/(4Lτ)}, 0 too; here the step is that bound itself. The form without `smoothness` takes α₀ for
    1/(4Lτ_C); the paper's own advice is a step of at most α₀/τ, which is smaller by τ_C.
    """

    kind: Literal["koloskova"] = "koloskova"
    threshold: Annotated[Positive | None, Field(examples=[8])] = None
    """τ_C, the concurrency, in updates; λ if absent."""
    smoothness: Annotated[Positive | None, Field(examples=[5])] = None
    """L, the smoothness of the loss. If absent, α₀ stands for 1/(4Lτ_C), and the factor is τ_C/τ
    beyond the threshold."""

    @property
    def symbol(self) -> str:
        return "Koloskova's steps"
