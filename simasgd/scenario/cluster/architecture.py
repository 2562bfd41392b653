"""The `cluster.architecture` section: Rudra's base, adv and adv* (arXiv:1509.04210; docs/papers.md A1.5)."""

from __future__ import annotations

import abc
from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.vocabulary.section import Count, Flag, NameForKind, Section
from simasgd.scenario.vocabulary.units import BytesPerSecond


class AbstractArchitecture(Section):
    """Who sends to whom, and which thread of a learner does it."""

    kind: str

    @property
    @abc.abstractmethod
    def threads(self) -> tuple[str, ...]:
        """What runs beside a learner's compute thread."""

    @property
    @abc.abstractmethod
    def parts(self) -> int:
        """Into how many parts the weights are divided, each on a server of its own."""


@final
class Base(AbstractArchitecture):
    """One thread pushes, pulls and computes, one thing at a time, with one parameter server or several shards of it."""

    kind: Literal["base"] = "base"
    shards: Annotated[Count, Field(le=10_000)] = 1
    """Servers that each hold 1/shards of the weights and do 1/shards of the server's work. A gradient has arrived when all its
    parts have, and the shards update together, at one timestamp."""
    intra_node_bandwidth: BytesPerSecond = 20e9
    """Of messages between learners of a node, where a protocol has such."""

    @property
    def threads(self) -> tuple[str, ...]:
        return ()

    @property
    def parts(self) -> int:
        return self.shards


class AbstractServerTree(AbstractArchitecture):
    """A tree of servers below the parameter server. Each adds up the gradients that come from its children while its way up is
    taken, and sends the sum on when it is free."""

    fan_out: Annotated[Count, Field(ge=2, le=10_000)] = 4
    """The most children of a server; not of a co-located leaf server, whose children are the learners of its node."""
    colocated: Flag = True
    """Whether a leaf server shares its learners' node, and an inner one that of its first child; otherwise each has a node of
    its own, with the server's interface."""
    intra_node_bandwidth: BytesPerSecond = 20e9
    """Of messages within a node."""

    @property
    def parts(self) -> int:
        return 1


@final
class Adv(AbstractServerTree):
    """Gradients go up a tree of servers and weights come down it. A thread of its own pushes while the learner computes; a
    pull still blocks."""

    kind: Literal["adv"] = "adv"

    @property
    def threads(self) -> tuple[str, ...]:
        return ("push",)


@final
class AdvStar(AbstractServerTree):
    """As adv, but weights come down a tree of the learners, and a thread of its own pulls: a learner computes on the newest
    weights that it has."""

    kind: Literal["adv*"] = "adv*"
    broadcast_fan_out: Annotated[Count, Field(le=10_000)] = 2
    """The most learners to which a learner (and the server) sends the weights on."""

    @property
    def threads(self) -> tuple[str, ...]:
        return ("push", "pull")


Architecture = Annotated[Base | Adv | AdvStar, Field(discriminator="kind"), NameForKind]
