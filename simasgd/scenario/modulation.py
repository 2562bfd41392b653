"""How staleness changes a gradient before the optimizer sees it, and so the learning rate.

What is called a factor multiplies the gradient of each learner by itself, unless it is one for the run.
"""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.section import Count, NameForKind, Number, Section

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


@final
class PolynomialStaleness(Section):
    """α₀/(1 + τ)^power for each gradient (FedBuff, arXiv:2106.06639, has power ½; B1 row 12, recalled)."""

    kind: Literal["polynomial-staleness"] = "polynomial-staleness"
    power: _NotNegative = 0.5


@final
class ExponentialStaleness(Section):
    """α₀·exp(−rate·τ) for each gradient (Chan and Lane 2014; A2.1)."""

    kind: Literal["exponential-staleness"] = "exponential-staleness"
    rate: _NotNegative


@final
class StalenessTable(Section):
    """α₀·factors[τ] for each gradient; the last factor holds for any greater τ."""

    kind: Literal["staleness-table"] = "staleness-table"
    factors: Annotated[tuple[_NotNegative, ...], Field(min_length=1)]


@final
class DelayCompensation(Section):
    """g + λ₀·g⊙g⊙(w − w_read) in place of each gradient g: DC-ASGD-c (arXiv:1609.08326; B1 row 5)."""

    kind: Literal["delay-compensation"] = "delay-compensation"
    lambda0: _NotNegative = 0.04


@final
class AdaptiveDelayCompensation(Section):
    """The same with λ₀/√(m + 10⁻⁷) for λ₀, where m is a running mean of g⊙g: DC-ASGD-a (arXiv:1609.08326; B1 row 5)."""

    kind: Literal["adaptive-delay-compensation"] = "adaptive-delay-compensation"
    lambda0: _NotNegative = 2.0
    decay: _Decay = 0.95
    """Of the running mean; the paper's for CIFAR-10, and 0 for ImageNet."""


@final
class GapAware(Section):
    """Each element of a gradient ÷ (1 + |w − w_read|/C), with C that weight's mean step: Gap-Aware (arXiv:1909.10802; B1
    row 6, recalled)."""

    kind: Literal["gap-aware"] = "gap-aware"
    decay: _Decay = 0.95
    """Of the running mean C. The value is ours, not the paper's."""


@final
class WuAdaptive1(Section):
    """α₀·fraction·max(1 − Σ, 0), with Σ the sum of the factors of the τ steps since the weights were read (Adaptive 1 of
    arXiv:2202.08550, where α₀ is γ′; B1 row 14, recalled)."""

    kind: Literal["wu-adaptive-1"] = "wu-adaptive-1"
    fraction: Annotated[Number, Field(gt=0.0, lt=1.0)] = 0.9
    """The paper's α; the value is ours."""


@final
class WuAdaptive2(Section):
    """α₀/(τ + 1) if 1/(τ + 1) is at most 1 − Σ, else 0 (Adaptive 2 of arXiv:2202.08550; α₀ is γ′; B1 row 14, recalled)."""

    kind: Literal["wu-adaptive-2"] = "wu-adaptive-2"


@final
class Mishchenko(Section):
    """Steps of min{α₀, 1/(2L(τ + 1)), 1/(2λL)} (arXiv:2206.07638; B1 row 15)."""

    kind: Literal["mishchenko"] = "mishchenko"
    smoothness: _Positive | None = None
    """L; if absent, α₀ is taken for 1/(2λL), so that the factor is min{1, λ/(τ + 1)}."""


@final
class Koloskova(Section):
    """Steps of α₀ where τ is at most `threshold`, else of min{α₀, 1/(4Lτ)} (arXiv:2206.08307; B1 row 16)."""

    kind: Literal["koloskova"] = "koloskova"
    threshold: _Positive | None = None
    """τ_C, the concurrency; λ if absent."""
    smoothness: _Positive | None = None
    """L; if absent, α₀ is taken for 1/(4Lτ_C), so that the factor is τ_C/τ beyond the threshold."""


@final
class DanaSlim(Section):
    """γ·v + g in place of each gradient g, with v ← γ·v + g kept for each learner: DANA-Slim (arXiv:1907.11612; B1 row 7). It
    is for an optimizer without momentum."""

    kind: Literal["dana-slim"] = "dana-slim"
    decay: _Decay = 0.9
    """γ."""


@final
class LearnerMomentum(Section):
    """v in place of each gradient g, with v ← γ·v + g kept for each learner: heavy-ball momentum, but not of all gradients
    together. It is for an optimizer without momentum."""

    kind: Literal["learner-momentum"] = "learner-momentum"
    decay: _Decay = 0.9
    """γ."""


@final
class DanaZero(Section):
    """The same, and learners are sent where the velocities of all will take the weights w, which is w − α·γ·Σ v_j: DANA-Zero
    (arXiv:1907.11612; B1 row 7). It is for sgd without momentum."""

    kind: Literal["dana-zero"] = "dana-zero"
    decay: _Decay = 0.9
    """γ."""


@final
class DanaDC(Section):
    """DANA-Zero with g + λ₀·g⊙g⊙(w − ŵ) for g, where ŵ is what the learner was sent and w the server's weights, not those that
    it would send: DANA-DC (arXiv:1907.11612; B1 row 7; which weights, recalled)."""

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
