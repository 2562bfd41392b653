"""How a learner gets rid of a gradient."""

from __future__ import annotations

import abc
from collections.abc import Generator, Sequence
from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.diary import Activity, Diary, Thread
from simasgd.cluster.events import Signal
from simasgd.cluster.routes import AbstractRoute
from simasgd.cluster.server import AbstractSink
from simasgd.tape import Gradient

_PUSH, _WAIT, _IDLE = Activity.PUSH, Activity.WAIT, Activity.IDLE


class AbstractPushing(abc.ABC):
    """The verb `push` of one learner, and the thread that stands behind it, if any."""

    __slots__ = ()

    @property
    @abc.abstractmethod
    def threads(self) -> Sequence[Thread]:
        """What runs beside the compute thread."""

    @abc.abstractmethod
    def push(self, gradient: Gradient) -> Generator[Event, Any, None]:
        """Send a gradient on its way."""

    @property
    @abc.abstractmethod
    def held(self) -> int:
        """Gradients that were handed over and have not arrived."""

    @abc.abstractmethod
    def crash(self) -> None:
        """All is lost that was held."""


@final
class BlockingPush(AbstractPushing):
    """Sends a gradient and waits until it has arrived (Rudra-base)."""

    __slots__ = ("_diary", "_env", "_is_sending", "_route", "_sink")

    def __init__(self, env: Environment, diary: Diary, sink: AbstractSink, route: AbstractRoute) -> None:
        self._env = env
        self._diary = diary
        self._sink = sink
        self._route = route
        self._is_sending = False

    @property
    def threads(self) -> Sequence[Thread]:
        return ()

    def push(self, gradient: Gradient) -> Generator[Event, Any, None]:
        diary, now = self._diary, self._env.now
        start, arrival = self._route.send(now, diary.trail)
        if arrival is not None:
            self._is_sending = True
            diary.begin(_WAIT, now)
            diary.then(_PUSH, start)
            diary.trail = yield arrival
            self._is_sending = False
        diary.then(_PUSH, self._route.receive(start))
        self._sink.deliver((gradient,), diary.trail)

    @property
    def held(self) -> int:
        return int(self._is_sending)

    def crash(self) -> None:
        self._is_sending = False
        self._route.abandon()


@final
class PushThread(AbstractPushing):
    """A thread that sends one gradient while the learner computes the next; who has the next ready before that waits (adv,
    adv*)."""

    def __init__(self, env: Environment, diary: Diary, thread: Diary, sink: AbstractSink, route: AbstractRoute) -> None:
        self._env = env
        self._diary = diary
        self._thread = thread
        self._sink = sink
        self._route = route
        self._sending: Gradient | None = None
        self._waiting = 0
        self._handed_over: Signal | None = None
        self._free: Signal | None = None

    @property
    def threads(self) -> Sequence[Thread]:
        return (Thread(self._thread, self._run),)

    def push(self, gradient: Gradient) -> Generator[Event, Any, None]:
        if self._sending is not None:
            self._waiting = 1
            self._diary.begin(_WAIT, self._env.now)
            self._free = Signal(self._env)
            self._diary.trail = yield self._free
            self._waiting = 0
        self._sending = gradient
        if self._handed_over is not None:
            handed_over, self._handed_over = self._handed_over, None
            handed_over.call()

    @property
    def held(self) -> int:
        return (self._sending is not None) + self._waiting

    def crash(self) -> None:
        self._route.abandon()
        self._sending, self._waiting, self._handed_over, self._free = None, 0, None, None

    def _run(self) -> Generator[Event, Any, None]:
        env, thread = self._env, self._thread
        while True:
            if self._sending is None:
                thread.begin(_IDLE, env.now)
                self._handed_over = Signal(env)
                yield self._handed_over
            gradient, now = self._sending, env.now
            assert gradient is not None
            thread.trail = self._diary.trail
            start, arrival = self._route.send(now, thread.trail)
            if arrival is not None:
                thread.begin(_WAIT, now)
                thread.then(_PUSH, start)
                thread.trail = yield arrival
            thread.then(_PUSH, self._route.receive(start))
            self._sending = None
            self._sink.deliver((gradient,), thread.trail)
            if self._free is not None:
                free, self._free = self._free, None
                free.call(thread.trail)
