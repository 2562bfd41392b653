from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractServerProtocol, Role, at_most_learners
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.vocabulary.section import Count, Inconsistency


@final
class KAsync(AbstractServerProtocol):
    """The server updates with the first K gradients, which are of K learners, for who has sent one waits for that update; the
    others go on computing, and their gradients count when they come (Dutta et al., arXiv:1803.01113).

    θ_{i+1} = θ_i − α · (1/K) · Σ_{K first} Δθ(θ_{τ_l}). With K = 1 it is async, with K = λ hardsync.

    Against the paper: the rule is secondary; no difference is known.
    """

    kind: Literal["k-async"] = "k-async"
    k: Count
    """K, learners."""

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
        return at_most_learners("k", self.k, learners)
