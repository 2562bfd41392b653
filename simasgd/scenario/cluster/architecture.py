"""The `cluster.architecture` section: Rudra's base, adv and adv* (arXiv:1509.04210; docs/papers.md A1.5)."""

from __future__ import annotations

import abc
from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.vocabulary.on_demand import ByKind
from simasgd.scenario.vocabulary.section import Count, Flag, NameForKind, Section
from simasgd.scenario.vocabulary.units import BytesPerSecond


class AbstractArchitecture(Section):
    """The servers that learners send to, and the threads of a learner that send and receive."""

    kind: str

    @property
    @abc.abstractmethod
    def threads(self) -> tuple[str, ...]:
        """Names of the threads beside a learner's compute thread."""

    @property
    @abc.abstractmethod
    def parts(self) -> int:
        """Number of parts that the weights are divided into, each on its own server."""


@final
class Base(AbstractArchitecture):
    """One thread pulls, computes and pushes in turn, with one parameter server or several shards of it."""

    kind: Literal["base"] = "base"
    shards: Annotated[Count, Field(le=10_000, examples=[4])] = 1
    """Number of servers. Each holds 1/shards of the weights and does 1/shards of the server's work.
    A gradient has arrived when all its parts have, and the shards update together, at one
    timestamp."""
    intra_node_bandwidth: BytesPerSecond = 20e9
    """Bandwidth of each learner's port for messages within a node, each way. Only protocols without
    a server use it."""

    @property
    def threads(self) -> tuple[str, ...]:
        return ()

    @property
    def parts(self) -> int:
        return self.shards


class AbstractServerTree(AbstractArchitecture):
    """A tree of servers below the parameter server.

    Each server adds up the gradients of its children while its way up is busy, and then sends the
    sum.
    """

    fan_out: Annotated[Count, Field(ge=2, le=10_000)] = 4
    """Greatest number of children of a server. A co-located leaf server instead has all learners of
    its node."""
    colocated: Flag = True
    """Whether a leaf server shares the node of its learners, and an inner server the node of its
    first child. If not, each has its own node, with the parameter server's interface."""
    intra_node_bandwidth: BytesPerSecond = 20e9
    """Bandwidth of each learner's and each server's port for messages within a node, each way."""

    @property
    def parts(self) -> int:
        return 1


@final
class Adv(AbstractServerTree):
    """Gradients go up a tree of servers and weights come down it; a thread pushes while the learner computes.

    A pull still blocks.
    """

    kind: Literal["adv"] = "adv"

    @property
    def threads(self) -> tuple[str, ...]:
        return ("push",)


@final
class AdvStar(AbstractServerTree):
    """The architecture `adv` with weights that come down a tree of the learners, and a thread that pulls.

    A learner computes on the newest weights that it has.
    """

    kind: Literal["adv*"] = "adv*"
    broadcast_fan_out: Annotated[Count, Field(le=10_000)] = 2
    """Greatest number of learners to which a learner, or the server, forwards the weights."""

    @property
    def threads(self) -> tuple[str, ...]:
        return ("push", "pull")


Architecture = Annotated[Base | Adv | AdvStar, ByKind(), NameForKind]
