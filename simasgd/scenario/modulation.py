"""How staleness changes the learning rate."""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.section import Count, NameForKind, Section


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
