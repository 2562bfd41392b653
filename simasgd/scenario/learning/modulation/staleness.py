"""Rules that multiply a gradient by a number: none, or a function of the staleness or of the mini-batch."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.learning.modulation.base import AbstractModulation, RunFact
from simasgd.scenario.vocabulary.section import Count, NonNegative


@final
class DefaultModulation(AbstractModulation):
    """The rule of the protocol's own paper (`fedbuff` and `dynsgd` have one), else `none`."""

    kind: Literal["default"] = "default"

    @property
    def symbol(self) -> str:
        return ""


@final
class NoModulation(AbstractModulation):
    """The learning rate is α₀ at any staleness."""

    kind: Literal["none"] = "none"

    @property
    def symbol(self) -> str:
        return ""


@final
class InverseStaleness(AbstractModulation):
    """α₀/max(1, τ) for each gradient by its own staleness τ (arXiv:1511.05950; A2.2).

    Against the paper: the formula is secondary; no difference is known.
    """

    kind: Literal["inverse-staleness"] = "inverse-staleness"

    @property
    def symbol(self) -> str:
        return "α₀/τ"


@final
class InverseMeanStaleness(AbstractModulation):
    """α₀/max(1, ⟨σ⟩), one learning rate for the whole run (arXiv:1509.04210; A1.4).

    ⟨σ⟩ is n under n-softsync and 1 under hardsync. Under other protocols it is the mean staleness
    of the run, or of its first part where it is continued.

    Against the paper: the formula is the paper's (recalled), also where n is not the mean. With 50
    learners and n = 30, c = ⌊50/30⌋ = 1 and the mean staleness is 49, but the learning rate is
    α₀/30. The run's mean is for protocols that the paper does not have.
    """

    kind: Literal["inverse-mean-staleness"] = "inverse-mean-staleness"

    @property
    def symbol(self) -> str:
        return "α₀/⟨σ⟩"

    @property
    def needs(self) -> frozenset[RunFact]:
        return frozenset({"mean_staleness"})


@final
class SqrtBatch(AbstractModulation):
    """α₀·√(λµ/B), Rudra's rule for hardsync (arXiv:1509.04210; A1.4, recalled).

    Against the paper: recalled, with B = 128 there; no difference is known.
    """

    kind: Literal["sqrt-batch"] = "sqrt-batch"
    reference: Annotated[Count, Field(examples=[128])]
    """B, the best mini-batch of a single learner, in samples."""

    @property
    def symbol(self) -> str:
        return "α₀·√(λµ/B)"

    @property
    def needs(self) -> frozenset[RunFact]:
        return frozenset({"samples_per_round"})


@final
class PolynomialStaleness(AbstractModulation):
    """α₀/(1 + τ)^power for each gradient (FedBuff, arXiv:2106.06639; B1 row 12, recalled).

    Against the paper: power ½ is in several public implementations of FedBuff (secondary); other
    powers are as in FedAsync (Xie et al. 2019, secondary).
    """

    kind: Literal["polynomial-staleness"] = "polynomial-staleness"
    power: NonNegative = 0.5
    """The exponent; ½ is FedBuff's."""

    @property
    def symbol(self) -> str:
        return "α₀/(1 + τ)ᵖ"


@final
class ExponentialStaleness(AbstractModulation):
    """α₀·exp(−rate·τ) for each gradient (Chan and Lane 2014; A2.1).

    Against the paper: that the penalty is exponential is verified; its formula is recalled.
    """

    kind: Literal["exponential-staleness"] = "exponential-staleness"
    rate: Annotated[NonNegative, Field(examples=[0.1])]
    """How fast the factor falls with each update of staleness."""

    @property
    def symbol(self) -> str:
        return "α₀·exp(−βτ)"


@final
class StalenessTable(AbstractModulation):
    """α₀·factors[τ] for each gradient; the last factor holds for any greater τ.

    No paper: any function of the staleness.
    """

    kind: Literal["staleness-table"] = "staleness-table"
    factors: Annotated[tuple[NonNegative, ...], Field(min_length=1, examples=[[1, 0.5, 0.25]])]
    """The factors at staleness 0, 1, 2, …"""

    @property
    def symbol(self) -> str:
        return "α₀·f(τ)"
