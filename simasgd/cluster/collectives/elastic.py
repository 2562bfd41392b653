"""Collective operations among the learners that are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import Trail, add_compute, wait_until
from simasgd.cluster.collectives.operations import AbstractOperations, OnFirst

MakeGroup = Callable[[Sequence[int], OnFirst], AbstractOperations]
"""Makes the operations of these learners, in the order of their ranks."""


@final
class _Call:
    """A learner's part in the present operation: since when (s), its trail then, and what it said about its inputs."""

    __slots__ = ("began", "forecasts", "inner", "is_given", "outer", "provided", "trail")

    def __init__(self, began: float, trail: Trail, outer: Signal) -> None:
        self.began = began
        self.trail = trail
        self.outer = outer
        self.inner: Signal | None = None
        self.forecasts: list[float] = []
        self.provided: float | None = None  # when (s) its last input was ready
        self.is_given = False  # to the present group


@final
class ElasticOperations(AbstractOperations):
    """Operations whose group changes: learners are removed from it, and added to it. A rank is a learner's number.

    A learner that is removed before all inputs are there is missing in the present operation. The
    others then begin that operation again, without it. Once all inputs are there, the operation
    goes to its end as if all were there. A learner that is added takes part from the next operation
    on. `make` makes the operations of a group.
    """

    def __init__(self, env: Environment, make: MakeGroup, learners: int, on_first: OnFirst) -> None:
        self._env = env
        self._make = make
        self._on_first = on_first
        self._wanted = set(range(learners))
        self._members: list[int] = []
        self._rank: dict[int, int] = {}
        self._group: AbstractOperations | None = None
        self._calls: dict[int, _Call] = {}  # of the present operation, until all inputs are there
        self._results = 0
        self.is_running = False
        """Whether all inputs of an operation are there, and nobody has its result."""

    @property
    def is_idle(self) -> bool:
        """Whether nobody has joined the present operation."""
        return not self._calls and not self.is_running

    def awaits(self, rank: int) -> bool:
        """Return whether the present operation cannot go on before this learner gives its last input."""
        if self.is_running or rank not in self._wanted or self._has_given(rank):
            return False
        return not self._calls or rank in self._members

    def _has_given(self, rank: int) -> bool:
        call = self._calls.get(rank)
        return call is not None and call.provided is not None

    def join(self, rank: int, trail: Trail) -> Signal:
        call = _Call(self._env.now, trail, Signal(self._env))
        if not self._calls and set(self._members) != self._wanted:
            self._form(sorted(self._wanted), "")
        self._calls[rank] = call
        self._enter(rank, call, trail)
        return call.outer

    def forecast(self, rank: int, times: Sequence[float]) -> None:
        self._calls[rank].forecasts.extend(times)
        assert self._group is not None
        self._group.forecast(self._rank[rank], times)

    def provide(self, rank: int) -> None:
        self._calls[rank].provided = self._env.now
        self._give(rank)

    def withdraw(self, rank: int) -> None:
        """Forget what a learner said about the inputs that it has lost; the others begin again and wait for it."""
        if self._calls.pop(rank, None) is not None:
            self._form(self._members, "down")

    def add(self, rank: int) -> None:
        """Add a learner to the group, from the next operation on."""
        self._wanted.add(rank)

    def remove(self, rank: int, drop: Callable[[int], None]) -> bool:
        """Remove a learner from the group: at once if the present operation lacks its last input.

        Return whether the others begin the operation again. Before they do, `drop` is called with
        each learner removed whose input they go on without.
        """
        self._wanted.discard(rank)
        if rank not in self._members or self._has_given(rank):
            return False
        self._calls.pop(rank, None)
        for number in [number for number in self._calls if number not in self._wanted]:
            del self._calls[number]
            drop(number)
        if not self._calls:
            self._form((), "timeout")  # a group in which it may have said something about its inputs
            return False
        self._form([number for number in self._members if number in self._wanted], "timeout")
        return True

    def _form(self, members: Sequence[int], lost: str) -> None:
        """Form a group, in which the learners that have joined the present operation begin it again.

        `lost` is the part of their trails, one of LOST_PARTS, to which the time belongs that they have lost.
        """
        now = self._env.now
        self._members = list(members)
        self._rank = {number: rank for rank, number in enumerate(self._members)}
        self._group = self._make(self._members, self._count_result) if self._members else None
        calls = sorted(self._calls.items())
        for number, call in calls:
            call.is_given = False
            until = now if call.provided is None else call.provided
            self._enter(number, call, wait_until(add_compute(call.trail, until - call.began), now, lost))
        for number, call in calls:
            if call.forecasts and self._group is not None:
                self._group.forecast(self._rank[number], [max(time, now) for time in call.forecasts])
        for number, call in calls:
            if call.provided is not None:
                self._give(number)

    def _enter(self, number: int, call: _Call, trail: Trail) -> None:
        assert self._group is not None
        call.inner = self._group.join(self._rank[number], trail)
        call.inner.callbacks.append(partial(self._finish, call))

    def _give(self, number: int) -> None:
        """Give a learner's last input to the group."""
        assert self._group is not None
        self._calls[number].is_given = True
        if len(self._calls) == len(self._members) and all(call.is_given for call in self._calls.values()):
            self._calls, self.is_running = {}, True
        self._group.provide(self._rank[number])

    def _finish(self, call: _Call, inner: Event) -> None:
        if call.inner is inner:  # otherwise the operation was begun again in another group
            done: Any = inner.value
            call.outer.call(done)

    def _count_result(self, number: int, trail: Trail) -> None:
        del number  # of the operation within its group
        self.is_running = False
        self._results += 1
        self._on_first(self._results - 1, trail)
