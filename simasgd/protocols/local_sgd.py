from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractPeerProtocol, Meeting, Role
from simasgd.protocols.verbs import PeerVerbs
from simasgd.scenario.cluster.collective import Collective, RingCollective
from simasgd.scenario.vocabulary.section import Count, Flag


@final
class LocalSgd(AbstractPeerProtocol):
    """Every learner makes H steps on its own model, and then all take the mean of the models.

    θ_l ← θ_l − α · Δθ_l, H times;  θ_l ← (1/λ) · Σ_j θ_j (Stich 2018, arXiv:1805.09767; B1 row 11).
    With H = 1 and plain SGD this is all-reduce.

    Each learner has its own optimizer state, momentum for example, which it keeps or which is
    averaged with the models. An averaged state doubles the messages, whatever the optimizer. That
    is right for momentum, and too little for Adam's two moments.

    The staleness is 0: a gradient is applied to the model it was computed on, and a mean is of
    models of the same round. A model lacks at most (λ − 1)(H − 1) gradients of the other learners.

    Against the paper: the rule is secondary, for plain SGD. Optimizers with states, and the mean of
    states, are not in the paper.
    """

    kind: Literal["local-sgd"] = "local-sgd"
    steps: Count = 8
    """H, the number of a learner's own steps between two means."""
    average_momentum: Flag = False
    """Whether the optimizers' states are averaged, too."""
    collective: Collective = RingCollective.by_default()
    """The collective operation: the pattern of messages."""

    @property
    def has_rounds(self) -> bool:
        return True

    @property
    def has_direct_messages(self) -> bool:
        return False

    @property
    def meeting(self) -> Meeting:
        return Meeting(self.collective, "models", size=2.0 if self.average_momentum else 1.0)

    def learn(self, peer: PeerVerbs) -> Role:
        while True:
            for _ in range(self.steps):
                gradient = yield from peer.compute(peer.model)
                peer.step(gradient)
            yield from peer.average(with_states=self.average_momentum)
