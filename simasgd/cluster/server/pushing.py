"""How a learner sends gradients."""

from __future__ import annotations

import abc
from collections.abc import Generator, Sequence
from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.cast.own_work import copy
from simasgd.cluster.clock.activity import Activity, ActivityLog, Thread
from simasgd.cluster.clock.events import Signal
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.cluster.server.interfaces import AbstractSink
from simasgd.tape.tape import Gradient

_PUSH, _WAIT, _IDLE = Activity.PUSH.value, Activity.WAIT.value, Activity.IDLE.value


class AbstractPushing(abc.ABC):
    """The verb `push` of one learner, and its thread, if any. `taken` counts the gradients it was given."""

    __slots__ = ("taken",)

    taken: int

    @property
    @abc.abstractmethod
    def threads(self) -> Sequence[Thread]:
        """The threads beside the compute thread."""

    @abc.abstractmethod
    def push(self, *gradients: Gradient) -> Generator[Event, Any, None]:
        """Send a gradient, or the sum of several, as one message."""

    @property
    @abc.abstractmethod
    def held(self) -> int:
        """The number of gradients that were handed over and have not arrived."""

    @abc.abstractmethod
    def crash(self) -> None:
        """Lose the gradients that are held."""


@final
class BlockingPush(AbstractPushing):
    """A push that sends a gradient and waits until it has arrived (Rudra-base)."""

    __slots__ = ("_activity_log", "_deliver", "_env", "_route", "_sending")

    def __init__(self, env: Environment, activity_log: ActivityLog, sink: AbstractSink, route: AbstractRoute) -> None:
        self._env = env
        self._activity_log = activity_log
        self._deliver = sink.deliver
        self._route = route
        self._sending = 0
        self.taken = 0

    @property
    def threads(self) -> Sequence[Thread]:
        return ()

    def push(self, *gradients: Gradient) -> Generator[Event, Any, None]:
        activity_log, route, now = self._activity_log, self._route, self._env.now
        self.taken += len(gradients)
        start, arrival = route.send(now, activity_log.trail)
        if arrival is not None:
            self._sending = len(gradients)
            activity_log.begin(_WAIT, now, _PUSH, start)
            activity_log.trail = yield arrival
            self._sending = 0
        since = route.receive(start)
        if since != start or arrival is None:
            activity_log.then(_PUSH, since)
        self._deliver(gradients, activity_log.trail)

    @property
    def held(self) -> int:
        return self._sending

    def crash(self) -> None:
        self._sending = 0
        self._route.abandon()


@final
class PushThread(AbstractPushing):
    """A thread that sends one gradient while the learner computes the next (adv, adv*).

    It waits until the receiver has absorbed the gradient. A learner that has the next one ready
    before that waits. The thread first copies each message, in `copy_seconds`.
    """

    def __init__(
        self,
        env: Environment,
        activity_log: ActivityLog,
        thread: ActivityLog,
        sink: AbstractSink,
        route: AbstractRoute,
        copy_seconds: float,
    ) -> None:
        self._copy_seconds = copy_seconds
        self._env = env
        self._activity_log = activity_log
        self._thread = thread
        self._sink = sink
        self._route = route
        self._sending: Sequence[Gradient] = ()
        self._is_absorbing = False  # the sink is busy with the last message
        self.taken = 0
        self._waiting = 0
        self._handed_over: Signal | None = None
        self._free: Signal | None = None

    @property
    def threads(self) -> Sequence[Thread]:
        return (Thread(self._thread, self._run),)

    def push(self, *gradients: Gradient) -> Generator[Event, Any, None]:
        self.taken += len(gradients)
        if self._sending or self._is_absorbing:
            self._waiting = len(gradients)
            self._activity_log.begin(_WAIT, self._env.now)
            self._free = Signal(self._env)
            self._activity_log.trail = yield self._free
            self._waiting = 0
        self._sending = gradients
        if self._handed_over is not None:
            handed_over, self._handed_over = self._handed_over, None
            handed_over.call()

    @property
    def held(self) -> int:
        return len(self._sending) + self._waiting

    def crash(self) -> None:
        self._route.abandon()
        self._sending, self._is_absorbing, self._waiting, self._handed_over, self._free = (), False, 0, None, None

    def _run(self) -> Generator[Event, Any, None]:
        env, thread, copies = self._env, self._thread, self._copy_seconds > 0.0
        while True:
            if not self._sending:
                thread.begin(_IDLE, env.now)
                self._handed_over = Signal(env)
                yield self._handed_over
            gradients = self._sending
            thread.trail = self._activity_log.trail
            if copies:
                yield from copy(env, thread, self._copy_seconds)
            now = env.now
            start, arrival = self._route.send(now, thread.trail)
            if arrival is not None:
                thread.begin(_WAIT, now)
                thread.then(_PUSH, start)
                thread.trail = yield arrival
            thread.then(_PUSH, self._route.receive(start))
            self._sending = ()
            self._sink.deliver(gradients, thread.trail)
            absorbed = self._sink.absorbed()
            if absorbed is not None:
                self._is_absorbing = True
                thread.begin(_WAIT, env.now)
                thread.trail = yield absorbed
                self._is_absorbing = False
            if self._free is not None:
                free, self._free = self._free, None
                free.call(thread.trail)
