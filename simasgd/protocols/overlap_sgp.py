from __future__ import annotations

from itertools import count
from typing import Literal, final

from simasgd.protocols.base import AbstractPeerProtocol, Role
from simasgd.protocols.push_sum import absorb, choose_neighbour, halve, sender_of_step
from simasgd.protocols.verbs import PeerVerbs
from simasgd.scenario.vocabulary.section import Count


@final
class OverlapSgp(AbstractPeerProtocol):
    """Stochastic gradient push whose messages may take τ steps.

    Like sgp, but at the end of step k a learner mixes in all messages that have arrived, and waits
    only for the message of step k − τ: (x_i, w_i) ← ½(x_i, w_i) + Σ ½(x_j, w_j) over these
    messages;  z_i ← x_i/w_i (Assran et al. 2019, arXiv:1811.10792, algorithm 2; B1 row 10).

    The tape holds the z_i: x_i = w_i · z_i. The sum of all w_i, those in messages included, is λ at
    all times.

    The staleness is 0: a gradient is applied to the model it was computed on. The staleness of z_j
    is the number of steps of j since z_j was sent (`mixing` in run.json). The receiver has made at
    most τ steps since then.

    Against the paper: the algorithm is recalled; no difference is known.
    """

    kind: Literal["overlap-sgp"] = "overlap-sgp"
    delay: Count = 1
    """τ, the greatest number of steps that a message may take; 0 would be sgp."""

    def sender(self, learner: int, number: int, learners: int) -> int | None:
        return sender_of_step(learner, number, learners)

    def learn(self, peer: PeerVerbs) -> Role:
        here: set[int] = set()
        for k in count(peer.round):
            gradient = yield from peer.compute(peer.model)
            peer.step(gradient, 1.0 / peer.weight)
            neighbour = choose_neighbour(peer, k)
            if neighbour is None:
                continue
            yield from peer.send(neighbour, peer.model, k, halve(peer))
            for message in peer.take():
                here.add(message.number)
                absorb(peer, message)
            due = k - self.delay
            if due >= 0 and due not in here:
                absorb(peer, (yield from peer.receive(due)))
            here.discard(due)
