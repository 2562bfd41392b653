from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.protocols.base import AbstractServerProtocol, Role, check_at_most_learners
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.vocabulary.section import Count, Inconsistency


@final
class KAsync(AbstractServerProtocol):
    """The server updates with the first K gradients, which come from K different learners.

    θ_{i+1} = θ_i − α · (1/K) · Σ_{K first} Δθ(θ_{τ_l}) (Dutta et al., arXiv:1803.01113). A learner
    that has sent a gradient waits for the update with it. The others continue to compute, and their
    gradients count when they arrive. K = 1 is async, K = λ is hardsync.

    Against the paper: the rule is secondary; no difference is known.
    """

    kind: Literal["k-async"] = "k-async"
    k: Annotated[Count, Field(examples=[6])]
    """K, the number of learners that the server waits for."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.collect(self.k)
            server.update(gradients)

    def learn(self, learner: LearnerVerbs) -> Role:
        while True:
            yield from learner.settle()
            weights = yield from learner.pull()
            gradient = yield from learner.compute(weights)
            yield from learner.push(gradient)

    def nominal_staleness(self, learners: int) -> float | None:
        return None

    def inconsistencies(self, learners: int, model: AbstractModel | None) -> list[Inconsistency]:
        return check_at_most_learners("k", self.k, learners)
