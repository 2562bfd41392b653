"""Push-sum on the exponential graph, which sgp and overlap-sgp share.

A learner holds z = x/w and its weight w. A message holds z and half of the weight, whose product is
½x (Kempe et al. 2003; Assran et al. 2019, arXiv:1811.10792).
"""

from __future__ import annotations

from simasgd.protocols.verbs import Message, PeerVerbs


def choose_neighbour(peer: PeerVerbs, k: int) -> PeerVerbs | None:
    """Return the learner that `peer` sends to in step k; None for a lone learner.

    It is 1, 2, 4, … learners further, in turn.
    """
    learners = len(peer.peers)
    if learners == 1:
        return None
    hops = 1 << k % (learners - 1).bit_length()
    return peer.peers[(peer.number + hops) % learners]


def sender_of_step(learner: int, k: int, learners: int) -> int:
    """Return the learner whose neighbour in step k is `learner`."""
    hops = 1 << k % max(1, (learners - 1).bit_length())
    return (learner - hops) % learners


def halve(peer: PeerVerbs) -> float:
    """Set (x, w) ← ½(x, w) and return the weight of the other half."""
    peer.weight *= 0.5
    return peer.weight


def absorb(peer: PeerVerbs, message: Message) -> None:
    """Set (x, w) ← (x + x_j, w + w_j), so that z ← (w·z + w_j·z_j)/(w + w_j)."""
    total = peer.weight + message.weight
    own, peer.weight = peer.weight, total
    peer.mix(message.model, message.weight / total, own / total)
