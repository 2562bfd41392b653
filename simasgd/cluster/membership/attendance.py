"""Attendance: who takes part in a meeting, where learners come and go."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.cast.waiting import wait_for
from simasgd.cluster.clock.activity import Log
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.collectives.elastic import ElasticOperations, MakeGroup
from simasgd.cluster.collectives.operations import OnFirst
from simasgd.cluster.membership.membership import Membership


@final
class Attendance:
    """The members of a meeting: those that are given up leave it, and those that come back are admitted.

    A learner that comes back before it is given up takes part at once, since the others wait for
    it. Otherwise it takes part from the next operation on. `drop` is called with each learner
    whose input the others go on without.
    """

    def __init__(self, env: Environment, membership: Membership) -> None:
        self._env = env
        self._membership = membership
        self._waiting: dict[int, Signal] = {}
        self._operations: ElasticOperations | None = None
        self._drop: Callable[[int], None] | None = None
        membership.watch(self._change)

    def make_operations(self, make_group: MakeGroup, on_first: OnFirst) -> ElasticOperations:
        """Make the operations of the meeting."""

        def admit(number: int, trail: Trail) -> None:
            on_first(number, trail)
            self._admit(list(self._waiting))

        self._operations = ElasticOperations(self._env, make_group, self._membership.learners, admit)
        return self._operations

    def on_drop(self, drop: Callable[[int], None]) -> None:
        """Call `drop` with each learner whose input the others go on without."""
        self._drop = drop

    def wait_for_admission(self, number: int, log: Log) -> Generator[Event, Any, None]:
        """Wait until a learner that has come back may take part, after the operation under way."""
        operations = self._operations
        assert operations is not None
        if operations.awaits(number):
            operations.withdraw(number)
        elif operations.is_idle and next(self._membership.others_there(number), None) is None:
            operations.add(number)
        else:
            self._waiting[number] = Signal(self._env)
            yield from wait_for(self._env, self._waiting[number], log)

    def forget(self, number: int) -> None:
        """Forget that a learner waits, because it has left again."""
        self._waiting.pop(number, None)

    def _admit(self, numbers: list[int]) -> None:
        assert self._operations is not None
        for number in numbers:
            self._operations.add(number)
            self._waiting.pop(number).fire()

    def _change(self, number: int) -> None:
        """Remove a learner that is given up; if nobody else is there, admit those that wait."""
        operations = self._operations
        assert operations is not None
        if not self._membership.is_given_up(number):
            return
        assert self._drop is not None
        self._membership.timeouts += operations.remove(number, self._drop)
        if self._waiting and operations.is_idle and not any(map(self._membership.is_there, range(self._membership.learners))):
            self._admit(list(self._waiting))
