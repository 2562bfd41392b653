from __future__ import annotations

from itertools import count
from typing import Literal, final

from simasgd.protocols.base import AbstractServerProtocol, Role
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs
from simasgd.scenario.vocabulary.section import Count


@final
class Downpour(AbstractServerProtocol):
    """A learner fetches weights every n_fetch mini-batches and steps its own copy of them meanwhile; it sends the sum of its
    gradients every n_push (Dean et al. 2012, NIPS; docs/papers.md B1).

    Learner: θ_l ← θ_l − α · Δθ_l, and after n_push of them Σ Δθ_l is sent. Server: θ ← θ − α · Σ Δθ_l on arrival. The paper's
    experiments have n_fetch = n_push = 1, which is async, with Adagrad at the server (learning.optimizer).

    Against the paper: there fetch and push are started and run beside the computation (recalled). Under the architecture `base`
    both block; `adv` gives the push a thread of its own, `adv*` the fetch as well. Not here: the paper's start with a single
    replica.
    """

    kind: Literal["downpour"] = "downpour"
    n_fetch: Count = 1
    """Mini-batches between two fetches."""
    n_push: Count = 1
    """Mini-batches in a message."""

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
