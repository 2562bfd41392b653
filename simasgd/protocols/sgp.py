from __future__ import annotations

from itertools import count
from typing import Literal, final

from simasgd.protocols.base import AbstractPeerProtocol, Role
from simasgd.protocols.push_sum import absorb, half, out_neighbour
from simasgd.protocols.verbs import PeerVerbs


@final
class Sgp(AbstractPeerProtocol):
    """Stochastic gradient push: learners send half of themselves around an exponential graph (Assran et al. 2019,
    arXiv:1811.10792, algorithm 1; B1 row 10).

    Step k: x_i ← x_i − α · Δθ_i(z_i);  half of (x_i, w_i) goes to learner i + 2^(k mod ⌈log₂λ⌉) mod λ;
    (x_i, w_i) ← ½(x_i, w_i) + ½(x_j, w_j), with j who sent it in its step k;  z_i ← x_i/w_i.

    The tape has the z_i: x_i = w_i · z_i. The sum of all w_i and of those on their way is λ at all times.

    Staleness is 0: a gradient is applied to the model it was computed on. That of z_j is the number of steps that j has made
    since it was sent (`mixing` in run.json): 0 or 1, since nobody waits but for step k of one.

    Against the paper: the algorithm is recalled; no difference is known.
    """

    kind: Literal["sgp"] = "sgp"

    @property
    def has_rounds(self) -> bool:
        return True

    def learn(self, peer: PeerVerbs) -> Role:
        for k in count():
            gradient = yield from peer.compute(peer.model)
            peer.step(gradient, 1.0 / peer.weight)
            neighbour = out_neighbour(peer, k)
            if neighbour is not None:
                yield from peer.send(neighbour, peer.model, k, half(peer))
                absorb(peer, (yield from peer.receive(k)))
