from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.protocols.base import AbstractServerProtocol, Role
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs
from simasgd.scenario.vocabulary.section import Count


@final
class KBatchSync(AbstractServerProtocol):
    """The server updates with the first K gradients on the newest weights, from any learners.

    θ_{i+1} = θ_i − α · (1/K) · Σ_{K first} Δθ(θ_i) (Dutta et al., arXiv:1803.01113). After a
    mini-batch, a learner continues with its next one on the same weights. All learners give up
    their mini-batch when there are new weights. A round takes K/λ of the mean compute time if
    compute times are exponential and communication is free.

    Against the paper: the rule is secondary; no difference is known. A learner that is sending at
    the time of the update finishes sending first.
    """

    kind: Literal["k-batch-sync"] = "k-batch-sync"
    k: Annotated[Count, Field(examples=[6])]
    """K, the number of gradients in an update."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.first(self.k, distinct=False)
            server.update(gradients)

    def learn(self, learner: LearnerVerbs) -> Role:
        weights = yield from learner.pull()
        while True:
            weights = yield from learner.refresh(weights)
            gradient = yield from learner.attempt(weights, before=weights.timestamp + 1)
            if gradient is not None:
                yield from learner.push(gradient)

    def nominal_staleness(self, learners: int) -> float | None:
        return 1.0

    def lawful_staleness(self, learners: int) -> float | None:
        return 0.0
