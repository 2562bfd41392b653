from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractSoftsyncProtocol
from simasgd.scenario.learning.modulation import InverseStaleness, Modulation


@final
class DynSgd(AbstractSoftsyncProtocol):
    """Async in which a staler gradient counts less.

    θ_{i+1} = θ_i − (α/max(1, τ)) · Δθ(θ_{i−τ}): async with the modulation α₀/τ of arXiv:1511.05950
    (Jiang et al. 2017, SIGMOD; docs/papers.md B1).

    Against the paper: its text was not at hand, and 1/τ is secondary. A public implementation,
    dist-keras, divides by τ + 1, with τ counted as here (verified in its source): `modulation:
    {kind: polynomial-staleness, power: 1}`. The paper also keeps versions of the weights
    (recalled), which are not modelled.
    """

    kind: Literal["dynsgd"] = "dynsgd"

    def gradients_per_update(self, learners: int) -> int:
        return 1

    @property
    def modulation(self) -> Modulation:
        return InverseStaleness()

    def nominal_staleness(self, learners: int) -> float | None:
        return None

    def lawful_staleness(self, learners: int) -> float | None:
        return learners - 1.0
