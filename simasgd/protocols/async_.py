from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractSoftsyncProtocol, SpreadLimit


@final
class Async(AbstractSoftsyncProtocol):
    """The server applies every gradient on arrival.

    θ_{i+1} = θ_i − α · Δθ_l: Downpour with n_push = n_fetch = 1, or λ-softsync (arXiv:1509.04210).
    The mean staleness is λ − 1 if communication is free (docs/papers.md B3.1).

    Against the papers: Rudra's learner first asks for the timestamp and skips the pull if its copy
    is current (recalled). This learner always pulls. `spread` comes from Rudra's public code
    (verified in the source).
    """

    kind: Literal["async"] = "async"
    spread: SpreadLimit | None = None
    """The greatest staleness (updates) of a gradient that is applied; staler ones are dropped.
    Absent: no limit."""

    def gradients_per_update(self, learners: int) -> int:
        return 1

    @property
    def most_stale(self) -> int | None:
        return self.spread

    def nominal_staleness(self, learners: int) -> float | None:
        return None

    def lawful_staleness(self, learners: int) -> float | None:
        return learners - 1.0 if self.spread is None else None
