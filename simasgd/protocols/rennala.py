from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.protocols.base import AbstractServerProtocol, Role
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs
from simasgd.scenario.vocabulary.section import Count


@final
class Rennala(AbstractServerProtocol):
    """The server updates with the first B gradients on the newest weights and drops older ones.

    θ_{i+1} = θ_i − γ · (1/B) · Σ_{B first} Δθ(θ_i). Learners never give up a mini-batch, and
    compute on the same weights until there are newer ones (Tyurin and Richtárik 2023, Rennala SGD,
    arXiv:2305.12387, recalled).

    Against the paper: the rule is recalled; no difference is known. γ is the scenario's learning
    rate.
    """

    kind: Literal["rennala"] = "rennala"
    batch: Annotated[Count, Field(examples=[32])]
    """B, the number of gradients in an update."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.first(self.batch, distinct=False)
            server.update(gradients)

    def learn(self, learner: LearnerVerbs) -> Role:
        weights = yield from learner.pull()
        while True:
            weights = yield from learner.refresh(weights)
            gradient = yield from learner.compute(weights)
            yield from learner.push(gradient)

    def nominal_staleness(self, learners: int) -> float | None:
        return 1.0

    def lawful_staleness(self, learners: int) -> float | None:
        return 0.0
