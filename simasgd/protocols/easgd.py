from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import Role
from simasgd.protocols.elastic import AbstractElasticProtocol
from simasgd.protocols.verbs import CentreVerbs, PeerVerbs


@final
class Easgd(AbstractElasticProtocol):
    """Learners on models of their own are drawn towards a centre, and it towards them, whenever one comes by: asynchronous
    elastic averaging (Zhang, Choromanska and LeCun 2015, arXiv:1412.6651; B1 row 4, A3.2).

    Every τ-th step, with a = β/λ:  d ← a · (x_l − x̃);  x_l ← x_l − η · Δx_l − d, and x̃ ← x̃ + d when d has come there.
    Every other step: x_l ← x_l − η · Δx_l. With Nesterov's momentum (`nesterov` of the optimizer, δ = 0.99) it is a
    form of EAMSGD whose elastic move acts on the point that looks ahead, the optimizer's model.

    Staleness is 0: a gradient is applied to the model it was computed on, before d is taken off. That of d is the number of the
    centre's moves since it was read (`mixing` in run.json).

    Against the paper: the rule is the paper's for plain SGD (verified). Its EAMSGD makes the elastic move at x_l and only the
    gradient at the point ahead (recalled).
    """

    kind: Literal["easgd"] = "easgd"

    def serve(self, centre: CentreVerbs) -> Role:
        while True:
            centre.move((yield from centre.collect(1)))

    def learn(self, peer: PeerVerbs) -> Role:
        while True:
            theirs = yield from peer.fetch_centre()
            yield from self.one_period(peer, theirs)
