"""Push-sum on the exponential graph (Kempe et al. 2003; Assran et al. 2019, arXiv:1811.10792): what sgp and overlap-sgp have in
common. A learner holds z = x/w, and its weight w; a message has z and half of the weight, and ½x is their product."""

from __future__ import annotations

from simasgd.protocols.verbs import Message, PeerVerbs


def out_neighbour(peer: PeerVerbs, k: int) -> PeerVerbs | None:
    """To whom it sends in step k: 1, 2, 4, … learners further on, in turn; None for a lone learner."""
    learners = len(peer.peers)
    if learners == 1:
        return None
    hops = 1 << k % (learners - 1).bit_length()
    return peer.peers[(peer.number + hops) % learners]


def half(peer: PeerVerbs) -> float:
    """(x, w) ← ½(x, w); the weight of the other half."""
    peer.weight *= 0.5
    return peer.weight


def absorb(peer: PeerVerbs, message: Message) -> None:
    """(x, w) ← (x + x_j, w + w_j), so that z ← (w·z + w_j·z_j)/(w + w_j)."""
    total = peer.weight + message.weight
    own, peer.weight = peer.weight, total
    peer.mix(message.model, message.weight / total, own / total)
