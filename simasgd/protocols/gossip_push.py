from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import Role
from simasgd.protocols.gossip import AbstractGossipProtocol
from simasgd.protocols.verbs import PeerVerbs


@final
class GossipPush(AbstractGossipProtocol):
    """Every learner now and then sends its model to a random other one, and before each step takes in what has come to it:
    push-gossip (Jin et al. 2016, arXiv:1611.04581; A3.2).

    Every τ-th step θ_i goes to j, uniform. Every step, for each θ_k that has come, none, one or several:
    θ_i ← (1 − β) · θ_i + β · θ_k; then θ_i ← θ_i − α · Δθ_i. Nobody waits, but for the last message to have arrived.

    Staleness is 0: a gradient is applied to the model it was computed on. That of θ_k is the number of steps that k has made
    since it was sent (`mixing` in run.json): while it was on its way and waited for the step to begin.

    Against the paper: the equations are recalled. Messages are mixed in one after the other, so the last one counts most; the
    paper may take one mean of all.
    """

    kind: Literal["gossip-push"] = "gossip-push"

    def learn(self, peer: PeerVerbs) -> Role:
        while True:
            other = self.choose(peer)
            if other is not None:
                yield from peer.send(other, peer.model)
            for _ in range(self.period):
                for message in peer.take():
                    peer.mix(message.model, self.coefficient)
                peer.step((yield from peer.compute(peer.model)))
