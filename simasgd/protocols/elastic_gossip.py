from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import Role
from simasgd.protocols.gossip import AbstractGossipProtocol
from simasgd.protocols.verbs import PeerVerbs


@final
class ElasticGossip(AbstractGossipProtocol):
    """Every learner now and then draws a random other one towards itself, and is drawn as much (Pramod 2018, arXiv:1812.02407,
    recalled; B1 row 20).

    Every τ-th step: θ_i ← θ_i − β · (θ_i − θ_j) and θ_j ← θ_j + β · (θ_i − θ_j), j uniform, so that the sum is kept.
    Every step: θ_i ← θ_i − α · Δθ_i. The other computes on meanwhile.

    Staleness of a gradient: how often others have drawn the model since it was read. That of θ_i and θ_j is the number of
    steps that they have made since they were sent (`mixing` in run.json).

    Against the paper: a comparison with gossip and elastic averaging is verified in the abstract; the equations are recalled.
    """

    kind: Literal["elastic-gossip"] = "elastic-gossip"

    def learn(self, peer: PeerVerbs) -> Role:
        while True:
            other = self.choose(peer)
            if other is not None:
                yield from peer.exchange(other, self.coefficient)
            for _ in range(self.period):
                peer.step((yield from peer.compute(peer.model)))
