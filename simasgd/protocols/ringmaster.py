from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractSoftsyncProtocol, Threshold


@final
class Ringmaster(AbstractSoftsyncProtocol):
    """The server applies a gradient if its delay is less than R, and drops it otherwise.

    θ_{i+1} = θ_i − γ · Δθ(θ_{i−δ}) with δ < R. The learner gets the newest weights in either case
    (Maranjyan et al. 2025, arXiv:2501.16168, Ringmaster ASGD; docs/papers.md B1). The paper chooses
    R = max{1, ⌈σ²/ε⌉} for gradients of variance σ² and the aim ‖∇f‖² ≤ ε (recalled). R = ∞ is
    async; R = 1 takes fresh gradients only.

    Against the paper: the threshold is the paper's (verified). Its step size,
    min{1/(2RL), ε/(4Lσ²)} (recalled), is not set here: γ is the scenario's learning rate.
    """

    kind: Literal["ringmaster"] = "ringmaster"
    threshold: Threshold
    """R, the delay (updates) from which gradients are dropped; or `infinite`."""

    def gradients_per_update(self, learners: int) -> int:
        return 1

    @property
    def most_stale(self) -> int | None:
        return None if self.threshold == "infinite" else self.threshold - 1

    def nominal_staleness(self, learners: int) -> float | None:
        return None

    def lawful_staleness(self, learners: int) -> float | None:
        return learners - 1.0 if self.threshold == "infinite" else None
