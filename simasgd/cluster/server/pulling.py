"""How a learner gets weights."""

from __future__ import annotations

import abc
from collections.abc import Generator, Sequence
from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.cast.own_work import AnswerThread
from simasgd.cluster.clock.activity import Activity, ActivityLog, Thread
from simasgd.cluster.network.routes import AbstractRoute
from simasgd.cluster.server.interfaces import AbstractSource
from simasgd.cluster.server.weights import Fetch, WeightsCache
from simasgd.tape.tape import Weights

_WAIT = Activity.WAIT


class AbstractPulling(abc.ABC):
    """The verb `pull` of one learner, and its thread, if any."""

    __slots__ = ()

    @property
    @abc.abstractmethod
    def threads(self) -> Sequence[Thread]:
        """The threads beside the compute thread."""

    @property
    @abc.abstractmethod
    def newest(self) -> int:
        """The timestamp of the newest weights that the learner could wait for; to ask costs nothing."""

    @abc.abstractmethod
    def pull(self, newer_than: Weights | None = None) -> Generator[Event, Any, Weights]:
        """Return weights; with `newer_than`, wait for newer weights than these."""

    @abc.abstractmethod
    def crash(self) -> None:
        """Lose the weights that are under way."""


@final
class BlockingPull(AbstractPulling):
    """A pull that requests weights from a source and waits for them (Rudra-base and adv).

    If the learner's last gradient is in a requested update, the source answers after that update.
    """

    __slots__ = ("_activity_log", "_env", "_fetch", "_number", "_route", "_source")

    def __init__(
        self,
        env: Environment,
        number: int,
        activity_log: ActivityLog,
        source: AbstractSource,
        route: AbstractRoute,
        fetch: Fetch,
    ) -> None:
        self._fetch = fetch
        self._env = env
        self._number = number
        self._activity_log = activity_log
        self._source = source
        self._route = route

    @property
    def threads(self) -> Sequence[Thread]:
        return ()

    @property
    def newest(self) -> int:
        return max(self._source.newest, self._source.due(self._number))

    def pull(self, newer_than: Weights | None = None) -> Generator[Event, Any, Weights]:
        minimum = self._source.due(self._number)
        if newer_than is not None and newer_than.timestamp >= minimum:
            minimum = newer_than.timestamp + 1
        return self._fetch(self._env, self._source, self._route, minimum, self._activity_log)

    def crash(self) -> None:
        self._route.abandon()


@final
class PullThread(AbstractPulling):
    """A thread that fetches newer weights whenever its source has some; the learner takes the newest (adv*).

    If copies take time, another thread copies the weights for other learners, in `copy_seconds`.
    """

    def __init__(
        self,
        env: Environment,
        activity_log: ActivityLog,
        thread: ActivityLog,
        source: AbstractSource,
        route: AbstractRoute,
        fetch: Fetch,
        answering: AnswerThread | None,
        copy_seconds: float,
    ) -> None:
        self.cache = WeightsCache(env, source, answering, copy_seconds)
        self._answering = answering
        self._fetch = fetch
        self._env = env
        self._activity_log = activity_log
        self._thread = thread
        self._source = source
        self._route = route

    @property
    def threads(self) -> Sequence[Thread]:
        pulling = Thread(self._thread, self._run)
        answering = self._answering
        return (pulling,) if answering is None else (pulling, Thread(answering.activity_log, answering.run))

    @property
    def newest(self) -> int:
        return self._source.newest

    def pull(self, newer_than: Weights | None = None) -> Generator[Event, Any, Weights]:
        minimum = 0 if newer_than is None else newer_than.timestamp + 1
        while (ready := self.cache.ready(minimum, self._activity_log.trail)) is not None:
            self._activity_log.begin(_WAIT, self._env.now)
            self._activity_log.trail = yield ready
        return Weights(self.cache.timestamp)

    def crash(self) -> None:
        self._route.abandon()
        self.cache.timestamp = -1

    def _run(self) -> Generator[Event, Any, None]:
        while True:
            newer = yield from self._fetch(self._env, self._source, self._route, self.cache.timestamp + 1, self._thread)
            if newer.timestamp > self.cache.timestamp:  # otherwise the source has crashed meanwhile
                self.cache.replace(newer.timestamp, self._thread.trail)
