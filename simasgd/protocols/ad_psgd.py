from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractPeerProtocol, Role
from simasgd.protocols.verbs import PeerVerbs


@final
class AdPsgd(AbstractPeerProtocol):
    """Learners average their models in pairs while they compute (Lian et al. 2018, arXiv:1710.06952; B1 row 9).

    Compute thread: Δθ_i at θ̂_i, the model as it is when the computation begins.
    Other thread: θ_i, θ_j ← (θ_i + θ_j)/2 at once, j random; then θ_i ← θ_i − α · Δθ_i.

    The graph is bipartite, so that nobody waits for one who waits: learners of even number choose one of odd number, who
    answer and choose nobody.

    Staleness of a gradient: how often the model has changed since it was read, by averaging or by a gradient before. That of
    θ_j is the number of steps that j has made since it was sent (`mixing` in run.json).

    Against the paper: the rule is secondary. The paper averages a pair at once; here messages take time, and both ends move by
    half of the difference as it was sent. Which learners choose is ours.
    """

    kind: Literal["ad-psgd"] = "ad-psgd"

    @property
    def thread(self) -> str:
        return "average"

    def learn(self, peer: PeerVerbs) -> Role:
        while True:
            gradient = yield from peer.compute(peer.model)
            yield from peer.hand_over(gradient)

    def communicate(self, peer: PeerVerbs) -> Role:
        others = peer.peers[1::2] if peer.number % 2 == 0 else ()
        while True:
            gradient = yield from peer.handed_over()
            if others:
                yield from peer.beside.exchange(others[peer.draw(len(others))], 0.5)
            peer.step(gradient)
