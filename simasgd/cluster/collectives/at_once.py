"""Joins that are computed at once, when the last rank has its last input."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from functools import partial

from simpy import Environment, Event

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.collectives.joins import Entry, Join, Joins
from simasgd.cluster.collectives.operations import AbstractOperations, OnFirst
from simasgd.cluster.network.routes import ByteCounts


class AbstractAtOnce(AbstractOperations):
    """Operations whose ends for all ranks are computed when the inputs of a join are complete.

    `bytes_of_join` are sent and received when the first rank finishes a join.
    """

    def __init__(self, env: Environment, ranks: int, bytes_of_join: float, on_first: OnFirst) -> None:
        self._env = env
        self._bytes_of_join = bytes_of_join
        self._bytes = 0.0
        self._joins = Joins(ranks, self._count_first)
        self._on_first = on_first
        self._size = ranks
        self._latest: dict[int, Entry] = {}  # by rank
        self._complete: dict[int, dict[int, Entry]] = {}  # by join and rank, until all ranks have their inputs

    @abc.abstractmethod
    def _finish(self, join: Join, entries: Sequence[Entry]) -> None:
        """Schedule the end of the join for each rank; all ranks have their inputs now."""

    @abc.abstractmethod
    def _leave(self, join: Join, rank: int, finished: Event) -> None:
        """Let a rank leave a join that it has finished now."""

    def counts(self) -> ByteCounts:
        """Return the bytes sent so far."""
        return ByteCounts(self._bytes, self._bytes, 0.0)

    def join(self, rank: int, trail: Trail) -> Signal:
        join, finished = self._joins.enter(rank), Signal(self._env)
        # The first callback: a process that waits for the signal continues after it.
        finished.callbacks.append(partial(self._leave, join, rank))
        self._latest[rank] = Entry(join, self._env.now, [], trail, finished)
        return finished

    def forecast(self, rank: int, times: Sequence[float]) -> None:
        self._latest[rank].ready.extend(times)

    def provide(self, rank: int) -> None:
        entry = self._latest[rank]
        entry.ready.append(self._env.now)
        entries = self._complete.setdefault(entry.join.number, {})
        entries[rank] = entry
        if len(entries) == self._size:
            del self._complete[entry.join.number]
            self._finish(entry.join, [entries[number] for number in range(len(entries))])

    def _count_first(self, number: int, trail: Trail) -> None:
        self._bytes += self._bytes_of_join
        self._on_first(number, trail)
