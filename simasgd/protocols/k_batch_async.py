from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.protocols.base import AbstractSoftsyncProtocol
from simasgd.scenario.vocabulary.section import Count


@final
class KBatchAsync(AbstractSoftsyncProtocol):
    """The server updates with the next K gradients, from any learners and on any weights.

    θ_{i+1} = θ_i − α · (1/K) · Σ_{K next} Δθ(θ_{τ_l}) (Dutta et al., arXiv:1803.01113): n-softsync
    with c = K. K = 1 is async, K = λ is 1-softsync. The mean staleness is (λ − 1)/K if
    communication is free and nobody waits (docs/papers.md B3.2).

    Against the paper: the rule is secondary; no difference is known.
    """

    kind: Literal["k-batch-async"] = "k-batch-async"
    k: Annotated[Count, Field(examples=[6])]
    """K, the number of gradients in an update."""

    def gradients_per_update(self, learners: int) -> int:
        return self.k

    def nominal_staleness(self, learners: int) -> float | None:
        return None

    def lawful_staleness(self, learners: int) -> float | None:
        return (learners - 1) / self.k
