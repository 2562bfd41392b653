from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractServerProtocol, Role, Threshold, as_float
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs


@final
class RingmasterStop(AbstractServerProtocol):
    """Ringmaster that stops late computations.

    θ_{i+1} = θ_i − γ · Δθ(θ_{i−δ}) with δ < R. As soon as a learner's weights are R updates old, it
    gives up the mini-batch and gets the newest weights (Maranjyan et al. 2025, arXiv:2501.16168,
    Ringmaster ASGD with stops; docs/papers.md B1). R = ∞ is async.

    Against the paper: a public implementation stops a computation when its weights are R updates
    old (verified in its source), as here. The paper's description is recalled. γ is the scenario's
    learning rate.
    """

    kind: Literal["ringmaster-stop"] = "ringmaster-stop"
    threshold: Threshold
    """R, the age (updates) of weights at which a learner gives up; or `infinite`."""

    def serve(self, server: ServerVerbs) -> Role:
        spread = None if self.threshold == "infinite" else self.threshold - 1
        while True:
            gradients = yield from server.collect(1, spread)
            server.update(gradients)

    def learn(self, learner: LearnerVerbs) -> Role:
        late = None
        while True:
            weights = yield from learner.pull(newer_than=late)
            gradient = yield from learner.attempt(weights, before=weights.timestamp + as_float(self.threshold))
            late = weights if gradient is None else None
            if gradient is not None:
                yield from learner.push(gradient)

    def nominal_staleness(self, learners: int) -> float | None:
        return None

    def lawful_staleness(self, learners: int) -> float | None:
        return learners - 1.0 if self.threshold == "infinite" else None
