"""Collective operations: in which messages p learners add up what each of them has, so that all have the sum.

In the cost formulas n is the payload (bytes), B a node's bandwidth (bytes/s) and L what a message takes whatever its size (s):
the overhead and the latency. They hold where every learner has a node of its own on an idle star.
"""

from __future__ import annotations

from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.vocabulary.section import NameForKind, Section


class AbstractCollective(Section):
    """An algorithm of all-reduce, and of the all-gather that takes its place where messages cannot be added up on the way."""

    kind: str


@final
class RingCollective(AbstractCollective):
    """Everybody sends a p-th to the next learner 2(p − 1) times, first adding up (reduce-scatter), then passing on
    (all-gather): 2(p − 1)(L + n/(pB)), of which the part of the bytes is the least possible (Patarasuk and Yuan 2009)."""

    kind: Literal["ring"] = "ring"


@final
class RecursiveDoubling(AbstractCollective):
    """Learners at the distances 1, 2, 4, … exchange all that they have: log₂p·(L + n/B), best for small payloads.

    If p is not a power of two, the learners above the greatest one below p first send theirs to the lowest, as many, and get
    the sum in the end, as in MPICH (which folds neighbours): two messages more, (⌊log₂p⌋ + 2)(L + n/B).
    """

    kind: Literal["recursive-doubling"] = "recursive-doubling"


@final
class HalvingDoubling(AbstractCollective):
    """Learners at the distances 1, 2, 4, … exchange a half, a quarter, … and add up; then the same way back:
    2·log₂p·L + 2(p − 1)/p·n/B (Rabenseifner 2004; Thakur, Rabenseifner and Gropp 2005).

    If p is not a power of two, the learners above the greatest one below p, q, are folded as in recursive doubling, which costs
    two messages of full size: 2(log₂q + 1)L + (2(q − 1)/q + 2)n/B.
    """

    kind: Literal["halving-doubling"] = "halving-doubling"


@final
class BinaryTree(AbstractCollective):
    """Sums go up a binomial tree to learner 0, and the total comes down it: 2⌈log₂p⌉(L + n/B)."""

    kind: Literal["tree"] = "tree"


@final
class Hierarchical(AbstractCollective):
    """The learners of a node send to the first of them up a binomial tree, these do a ring, and the total comes down the trees:
    with m learners on each of k nodes 2⌈log₂m⌉(n/B′) + 2(k − 1)(L + n/(kB)), where B′ is the bandwidth within a node."""

    kind: Literal["hierarchical"] = "hierarchical"


Collective = Annotated[
    RingCollective | RecursiveDoubling | HalvingDoubling | BinaryTree | Hierarchical, Field(discriminator="kind"), NameForKind
]
