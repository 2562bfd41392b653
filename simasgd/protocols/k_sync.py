from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.protocols.base import AbstractServerProtocol, Role, check_at_most_learners
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.vocabulary.section import Count, Inconsistency


@final
class KSync(AbstractServerProtocol):
    """The server updates with the first K of λ fresh gradients; the other learners give up.

    θ_{i+1} = θ_i − α · (1/K) · Σ_{K first} Δθ(θ_i), with gradients on the newest weights (Dutta et
    al., arXiv:1803.01113). A round takes the mean of the K-th of λ compute times. If these are
    exponential and communication is free, that is H_λ − H_{λ−K} of their mean.

    Against the paper: the rule is secondary; no difference is known. The paper's learning rate is
    min{C/‖w − w_read‖², η_max}. It is left to learning.modulation, which has no such rule.
    """

    kind: Literal["k-sync"] = "k-sync"
    k: Annotated[Count, Field(examples=[6])]
    """K, the number of learners that the server waits for."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.first(self.k, distinct=True)
            server.update(gradients)

    def learn(self, learner: LearnerVerbs) -> Role:
        weights = None
        while True:
            weights = yield from learner.pull(newer_than=weights)
            gradient = yield from learner.attempt(weights, before=weights.timestamp + 1)
            if gradient is not None:
                yield from learner.push(gradient)

    @property
    def has_rounds(self) -> bool:
        return True

    def nominal_staleness(self, learners: int) -> float | None:
        return 1.0

    def lawful_staleness(self, learners: int) -> float | None:
        return 0.0

    def inconsistencies(self, learners: int, model: AbstractModel | None) -> list[Inconsistency]:
        return check_at_most_learners("k", self.k, learners)
