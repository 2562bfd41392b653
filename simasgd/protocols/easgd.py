from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import Role
from simasgd.protocols.elastic import AbstractElasticProtocol
from simasgd.protocols.verbs import CentreVerbs, PeerVerbs


@final
class Easgd(AbstractElasticProtocol):
    """Learners' models and a centre attract each other, one learner at a time (asynchronous EASGD).

    Every τ-th step, with a = β/λ:  d ← a · (x_l − x̃);  x_l ← x_l − η · Δx_l − d, and x̃ ← x̃ + d
    when d has arrived. Every other step: x_l ← x_l − η · Δx_l (Zhang, Choromanska and LeCun 2015,
    arXiv:1412.6651; B1 row 4, A3.2). With Nesterov's momentum (`nesterov` of the optimizer,
    δ = 0.99) this is a form of EAMSGD. Its elastic move acts on the look-ahead point, which is the
    optimizer's model.

    The staleness is 0: a gradient is applied to the model it was computed on, before d is
    subtracted. The staleness of d is the number of the centre's moves since the centre was read
    (`mixing` in run.json).

    Against the paper: the rule is the paper's for plain SGD (verified). The paper's EAMSGD makes
    the elastic move at x_l, and only takes the gradient at the look-ahead point (recalled).
    """

    kind: Literal["easgd"] = "easgd"

    def serve(self, centre: CentreVerbs) -> Role:
        while True:
            centre.move((yield from centre.collect(1)))

    def learn(self, peer: PeerVerbs) -> Role:
        while True:
            theirs = yield from peer.fetch_centre()
            yield from self.run_period(peer, theirs)
