"""The updates of a server or a centre, one after another on its processor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar, final

from simpy import Environment

from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.clock import compute
from simasgd.cluster.clock.events import Line, Signal, signal
from simasgd.cluster.clock.log import UPDATE
from simasgd.cluster.clock.pace import ScheduledPace
from simasgd.cluster.clock.pipe import Pipe, Usage
from simasgd.cluster.clock.processor import Processor
from simasgd.cluster.clock.trail import Trail

Work = TypeVar("Work")
GoOn = Callable[[Trail | None], None]
"""Goes on after a wait whose end has that trail; None if only the passing of time brought it about."""


@final
class Updater(Generic[Work]):
    """Makes updates in the order of the requests.

    An update takes the next of `times` (s). `apply` is called with an update's work and trail when
    the update is done. It must call `announce` if there are `awaited` updates: by number, those who
    wait for it, in the order in which they asked. `counts_messages` says whether taking up a
    message takes time. `take_up`, `copied`, `resumed` and `idle` are the methods of the processor.
    `update` requests an update, with its work and the trail of the arrival that brings it about; if
    nothing takes time (`at_once`), it is `apply`.
    """

    __slots__ = (
        "_env",
        "_processor",
        "awaited",
        "copied",
        "counts_messages",
        "idle",
        "resumed",
        "take_up",
        "update",
    )

    def __init__(
        self,
        env: Environment,
        processor: Processor,
        times: Iterator[float],
        apply: Callable[[Work, Trail], None],
        *,
        at_once: bool,
    ) -> None:
        self.update = apply if at_once else Line(env, processor.update, times, apply).request
        self.counts_messages = processor.takes_messages
        self.take_up = processor.take_up
        self.copied = processor.copied
        self.resumed = processor.resumed
        self.idle = processor.idle
        self._env = env
        self._processor = processor
        self.awaited: dict[int, list[GoOn]] = {}

    def announce(self, number: int, trail: Trail) -> None:
        """Let those go on who wait for update `number`, which is made now; needed only if some update is `awaited`."""
        for go_on in self.awaited.pop(number, ()):
            go_on(trail)

    def until_made(self, number: int) -> Signal:
        """Return a signal that happens when update `number`, which is not made yet, is made; its value is the trail."""
        made = signal(self._env)
        self.awaited.setdefault(number, []).append(made.call)
        return made

    def usage(self, until: float) -> Usage:
        """Return how busy the processor was until `until` (s), and how much work waited on average."""
        return self._processor.usage(until)


def make_updater(context: RunContext, apply: Callable[[Work, Trail], None], arriving: float) -> Updater[Work]:
    """Make the updater of the parameter server, whose shards each do the work on their part of the weights.

    Messages of `arriving` bytes come to all shards together.
    """
    server, shards = context.spec.server, context.spec.architecture.parts
    pauses = [(pause.at, pause.at + pause.lasting, 0.0) for pause in context.spec.faults.server_pauses]
    pace = ScheduledPace(pauses) if pauses else None
    pipe = Pipe("server", pace=pace, log=context.log, group="servers", activity=UPDATE)
    times = compute.update_times(server.update / shards, compute.law(server.update_law), context.seed)
    copy_in = context.spec.costs.copy_seconds(arriving / shards)
    processor = Processor(context.env, pipe, server.per_gradient / shards, pace, copy_in)
    at_once = server.update == 0.0 and not pauses and not processor.takes_messages and not context.spec.costs.any
    return Updater(context.env, processor, times, apply, at_once=at_once)
