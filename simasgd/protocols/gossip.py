"""What the gossip protocols have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simasgd.protocols.base import AbstractPeerProtocol
from simasgd.protocols.verbs import PeerVerbs
from simasgd.scenario.vocabulary.section import Count, Flag, Number


class AbstractGossipProtocol(AbstractPeerProtocol):
    """Gossip: learners take in the models of random others."""

    period: Count = 1
    """τ, a learner's own steps between two choices of another one."""
    coefficient: Annotated[Number, Field(ge=0.0, le=1.0)] = 0.5
    """β, the other's part in the mean."""
    include_self: Flag = False
    """Whether a learner may choose itself, which is to do nothing."""

    def choose(self, peer: PeerVerbs) -> PeerVerbs | None:
        """A random other learner; None if it is the learner itself, or there is no other."""
        learners = len(peer.peers)
        if learners == 1:
            return None
        further = peer.draw(learners) if self.include_self else 1 + peer.draw(learners - 1)
        return peer.peers[(peer.number + further) % learners] if further else None
