"""Work that a role orders by verbs which return at once, and that takes time nevertheless."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, ParamSpec, TypeVar, final

from simpy import Event

from simasgd.cluster.cast.own_work import Work
from simasgd.cluster.clock.activity import ActivityLog

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Verb = Callable[Arguments, Generator[Event, Any, Result]]


class _Order(NamedTuple):
    """Some work, if it takes time, and its effect when it is done."""

    work: Work | None
    effect: Callable[[], None]


@final
class Backlog:
    """The work that a role has ordered and not begun. The role's next verb that takes time does it first.

    Nobody else acts between the order and that verb. So the work begins at the instant of the
    order, and its effect comes when it is done.
    """

    def __init__(self) -> None:
        self._orders: list[_Order] = []

    def __bool__(self) -> bool:
        return bool(self._orders)

    def add(self, work: Work | None, effect: Callable[[], None] = lambda: None) -> None:
        """Order some work, and an effect after it. An effect that need not wait for anything comes at once."""
        if work is None and not self._orders:
            effect()
            return
        self._orders.append(_Order(work, effect))

    def clear(self) -> None:
        """Forget all orders: the role has crashed."""
        self._orders = []

    def do(self, activity_log: ActivityLog) -> Generator[Event, Any, None]:
        """Do all that is ordered, by the thread with that log."""
        orders, self._orders = self._orders, []
        for work, effect in orders:
            if work is not None:
                yield from work(activity_log)
            effect()

    def before(self, verb: Verb[Arguments, Result], activity_log: ActivityLog) -> Verb[Arguments, Result]:
        """Return the verb of the thread with that log, with all that is ordered done before it."""

        def timed(*given: Arguments.args, **named: Arguments.kwargs) -> Generator[Event, Any, Result]:
            yield from self.do(activity_log)
            return (yield from verb(*given, **named))

        return timed
