from __future__ import annotations

from itertools import count
from typing import Literal, final

from simasgd.protocols.base import AbstractPeerProtocol, Role
from simasgd.protocols.push_sum import absorb, choose_neighbour, halve, sender_of_step
from simasgd.protocols.verbs import PeerVerbs


@final
class Sgp(AbstractPeerProtocol):
    """Learners send half of their models around an exponential graph: stochastic gradient push.

    Step k: x_i ← x_i − α · Δθ_i(z_i);  half of (x_i, w_i) goes to learner i + 2^(k mod ⌈log₂λ⌉) mod
    λ; (x_i, w_i) ← ½(x_i, w_i) + ½(x_j, w_j), from the learner j that sent it in its step k;
    z_i ← x_i/w_i (Assran et al. 2019, arXiv:1811.10792, algorithm 1; B1 row 10).

    The tape holds the z_i: x_i = w_i · z_i. The sum of all w_i, those in messages included, is λ at
    all times.

    The staleness is 0: a gradient is applied to the model it was computed on. The staleness of z_j
    is the number of steps of j since z_j was sent (`mixing` in run.json). It is 0 or 1, because a
    learner waits for step k of one other learner only.

    Against the paper: the algorithm is recalled; no difference is known.
    """

    kind: Literal["sgp"] = "sgp"

    @property
    def has_rounds(self) -> bool:
        return True

    def sender(self, learner: int, number: int, learners: int) -> int | None:
        return sender_of_step(learner, number, learners)

    def learn(self, peer: PeerVerbs) -> Role:
        for k in count(peer.round):
            gradient = yield from peer.compute(peer.model)
            peer.step(gradient, 1.0 / peer.weight)
            neighbour = choose_neighbour(peer, k)
            if neighbour is not None:
                yield from peer.send(neighbour, peer.model, k, halve(peer))
                absorb(peer, (yield from peer.receive(k)))
