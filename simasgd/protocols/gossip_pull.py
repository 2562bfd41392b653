from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import Role
from simasgd.protocols.gossip import AbstractGossipProtocol
from simasgd.protocols.verbs import PeerVerbs


@final
class GossipPull(AbstractGossipProtocol):
    """Every learner now and then fetches the model of a random other one, and goes on from a mean of the two: pull-gossip (Jin
    et al. 2016, arXiv:1611.04581; A3.2).

    Every τ-th step: θ_i ← (1 − β) · θ_i + β · θ_j, j uniform. Every step: θ_i ← θ_i − α · Δθ_i.

    Staleness is 0: a gradient is applied to the model it was computed on. That of θ_j is the number of steps that j has made
    since it was read (`mixing` in run.json): while it was on its way.

    Against the paper: the equations are recalled; two public implementations have this form with β = ½ (secondary).
    """

    kind: Literal["gossip-pull"] = "gossip-pull"

    def learn(self, peer: PeerVerbs) -> Role:
        while True:
            other = self.choose(peer)
            if other is not None:
                peer.mix((yield from peer.fetch(other)), self.coefficient)
            for _ in range(self.period):
                peer.step((yield from peer.compute(peer.model)))
