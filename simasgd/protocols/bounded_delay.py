from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.protocols.base import AbstractServerProtocol, Role
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs


@final
class BoundedDelay(AbstractServerProtocol):
    """A learner computes on its weights while they are at most d updates old, and pulls only then.

    θ_{i+1} = θ_i − α · Δθ(θ_j) with j ≥ k − d, where k is the server's timestamp before the
    mini-batch. Pulled weights may age on their way. This is the bounded delay of the parameter
    server of Li et al. (OSDI 2014), for weights instead of tasks. To ask for the timestamp is free,
    as in Rudra, which skips the pull if its copy is current (recalled). d = 0 is async.

    Against the paper: the parameter server of Li et al. bounds the delay of tasks, and makes tasks
    wait. This protocol bounds the age of weights, and makes learners pull (recalled).
    """

    kind: Literal["bounded-delay"] = "bounded-delay"
    delay: Annotated[int, Field(strict=True, ge=0, le=2**53, examples=[3])]
    """d, the greatest age (updates) of weights that a learner computes on."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.collect(1)
            server.update(gradients)

    def learn(self, learner: LearnerVerbs) -> Role:
        weights = yield from learner.pull()
        while True:
            weights = yield from learner.refresh(weights, self.delay)
            gradient = yield from learner.compute(weights)
            yield from learner.push(gradient)

    def nominal_staleness(self, learners: int) -> float | None:
        return None
