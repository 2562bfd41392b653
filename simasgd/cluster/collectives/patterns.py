"""The messages of a collective operation, round by round.

The costs are those of one operation on an idle star whose ranks have a node each. n is the payload
(bytes), B the bandwidth (bytes/s), L the time of a message of no bytes (s), p the number of ranks.
"""

from __future__ import annotations

from functools import singledispatch
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from simasgd.scenario.cluster.collective import (
    AbstractCollective,
    BinaryTree,
    HalvingDoubling,
    Hierarchical,
    RecursiveDoubling,
    RingCollective,
)
from simasgd.tape.arrays import Floats, Ints


class Round(NamedTuple):
    """M messages, of which a rank sends at most one and receives at most one.

    A repeated round is one object, so that what is computed for it can be kept.
    """

    source: Ints
    """(M,) the senders' ranks."""
    target: Ints
    """(M,) the receivers' ranks."""
    share: Floats
    """(M,) the messages' sizes in payloads."""


Rounds = tuple[Round, ...]


def distinct_rounds(rounds: Rounds) -> list[Round]:
    """Return each distinct round once; a ring of p ranks repeats one round 2(p − 1) times."""
    return list({id(messages): messages for messages in rounds}.values())


@singledispatch
def reduction(kind: AbstractCollective, learners: int, per_node: int) -> Rounds:
    """Return the rounds of an all-reduce of p `learners`, `per_node` of them on each node.

    Every rank has a payload and gets the sum of all payloads. One rank has nothing to do. The costs
    are stated with the sections of the scenario.
    """
    raise TypeError(f"no all-reduce {kind!r}")


@reduction.register
def _(kind: RingCollective, learners: int, per_node: int) -> Rounds:
    return _sums_around(np.arange(learners))


@reduction.register
def _(kind: RecursiveDoubling, learners: int, per_node: int) -> Rounds:
    core = _core(learners)
    fold = _fold(learners, 1.0)
    exchanges = tuple(_exchange(core, distance, 1.0) for distance in _powers_below(core))
    return (*fold, *exchanges, *_back(fold))


@reduction.register
def _(kind: HalvingDoubling, learners: int, per_node: int) -> Rounds:
    core = _core(learners)
    fold = _fold(learners, 1.0)
    # The largest messages go to the nearest ranks, which may share a node or a rack.
    halving = tuple(_exchange(core, distance, 0.5 / distance) for distance in _powers_below(core))
    return (*fold, *halving, *reversed(halving), *_back(fold))


@reduction.register
def _(kind: BinaryTree, learners: int, per_node: int) -> Rounds:
    up = _up(learners, learners)
    return (*up, *_back(up))


@reduction.register
def _(kind: Hierarchical, learners: int, per_node: int) -> Rounds:
    up = _up(learners, per_node)
    return (*up, *_sums_around(np.arange(0, learners, per_node)), *_back(up))


@singledispatch
def gathering(kind: AbstractCollective, learners: int, per_node: int) -> Rounds:
    """Return the rounds of an all-gather: every rank has a payload and gets all payloads.

    It takes the place of the all-reduce of the same kind if payloads cannot be summed on the way.
    """
    raise TypeError(f"no all-gather {kind!r}")


@gathering.register
def _(kind: RingCollective, learners: int, per_node: int) -> Rounds:
    """Each rank passes on the payload that came last: (p − 1)(L + n/B)."""
    return (_around(np.arange(learners), 1.0),) * (learners - 1)


@gathering.register(RecursiveDoubling)
@gathering.register(HalvingDoubling)
def _(kind: RecursiveDoubling | HalvingDoubling, learners: int, per_node: int) -> Rounds:
    """Exchange all payloads so far between ranks at the distances 1, 2, 4, …: log₂p·L + (p − 1)n/B.

    The e ranks above q, the greatest power of two up to p, send their payloads before and get
    everything after. If e > 0, the cost is (L + n/B) + Σ (L + (d + min(d, e))n/B) + (L + p·n/B),
    where d = 1, 2, 4, …, q/2.
    """
    core = _core(learners)
    held = np.where(core < learners - len(core), 2.0, 1.0)
    rounds = list(_fold(learners, 1.0))
    for distance in _powers_below(core):
        rounds.append(_exchange(core, distance, held))
        held = held + held[core ^ distance]
    return (*rounds, *_back(_fold(learners, float(learners))))


@gathering.register
def _(kind: BinaryTree, learners: int, per_node: int) -> Rounds:
    """Gather up a binomial tree, then send everything down it: ⌈log₂p⌉L + (p − 1)n/B + ⌈log₂p⌉(L + p·n/B)."""
    return (*_up_with_all_below(learners, learners), *_everything_down(learners, learners))


@gathering.register
def _(kind: Hierarchical, learners: int, per_node: int) -> Rounds:
    """Gather up the tree of each node, around the first ranks of the nodes, then send everything down the trees.

    The cost is (m − 1)n/B′ + (k − 1)(L + m·n/B) + ⌈log₂m⌉p·n/B′, with m ranks on each of k nodes
    and the bandwidth B′ within a node.
    """
    up, down = _up_with_all_below(learners, per_node), _everything_down(learners, per_node)
    return (*up, *_nodes_around(learners, per_node), *down)


def _sums_around(ranks: Ints) -> Rounds:
    """Return a ring's all-reduce: parts of 1/p travel around the ring twice."""
    return (_around(ranks, 1.0 / len(ranks)),) * (2 * (len(ranks) - 1))


def _nodes_around(learners: int, per_node: int) -> Rounds:
    """Return a ring's all-gather of the nodes' first ranks, each with its node's payloads at first."""
    ranks = np.arange(0, learners, per_node)
    nodes = len(ranks)
    sizes = np.minimum(per_node, learners - ranks).astype(float)
    around = _around(ranks, sizes)
    if sizes[0] == sizes[-1]:
        return (around,) * (nodes - 1)
    # In step s rank k passes on the first payload of rank k − s. These are views, because k² numbers are too many.
    begun = sliding_window_view(np.tile(sizes, 2), nodes)
    return tuple(around._replace(share=begun[-step % nodes]) for step in range(nodes - 1))


def _around(ranks: Ints, share: ArrayLike) -> Round:
    """Return a round in which each rank sends to the next."""
    return _round(ranks, np.roll(ranks, -1), share)


def _core(learners: int) -> Ints:
    """Return the ranks below the greatest power of two that is at most `learners`."""
    return np.arange(1 << (learners.bit_length() - 1))


def _fold(learners: int, share: float) -> Rounds:
    """Return the round in which the ranks above the core send to its lowest ranks."""
    core = _core(learners)
    extra = np.arange(len(core), learners)
    return (_round(extra, extra - len(core), share),) if extra.size else ()


def _exchange(core: Ints, distance: int, share: ArrayLike) -> Round:
    return _round(core, core ^ distance, share)


def _powers_below(ranks: Ints) -> list[int]:
    """Return the powers of two below the number of ranks."""
    return [1 << bit for bit in range((len(ranks) - 1).bit_length())]


def _up(learners: int, per_group: int) -> Rounds:
    """Return the rounds up the binomial tree of each group of consecutive ranks, to its first rank."""
    place = np.arange(learners) % per_group
    rounds = []
    for distance in _powers_below(place[:per_group]):
        source = np.flatnonzero(place % (2 * distance) == distance)
        rounds.append(_round(source, source - distance, 1.0))
    return tuple(rounds)


def _up_with_all_below(learners: int, per_group: int) -> Rounds:
    """Return the rounds of `_up` in which each rank passes on the payloads of all ranks below it."""
    end = np.minimum((np.arange(learners) // per_group + 1) * per_group, learners)  # of the rank's group
    rounds = []
    for bit, messages in enumerate(_up(learners, per_group)):
        payloads = np.minimum(1 << bit, end[messages.source] - messages.source)
        rounds.append(messages._replace(share=payloads.astype(float)))
    return tuple(rounds)


def _everything_down(learners: int, per_group: int) -> Rounds:
    """Return the rounds down the tree of each group, with the payloads of all ranks."""
    return tuple(messages._replace(share=learners * messages.share) for messages in _back(_up(learners, per_group)))


def _back(rounds: Rounds) -> Rounds:
    """Return the messages in the other direction, the last round first."""
    return tuple(Round(messages.target, messages.source, messages.share) for messages in reversed(rounds))


def _round(source: Ints, target: Ints, share: ArrayLike) -> Round:
    return Round(source, target, np.broadcast_to(np.asarray(share, float), source.shape))
