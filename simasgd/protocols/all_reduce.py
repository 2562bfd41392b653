from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.protocols.base import AbstractPeerProtocol, Meeting, Role
from simasgd.protocols.verbs import PeerVerbs
from simasgd.scenario.cluster.collective import Collective, RingCollective
from simasgd.scenario.vocabulary.section import Count, Number


@final
class AllReduce(AbstractPeerProtocol):
    """All learners average their gradients by a collective operation, and each makes the same step (arXiv:1611.04581, A3.2).

    Δθ ← (1/λ) · Σ_l Δθ_l;  θ ← θ − α · Δθ on every learner: hardsync without a server, SGD with a mini-batch of λµ.

    With several buckets the last layers' gradients are on their way while the first ones' are still computed (wait-free
    backpropagation); bucket b of B is there when `forward` and b/B of the rest of a mini-batch's time are over.

    Staleness is 0: nobody goes on before the step is made.

    Against the paper: the rule is secondary. Buckets, and the choice of the collective operation, are not in it.
    """

    kind: Literal["all-reduce"] = "all-reduce"
    collective: Collective = RingCollective()
    """Who sends to whom."""
    buckets: Annotated[Count, Field(le=10_000)] = 1
    """In how many equal parts a gradient is sent; with 1 nothing overlaps with computing."""
    forward: Annotated[Number, Field(ge=0.0, le=1.0)] = 1 / 3
    """The part of a mini-batch's time that is over before the backward pass begins."""

    @property
    def has_rounds(self) -> bool:
        return True

    @property
    def talks(self) -> bool:
        return False

    @property
    def meeting(self) -> Meeting:
        return Meeting(self.collective, "gradients", buckets=self.buckets, forward=self.forward)

    def learn(self, peer: PeerVerbs) -> Role:
        model = peer.model
        while True:
            model = yield from peer.average_gradient(model)
