from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import Role
from simasgd.protocols.gossip import AbstractGossipProtocol
from simasgd.protocols.verbs import PeerVerbs


@final
class GossipPush(AbstractGossipProtocol):
    """A learner regularly sends its model to a random other one, which mixes it in (push-gossip).

    Every τ-th step, θ_i goes to j, uniform. Before every step, for each θ_k that has arrived:
    θ_i ← (1 − β) · θ_i + β · θ_k. Then θ_i ← θ_i − α · Δθ_i (Jin et al. 2016, arXiv:1611.04581;
    A3.2). Learners wait only until their previous message has arrived.

    The staleness is 0: a gradient is applied to the model it was computed on. The staleness of θ_k
    is the number of steps of k since θ_k was sent (`mixing` in run.json), until the receiver begins
    its next step.

    Against the paper: the equations are recalled. Messages are mixed in one after the other, so the
    last one counts most. The paper may take one mean of all messages.
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
