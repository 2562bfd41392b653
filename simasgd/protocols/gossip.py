"""The common part of the gossip protocols."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simasgd.protocols.base import AbstractPeerProtocol
from simasgd.protocols.verbs import PeerVerbs
from simasgd.scenario.vocabulary.section import Count, Flag, Number


class AbstractGossipProtocol(AbstractPeerProtocol):
    """Gossip: learners mix their models with the models of random other learners."""

    period: Count = 1
    """τ, the number of a learner's own steps between two choices of another learner."""
    coefficient: Annotated[Number, Field(ge=0.0, le=1.0)] = 0.5
    """β, the share of the other learner's model in the mean."""
    include_self: Flag = False
    """Whether a learner may choose itself, and then does nothing."""

    def choose(self, peer: PeerVerbs) -> PeerVerbs | None:
        """Return a random other learner; None if that is the learner itself, or there is none."""
        learners = len(peer.peers)
        if learners == 1:
            return None
        further = peer.draw(learners) if self.include_self else 1 + peer.draw(learners - 1)
        return peer.peers[(peer.number + further) % learners] if further else None
