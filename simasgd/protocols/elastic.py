"""The common part of both kinds of elastic averaging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from simasgd.protocols.base import AbstractPeerProtocol, Role
from simasgd.protocols.verbs import PeerVerbs
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.vocabulary.section import Count, Inconsistency, Number

if TYPE_CHECKING:
    from simasgd.tape.mixing import Model


class AbstractElasticProtocol(AbstractPeerProtocol):
    """Elastic averaging: learners' models and the centre attract each other."""

    period: Count = 10
    """τ, the number of a learner's own steps between two elastic moves."""
    moving_rate: Annotated[Number, Field(ge=0.0)] = 0.9
    """β; a move is the fraction a = β/λ of the difference."""

    def run_period(self, peer: PeerVerbs, theirs: Model) -> Role:
        """Make τ steps and one elastic move, whose learner's side follows the first step."""
        difference = peer.difference(peer.model, theirs, self.moving_rate / len(peer.peers))
        yield from peer.push(difference)
        peer.step((yield from peer.compute(peer.model)))
        peer.subtract(difference)
        for _ in range(1, self.period):
            peer.step((yield from peer.compute(peer.model)))

    @property
    def has_direct_messages(self) -> bool:
        return False

    @property
    def has_centre(self) -> bool:
        return True

    def inconsistencies(self, learners: int, model: AbstractModel | None) -> list[Inconsistency]:
        if self.moving_rate <= learners:
            return []
        message = f"{self.moving_rate:g} is more than the {learners} learners: each model would move past the centre"
        return [Inconsistency(("moving_rate",), message)]
