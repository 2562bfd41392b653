"""Collective operations: the messages in which p learners add up their payloads, so that all have the sum.

In the cost formulas n is the payload (bytes), B a node's bandwidth (bytes/s) and L the time that
any message takes (s): the overhead and the latency. The formulas hold where every learner has its
own node on an idle star.
"""

from __future__ import annotations

from typing import Annotated, Literal, final

from simasgd.scenario.vocabulary.on_demand import ByKind
from simasgd.scenario.vocabulary.section import NameForKind, Section


class AbstractCollective(Section):
    """An algorithm of all-reduce, and of the all-gather that replaces it where messages cannot be added on the way."""

    kind: str


@final
class RingCollective(AbstractCollective):
    """Every learner sends 1/p of the payload to the next one, 2(p − 1) times: 2(p − 1)(L + n/(pB)).

    Learners first add up (reduce-scatter) and then forward (all-gather). The term of the bytes is
    the least possible (Patarasuk and Yuan 2009).
    """

    kind: Literal["ring"] = "ring"


@final
class RecursiveDoubling(AbstractCollective):
    """Learners at the distances 1, 2, 4, … exchange whole payloads: log₂p·(L + n/B), best for small payloads.

    If p is not a power of two, let q be the greatest power of two below p. Learners q and above
    first send their payload to one of the lowest p − q learners and get the sum in the end, as in
    MPICH (which folds neighbours). That takes two messages more: (⌊log₂p⌋ + 2)(L + n/B).
    """

    kind: Literal["recursive-doubling"] = "recursive-doubling"


@final
class HalvingDoubling(AbstractCollective):
    """Learners at the distances 1, 2, 4, … exchange a half, a quarter, … and add up: 2·log₂p·L + 2(p − 1)/p·n/B.

    The sums return the same way (Rabenseifner 2004; Thakur, Rabenseifner and Gropp 2005). If p is
    not a power of two, learners are folded as in recursive doubling, at the cost of two messages of
    full size: 2(log₂q + 1)L + (2(q − 1)/q + 2)n/B.
    """

    kind: Literal["halving-doubling"] = "halving-doubling"


@final
class BinaryTree(AbstractCollective):
    """Sums go up a binomial tree to learner 0, and the total comes down it: 2⌈log₂p⌉(L + n/B)."""

    kind: Literal["tree"] = "tree"


@final
class Hierarchical(AbstractCollective):
    """A tree within each node, and a ring of the nodes: 2⌈log₂m⌉(n/B′) + 2(k − 1)(L + n/(kB)).

    The learners of a node send to the first of them up a binomial tree. These make a ring, and the
    total comes down the trees. There are m learners on each of k nodes, and B′ is the bandwidth
    within a node.
    """

    kind: Literal["hierarchical"] = "hierarchical"


Collective = Annotated[RingCollective | RecursiveDoubling | HalvingDoubling | BinaryTree | Hierarchical, ByKind(), NameForKind]
