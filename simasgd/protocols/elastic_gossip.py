from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import Role
from simasgd.protocols.gossip import AbstractGossipProtocol
from simasgd.protocols.verbs import PeerVerbs


@final
class ElasticGossip(AbstractGossipProtocol):
    """A learner and a random other learner regularly attract each other.

    Every τ-th step: θ_i ← θ_i − β · (θ_i − θ_j) and θ_j ← θ_j + β · (θ_i − θ_j), with j uniform.
    This keeps the sum. Every step: θ_i ← θ_i − α · Δθ_i. The other learner computes meanwhile
    (Pramod 2018, arXiv:1812.02407, recalled; B1 row 20).

    The staleness of a gradient is the number of times that others have changed the model since it
    was read. The staleness of θ_i and of θ_j is the number of steps of their learners since they
    were sent (`mixing` in run.json).

    Against the paper: a comparison with gossip and elastic averaging is verified in the abstract.
    The equations are recalled.
    """

    kind: Literal["elastic-gossip"] = "elastic-gossip"

    def learn(self, peer: PeerVerbs) -> Role:
        while True:
            other = self.choose(peer)
            if other is not None:
                yield from peer.exchange(other, self.coefficient)
            for _ in range(self.period):
                peer.step((yield from peer.compute(peer.model)))
