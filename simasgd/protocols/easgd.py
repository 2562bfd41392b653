from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from simasgd.protocols.base import Role
from simasgd.protocols.elastic import AbstractElasticProtocol

if TYPE_CHECKING:
    from simasgd.cluster.centre import Centre
    from simasgd.cluster.peer import Peer


@final
class Easgd(AbstractElasticProtocol):
    """Learners on models of their own are drawn towards a centre, and it towards them, whenever one comes by: asynchronous
    elastic averaging (Zhang, Choromanska and LeCun 2015, arXiv:1412.6651; B1 row 4, A3.2).

    Every τ-th step, with a = β/λ:  d ← a · (x_l − x̃);  x_l ← x_l − d, and x̃ ← x̃ + d when d has come there.
    Every step: x_l ← x_l − η · Δx_l, of a gradient on x_l from before d was taken off. With Nesterov's momentum (`nesterov` of
    the optimizer, δ = 0.99) it is EAMSGD.

    Staleness: a gradient is 1 late if d was taken off meanwhile. That of d is the number of the centre's moves since it was
    read (`mixing` in run.json).
    """

    kind: Literal["easgd"] = "easgd"

    def serve(self, centre: Centre) -> Role:
        while True:
            centre.move((yield from centre.collect(1)))

    def learn(self, peer: Peer) -> Role:
        share = self.moving_rate / len(peer.peers)
        while True:
            before = peer.model
            theirs = yield from peer.fetch_centre()
            difference = peer.difference(before, theirs, share)
            peer.subtract(difference)
            yield from peer.push(difference)
            for _ in range(self.period):
                peer.step((yield from peer.compute(before)))
                before = peer.model
