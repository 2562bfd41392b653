from __future__ import annotations

from itertools import count
from typing import Literal, final

from simasgd.protocols.base import Role
from simasgd.protocols.elastic import AbstractElasticProtocol
from simasgd.protocols.verbs import CentreVerbs, PeerVerbs


@final
class EasgdSync(AbstractElasticProtocol):
    """All learners' models and a centre attract each other at once (synchronous EASGD).

    Every τ-th step, with a = β/λ:  d_l ← a · (x_l − x̃);  x_l ← x_l − η · Δx_l − d_l;
    x̃ ← x̃ + Σ_l d_l = (1 − β) · x̃ + β · (1/λ) · Σ_l x_l when all d_l have arrived. Every other
    step: x_l ← x_l − η · Δx_l (Zhang, Choromanska and LeCun 2015, arXiv:1412.6651, eq. 2–3; B1 row
    4).

    The staleness is 0: a gradient is applied to the model it was computed on, and each d_l is of
    the centre that it moves.

    Against the paper: the rule is the paper's for plain SGD (verified). With Nesterov's momentum it
    differs as `easgd` does.
    """

    kind: Literal["easgd-sync"] = "easgd-sync"

    @property
    def has_rounds(self) -> bool:
        return True

    def serve(self, centre: CentreVerbs) -> Role:
        while True:
            centre.move((yield from centre.collect(centre.num_learners)))

    def learn(self, peer: PeerVerbs) -> Role:
        for moves in count(peer.round):
            theirs = yield from peer.fetch_centre(moves)
            yield from self.run_period(peer, theirs)
