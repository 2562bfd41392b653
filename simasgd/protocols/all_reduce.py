from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.protocols.base import AbstractPeerProtocol, Meeting, Role
from simasgd.protocols.verbs import PeerVerbs
from simasgd.scenario.cluster.collective import Collective, RingCollective
from simasgd.scenario.vocabulary.section import Count, Number


@final
class AllReduce(AbstractPeerProtocol):
    """All learners average their gradients by a collective operation, and each makes the same step.

    Δθ ← (1/λ) · Σ_l Δθ_l;  θ ← θ − α · Δθ on every learner. This is hardsync without a server: SGD
    with a mini-batch of λµ (arXiv:1611.04581, A3.2).

    With several buckets, the last layers' gradients are sent while the first layers' gradients are
    still computed (wait-free backpropagation). Bucket b of B is ready after `forward` and b/B of
    the remaining time of a mini-batch.

    The staleness is 0: all learners wait for the common step.

    Against the paper: the rule is secondary. Buckets, and the choice of the collective operation,
    are not in the paper.
    """

    kind: Literal["all-reduce"] = "all-reduce"
    collective: Collective = RingCollective.by_default()
    """The collective operation: the pattern of messages."""
    buckets: Annotated[Count, Field(le=10_000)] = 1
    """The number of equal messages for one gradient; with 1, no message overlaps with
    computing."""
    forward: Annotated[Number, Field(ge=0.0, le=1.0)] = 1 / 3
    """The fraction of a mini-batch's time before the backward pass begins."""

    @property
    def has_rounds(self) -> bool:
        return True

    @property
    def has_direct_messages(self) -> bool:
        return False

    @property
    def meeting(self) -> Meeting:
        return Meeting(self.collective, "gradients", buckets=self.buckets, forward=self.forward)

    def learn(self, peer: PeerVerbs) -> Role:
        model = peer.model
        while True:
            model = yield from peer.average_gradient(model)
