from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractServerProtocol, Role, Spread
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs


@final
class Async(AbstractServerProtocol):
    """The server applies every gradient on arrival.

    θ_{i+1} = θ_i − α · Δθ_l: Downpour with n_push = n_fetch = 1, or λ-softsync (arXiv:1509.04210).
    The mean staleness is λ − 1 if communication is free (docs/papers.md B3.1).

    Against the papers: Rudra's learner first asks for the timestamp and skips the pull if its copy
    is current (recalled). This learner always pulls. `spread` comes from Rudra's public code
    (verified in the source).
    """

    kind: Literal["async"] = "async"
    spread: Spread | None = None
    """The greatest staleness (updates) of a gradient that is applied; staler ones are dropped.
    Absent: no limit."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.collect(1, self.spread)
            server.update(gradients)

    def learn(self, learner: LearnerVerbs) -> Role:
        while True:
            weights = yield from learner.pull()
            gradient = yield from learner.compute(weights)
            yield from learner.push(gradient)

    def nominal_staleness(self, learners: int) -> float | None:
        return None

    def lawful_staleness(self, learners: int) -> float | None:
        return learners - 1.0 if self.spread is None else None
