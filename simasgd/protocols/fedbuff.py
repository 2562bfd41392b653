from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractServerProtocol, Role
from simasgd.protocols.verbs import LearnerVerbs, ServerVerbs
from simasgd.scenario.learning.modulation import Modulation, PolynomialStaleness
from simasgd.scenario.vocabulary.section import Count


@final
class FedBuff(AbstractServerProtocol):
    """The server updates with the next K messages, each the sum of a learner's H local steps.

    Learner: θ_l ← θ_l − η_l · Δθ_l, H times from the received weights θ. It sends
    Δ_l = (θ − θ_l)/η_l, the sum of its gradients.
    Server: θ ← θ − α · (1/K) · Σ_{K next} s(τ) · Δ_l with s(τ) = 1/√(1 + τ) (recalled), where α is
    the paper's η_g·η_l (Nguyen et al., arXiv:2106.06639; docs/papers.md B1). With K = H = 1 and
    s = 1 this is async.

    Against the paper: all λ learners train all the time here. The paper's server samples clients
    and limits how many train at once (recalled). s(τ) is in several public implementations
    (secondary).
    """

    kind: Literal["fedbuff"] = "fedbuff"
    buffer: Count = 10
    """K, the number of messages in an update."""
    local_steps: Count = 1
    """H, the number of mini-batches in a message."""

    def serve(self, server: ServerVerbs) -> Role:
        while True:
            gradients = yield from server.collect(self.buffer * self.local_steps)
            server.update(gradients, summed=self.local_steps)

    def learn(self, learner: LearnerVerbs) -> Role:
        while True:
            weights = yield from learner.pull()
            update = []
            for _ in range(self.local_steps):
                gradient = yield from learner.compute(weights)
                weights = learner.step(weights)
                update.append(gradient)
            yield from learner.push(*update)

    @property
    def modulation(self) -> Modulation:
        return PolynomialStaleness(power=0.5)

    @property
    def steps_copies(self) -> bool:
        return True

    def nominal_staleness(self, learners: int) -> float | None:
        return None

    def lawful_staleness(self, learners: int) -> float | None:
        return (learners - 1) / self.buffer if self.local_steps == 1 else None
