from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.protocols.base import AbstractServerProtocol, Role
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs
from simasgd.scenario.cluster.delay import Delays, wrong_delays
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.vocabulary.section import Inconsistency, Number


@final
class InjectedStaleness(AbstractServerProtocol):
    """A lone learner computes gradients on the weights of τ updates ago; τ is set exactly.

    θ_{i+1} = θ_i − α · Δθ(θ_{i−τ}), as in constant-delay gradient descent (docs/papers.md B3.5) and
    in test beds of staleness (Zhang, Tanimura and Nakada 2018; arXiv:1604.00981, section 2.1).
    Before update τ, the initial weights are the oldest ones. With one delay for each layer, the
    network's layers differ in age.

    Against the papers: arXiv:1604.00981 raises the staleness slowly over 3 epochs (verified). The
    form of the rise is not known; it is linear here. It is not known how the test bed of 2018
    injects staleness.
    """

    kind: Literal["injected-staleness"] = "injected-staleness"
    delay: Delays
    """τ: a number of updates, or a law of it; or a list of these, one for each layer from the
    input to the output."""
    ramp_epochs: Annotated[Number, Field(ge=0.0, le=1e6)] = 0.0
    """The number of epochs in which τ grows linearly from 0 to the drawn value, rounded down."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.collect(1)
            server.update(gradients)

    def learn(self, learner: LearnerVerbs) -> Role:
        for delays in learner.draws(self.delay):
            weights = yield from learner.pull()
            older = learner.recall(weights, [self._grown(delay, learner) for delay in delays])
            gradient = yield from learner.compute(older)
            yield from learner.push(gradient)

    def _grown(self, delay: int, learner: LearnerVerbs) -> int:
        if self.ramp_epochs == 0.0:
            return delay
        return min(delay, int(delay * learner.computed / (self.ramp_epochs * learner.gradients_per_epoch)))

    def nominal_staleness(self, learners: int) -> float | None:
        return None

    @property
    def counts_epochs(self) -> bool:
        return self.ramp_epochs > 0.0

    def inconsistencies(self, learners: int, model: AbstractModel | None) -> list[Inconsistency]:
        mistakes = [mistake.within("delay") for mistake in wrong_delays(self.delay, model)]
        if learners != 1:
            message = f"there are {learners} learners; injected staleness needs cluster.learners 1"
            mistakes.append(Inconsistency(("kind",), message))
        return mistakes
