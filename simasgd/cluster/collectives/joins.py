"""The joins that are under way, and each rank's part in them."""

from __future__ import annotations

from typing import NamedTuple, final

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import Trail, add_compute
from simasgd.cluster.collectives.operations import OnFirst

NEVER = float("-inf")


@final
class Join:
    """The state of one join that all ranks share."""

    __slots__ = ("left", "number", "started")

    def __init__(self, number: int, ranks: int) -> None:
        self.number = number
        self.left = ranks  # ranks that have not finished it
        self.started = NEVER


class Entry(NamedTuple):
    """A rank's part in a join that `began` (s), with the known times (s) at which its inputs are `ready`."""

    join: Join
    began: float
    ready: list[float]
    trail: Trail
    finished: Signal

    def trail_at_ready(self, operation: int) -> Trail:
        """Return the trail at which the input of an operation is ready."""
        return add_compute(self.trail, self.ready[operation] - self.began)


@final
class Joins:
    """The joins that some rank has still to finish."""

    def __init__(self, ranks: int, on_first: OnFirst) -> None:
        self._ranks = ranks
        self._on_first = on_first
        self._entered = [0] * ranks
        self._open: dict[int, Join] = {}

    def enter(self, rank: int) -> Join:
        """Enter the rank into its next join."""
        number = self._entered[rank]
        self._entered[rank] += 1
        if number not in self._open:
            self._open[number] = Join(number, self._ranks)
        return self._open[number]

    def leave(self, join: Join, trail: Trail) -> None:
        """Record that some rank finishes the join now."""
        if join.left == self._ranks:
            self._on_first(join.number, trail)
        join.left -= 1
        if not join.left:
            del self._open[join.number]
