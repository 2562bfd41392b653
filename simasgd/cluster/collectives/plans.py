"""The rounds of an operation, by rank."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, final

import numpy as np

from simasgd.cluster.collectives.patterns import Round, Rounds, distinct_rounds
from simasgd.tape.arrays import Ints

NOBODY = -1
Channel = TypeVar("Channel")


@final
class RoundPlan(Generic[Channel]):
    """A round of one operation, by rank: its target, its source (or NOBODY), the size (bytes) of its message, its channel.

    A channel is made when the first message needs it.
    """

    __slots__ = ("channels", "sizes", "sources", "targets")

    def __init__(self, messages: Round, ranks: int, size: float) -> None:
        self.targets = _scatter(messages.source, messages.target, ranks)
        self.sources = _scatter(messages.target, messages.source, ranks)
        sizes = (messages.share * size).tolist()
        self.sizes: dict[int, float] = dict(zip(messages.source.tolist(), sizes, strict=True))
        self.channels: list[Channel | None] = [None] * ranks


def plan_rounds(rounds: Rounds, ranks: int, size: float) -> list[RoundPlan[Any]]:
    """Return the plans of the rounds of an operation on payloads of `size` bytes; equal rounds share one."""
    plans: dict[int, RoundPlan[Any]] = {id(messages): RoundPlan(messages, ranks, size) for messages in distinct_rounds(rounds)}
    return [plans[id(messages)] for messages in rounds]


def _scatter(places: Ints, values: Ints, ranks: int) -> list[int]:
    everywhere = np.full(ranks, NOBODY)
    everywhere[places] = values
    scattered: list[int] = everywhere.tolist()
    return scattered
