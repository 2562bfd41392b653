from __future__ import annotations

from itertools import count
from typing import Literal, final

from simasgd.protocols.base import AbstractServerProtocol, Role
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs
from simasgd.scenario.vocabulary.section import Count


@final
class Downpour(AbstractServerProtocol):
    """A learner steps its own copy of the weights between messages to and from the server.

    Learner: θ_l ← θ_l − α · Δθ_l. It sends Σ Δθ_l after every n_push mini-batches and fetches
    weights after every n_fetch.
    Server: θ ← θ − α · Σ Δθ_l on arrival (Dean et al. 2012, NIPS; docs/papers.md B1). The paper's
    experiments have n_fetch = n_push = 1, which is async, with Adagrad at the server
    (learning.optimizer).

    Against the paper: there, fetch and push run beside the computation (recalled). Here, both block
    under the architecture `base`; `adv` gives the push a thread of its own, and `adv*` the fetch as
    well. The paper also starts with a single replica, which is not modelled.
    """

    kind: Literal["downpour"] = "downpour"
    n_fetch: Count = 1
    """The number of mini-batches between two fetches."""
    n_push: Count = 1
    """The number of mini-batches whose gradients are summed in a message."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.collect(1)
            server.update(gradients, summed=self.n_push)

    def learn(self, learner: LearnerVerbs) -> Role:
        weights = yield from learner.pull()
        accrued = []
        for done in count(1):
            gradient = yield from learner.compute(weights)
            weights = learner.step(weights)
            accrued.append(gradient)
            if done % self.n_push == 0:
                yield from learner.push(*accrued)
                accrued = []
            if done % self.n_fetch == 0:
                weights = yield from learner.pull()

    @property
    def steps_copies(self) -> bool:
        return True

    def nominal_staleness(self, learners: int) -> float | None:
        return None

    def lawful_staleness(self, learners: int) -> float | None:
        return learners - 1.0 if self.n_fetch == self.n_push == 1 else None
