from __future__ import annotations

from typing import Literal, final

from simasgd.protocols.base import AbstractPeerProtocol, Role
from simasgd.protocols.verbs import PeerVerbs


@final
class AdPsgd(AbstractPeerProtocol):
    """Learners average their models in pairs while they compute.

    Compute thread: Δθ_i at θ̂_i, the model at the beginning of the computation.
    Second thread: θ_i, θ_j ← (θ_i + θ_j)/2, with j random; then θ_i ← θ_i − α · Δθ_i (Lian et al.
    2018, arXiv:1710.06952; B1 row 9).

    The graph is bipartite, so that nobody waits for a learner that waits. Learners with even
    numbers choose one with an odd number. Learners with odd numbers answer, and choose nobody.

    The staleness of a gradient is the number of changes of the model since it was read, by
    averaging or by earlier gradients. The staleness of θ_j is the number of steps of j since θ_j
    was sent (`mixing` in run.json).

    Against the paper: the rule is secondary. The paper averages a pair in one instant. Here
    messages take time, and both ends move by half of the difference that was sent. Which learners
    choose is our decision.
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
