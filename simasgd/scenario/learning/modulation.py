"""How staleness changes a gradient before the optimizer sees it, and so the learning rate.

What is called a factor multiplies the gradient of each learner by itself, unless it is one for the run.
"""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.vocabulary.section import Count, NameForKind, Number, Section

_Positive = Annotated[Number, Field(gt=0.0)]
_NotNegative = Annotated[Number, Field(ge=0.0)]
_Decay = Annotated[Number, Field(ge=0.0, lt=1.0)]


@final
class DefaultModulation(Section):
    """What the protocol's own paper has; none for most."""

    kind: Literal["default"] = "default"


@final
class NoModulation(Section):
    """The learning rate is α₀ whatever the staleness."""

    kind: Literal["none"] = "none"


@final
class InverseStaleness(Section):
    """α₀/max(1, τ) for each gradient by its own staleness τ (arXiv:1511.05950; A2.2).

    Against the paper: the formula is secondary; no difference is known.
    """

    kind: Literal["inverse-staleness"] = "inverse-staleness"


@final
class InverseMeanStaleness(Section):
    """α₀/max(1, ⟨σ⟩), one for the run: n for n-softsync, 1 for hardsync, else the tape's mean (arXiv:1509.04210; A1.4).

    Against the paper: the formula is the paper's (recalled), also where n is not the mean: 50 learners with n = 30 have c =
    ⌊50/30⌋ = 1 and a mean staleness of 49, and the rate is α₀/30. The mean of a tape is for protocols that the paper does not
    have.
    """

    kind: Literal["inverse-mean-staleness"] = "inverse-mean-staleness"


@final
class SqrtBatch(Section):
    """α₀·√(λµ/B), Rudra's rule for hardsync (arXiv:1509.04210; A1.4, recalled).

    Against the paper: recalled, with B = 128 there; no difference is known.
    """

    kind: Literal["sqrt-batch"] = "sqrt-batch"
    reference: Count
    """B, the best mini-batch of a single learner."""


@final
class PolynomialStaleness(Section):
    """α₀/(1 + τ)^power for each gradient (FedBuff, arXiv:2106.06639, has power ½; B1 row 12, recalled).

    Against the paper: power ½ is in several public implementations of FedBuff (secondary); other powers are as in FedAsync (Xie
    et al. 2019, secondary).
    """

    kind: Literal["polynomial-staleness"] = "polynomial-staleness"
    power: _NotNegative = 0.5


@final
class ExponentialStaleness(Section):
    """α₀·exp(−rate·τ) for each gradient (Chan and Lane 2014; A2.1).

    Against the paper: that the penalty is exponential is verified; its formula is recalled.
    """

    kind: Literal["exponential-staleness"] = "exponential-staleness"
    rate: _NotNegative


@final
class StalenessTable(Section):
    """α₀·factors[τ] for each gradient; the last factor holds for any greater τ.

    No paper: any function of the staleness.
    """

    kind: Literal["staleness-table"] = "staleness-table"
    factors: Annotated[tuple[_NotNegative, ...], Field(min_length=1)]


@final
class DelayCompensation(Section):
    """g + λ₀·g⊙g⊙(w − w_read) in place of each gradient g: DC-ASGD-c (arXiv:1609.08326; B1 row 5).

    Against the paper: the rule is the paper's (verified). w_read are the weights as they left the server.
    """

    kind: Literal["delay-compensation"] = "delay-compensation"
    lambda0: _NotNegative = 0.04


@final
class AdaptiveDelayCompensation(Section):
    """The same with λ₀/√(m + 10⁻⁷) for λ₀, where m is a running mean of g⊙g: DC-ASGD-a (arXiv:1609.08326; B1 row 5).

    Against the paper: the rule is the paper's (verified); m is one mean for all learners' gradients, in the order of their
    application.
    """

    kind: Literal["adaptive-delay-compensation"] = "adaptive-delay-compensation"
    lambda0: _NotNegative = 2.0
    decay: _Decay = 0.95
    """Of the running mean; the paper's for CIFAR-10, and 0 for ImageNet."""


@final
class GapAware(Section):
    """Each element of a gradient ÷ (1 + |w − w_read|/C), with C that weight's mean step: Gap-Aware (arXiv:1909.10802; B1
    row 6, recalled).

    Against the paper: that the penalty is linear in the gap is verified in the abstract. C is the mean size of that weight's
    moves here. A public implementation (FTPipe, which names changes of its own) has the greatest learning rate times the root
    of a running mean of squared velocities, with a decay of 0.999 and its start corrected, and divides weight decay as well
    (verified in its source). The paper's own C is recalled.
    """

    kind: Literal["gap-aware"] = "gap-aware"
    decay: _Decay = 0.95
    """Of the running mean C. The value is ours, not the paper's."""


@final
class WuAdaptive1(Section):
    """α₀·fraction·max(1 − Σ, 0), with Σ the sum of the factors of the τ steps since the weights were read (Adaptive 1 of
    arXiv:2202.08550, where α₀ is γ′; B1 row 14, recalled).

    Against the paper: the formula is recalled. The paper proves it for aggregated gradients (PIAG) and block coordinate descent
    (secondary), and not for this use, with single stochastic gradients.
    """

    kind: Literal["wu-adaptive-1"] = "wu-adaptive-1"
    fraction: Annotated[Number, Field(gt=0.0, lt=1.0)] = 0.9
    """The paper's α; the value is ours."""


@final
class WuAdaptive2(Section):
    """α₀/(τ + 1) if 1/(τ + 1) is at most 1 − Σ, else 0 (Adaptive 2 of arXiv:2202.08550; α₀ is γ′; B1 row 14, recalled).

    Against the paper: as for `wu-adaptive-1`.
    """

    kind: Literal["wu-adaptive-2"] = "wu-adaptive-2"


@final
class Mishchenko(Section):
    """Steps of min{α₀, 1/(2L(τ + 1)), 1/(2λL)} (arXiv:2206.07638; B1 row 15).

    Against the paper: the formula is verified, but for its third term, √(D/(KLσ²)), which is left out: α₀ takes its place. The
    form without `smoothness` is that of the authors' public code, λ/max(λ, delay), whose delay is 1 for a lone learner
    (verified in its source).
    """

    kind: Literal["mishchenko"] = "mishchenko"
    smoothness: _Positive | None = None
    """L; if absent, α₀ is taken for 1/(2λL), so that the factor is min{1, λ/(τ + 1)}."""


@final
class Koloskova(Section):
    """Steps of α₀ where τ is at most `threshold`, else of min{α₀, 1/(4Lτ)} (arXiv:2206.08307; B1 row 16).

    Against the paper: Theorem 8 is verified. Beyond τ_C it allows any step of less than min{α₀, 1/(4Lτ)}, 0 too; here the step
    is that bound itself. The form without `smoothness` takes α₀ for 1/(4Lτ_C); the paper's own advice is a step of at most
    α₀/τ, which is smaller by τ_C.
    """

    kind: Literal["koloskova"] = "koloskova"
    threshold: _Positive | None = None
    """τ_C, the concurrency; λ if absent."""
    smoothness: _Positive | None = None
    """L; if absent, α₀ is taken for 1/(4Lτ_C), so that the factor is τ_C/τ beyond the threshold."""


@final
class DanaSlim(Section):
    """γ·v + g in place of each gradient g, with v ← γ·v + g kept for each learner: DANA-Slim (arXiv:1907.11612; B1 row 7). It
    is for an optimizer without momentum.

    Against the paper: the rule is secondary; no difference is known.
    """

    kind: Literal["dana-slim"] = "dana-slim"
    decay: _Decay = 0.9
    """γ."""


@final
class LearnerMomentum(Section):
    """v in place of each gradient g, with v ← γ·v + g kept for each learner: heavy-ball momentum, but not of all gradients
    together. It is for an optimizer without momentum.

    No paper: what DANA-Slim and DANA-Zero have in common, by itself.
    """

    kind: Literal["learner-momentum"] = "learner-momentum"
    decay: _Decay = 0.9
    """γ."""


@final
class DanaZero(Section):
    """The same, and learners are sent where the velocities of all will take the weights w, which is w − α·γ·Σ v_j: DANA-Zero
    (arXiv:1907.11612; B1 row 7). It is for sgd without momentum.

    Against the paper: the rule is secondary. Where a step has several gradients, v_j counts with its learner's share in the
    step, which the paper does not need.
    """

    kind: Literal["dana-zero"] = "dana-zero"
    decay: _Decay = 0.9
    """γ."""


@final
class DanaDC(Section):
    """DANA-Zero with g + λ₀·g⊙g⊙(w − ŵ) for g, where ŵ is what the learner was sent and w the server's weights, not those that
    it would send: DANA-DC (arXiv:1907.11612; B1 row 7; which weights, recalled).

    Against the paper: that it is DANA with DC-ASGD's term is secondary; which weights the term compares is recalled.
    """

    kind: Literal["dana-dc"] = "dana-dc"
    decay: _Decay = 0.9
    """γ."""
    lambda0: _NotNegative = 2.0


Modulation = Annotated[
    DefaultModulation
    | NoModulation
    | InverseStaleness
    | InverseMeanStaleness
    | SqrtBatch
    | PolynomialStaleness
    | ExponentialStaleness
    | StalenessTable
    | DelayCompensation
    | AdaptiveDelayCompensation
    | GapAware
    | WuAdaptive1
    | WuAdaptive2
    | Mishchenko
    | Koloskova
    | DanaSlim
    | LearnerMomentum
    | DanaZero
    | DanaDC,
    Field(discriminator="kind"),
    NameForKind,
]

OF_ONE_SERVER = (
    AdaptiveDelayCompensation,
    GapAware,
    WuAdaptive1,
    WuAdaptive2,
    Mishchenko,
    Koloskova,
    DanaSlim,
    LearnerMomentum,
    DanaZero,
    DanaDC,
)
"""Those that remember what was applied before, or count all learners' gradients: rules of somebody who applies them all."""
