"""What the two elastic averagings have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from simasgd.protocols.base import AbstractPeerProtocol, Role
from simasgd.protocols.verbs import PeerVerbs
from simasgd.scenario.learning.models import AbstractModel
from simasgd.scenario.vocabulary.section import Count, Inconsistency, Number

if TYPE_CHECKING:
    from simasgd.mixing import Model


class AbstractElasticProtocol(AbstractPeerProtocol):
    """Elastic averaging: learners' models and the centre pull at each other."""

    period: Count = 10
    """τ, a learner's own steps between two moves."""
    moving_rate: Annotated[Number, Field(ge=0.0)] = 0.9
    """β; a move is a = β/λ of the difference."""

    def one_period(self, peer: PeerVerbs, theirs: Model) -> Role:
        """The elastic move, of which the learner's side is after its first step, and τ steps in all."""
        difference = peer.difference(peer.model, theirs, self.moving_rate / len(peer.peers))
        yield from peer.push(difference)
        peer.step((yield from peer.compute(peer.model)))
        peer.subtract(difference)
        for _ in range(1, self.period):
            peer.step((yield from peer.compute(peer.model)))

    @property
    def talks(self) -> bool:
        return False

    @property
    def has_centre(self) -> bool:
        return True

    def inconsistencies(self, learners: int, model: AbstractModel | None) -> list[Inconsistency]:
        if self.moving_rate <= learners:
            return []
        message = f"{self.moving_rate:g} is more than the {learners} learners: each would move past the centre"
        return [Inconsistency(("moving_rate",), message)]
