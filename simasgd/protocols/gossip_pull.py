from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import Role
from simasgd.protocols.gossip import AbstractGossipProtocol
from simasgd.protocols.verbs import PeerVerbs


@final
class GossipPull(AbstractGossipProtocol):
    """A learner regularly fetches a random other learner's model and mixes it in (pull-gossip).

    Every τ-th step: θ_i ← (1 − β) · θ_i + β · θ_j, with j uniform. Every step: θ_i ← θ_i − α · Δθ_i
    (Jin et al. 2016, arXiv:1611.04581; A3.2).

    The staleness is 0: a gradient is applied to the model it was computed on. The staleness of θ_j
    is the number of steps of j while θ_j was on its way (`mixing` in run.json).

    Against the paper: the equations are recalled. Two public implementations have this form with
    β = ½ (secondary).
    """

    kind: Literal["gossip-pull"] = "gossip-pull"

    def learn(self, peer: PeerVerbs) -> Role:
        while True:
            other = self.choose(peer)
            if other is not None:
                peer.mix((yield from peer.fetch(other)), self.coefficient)
            for _ in range(self.period):
                peer.step((yield from peer.compute(peer.model)))
