"""A learner: pulls weights, computes a gradient, pushes it, one thing at a time (Rudra-base's blocking calls)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.diary import Activity, Diary
from simasgd.cluster.network import Route
from simasgd.cluster.server import Server
from simasgd.tape import Gradient, Weights

_COMPUTE, _PUSH, _WAIT, _PULL, _IDLE = Activity  # spares the hot path an attribute look-up


@final
class Learner:
    """Learner number `number` as its protocol sees it; the verbs of its role are `pull`, `compute` and `push`.

    `computed` counts its gradients and `diary` holds the seconds of its day.
    """

    __slots__ = ("_env", "_from_server", "_server", "_times", "_to_server", "computed", "diary", "number")

    def __init__(
        self, env: Environment, number: int, server: Server, to_server: Route, from_server: Route, times: Iterator[float]
    ) -> None:
        self.number = number
        self.computed = 0
        self.diary = Diary()
        self._env = env
        self._server = server
        self._to_server = to_server
        self._from_server = from_server
        self._times = times

    def pull(self, newer_than: Weights | None = None) -> Generator[Event, None, Weights]:
        """Ask for the current weights, or for ones newer than those given, and wait until they are here.

        The request costs nothing. A learner whose own last gradient is in an update that was begun is answered after it.
        The reply takes its place in the pipe, and the weights are read when it enters it.
        """
        env, server, diary = self._env, self._server, self.diary
        diary.begin(_WAIT, env.now)
        due = server.due(self.number)
        if newer_than is not None and newer_than.timestamp >= due:
            due = newer_than.timestamp + 1
        if due > server.timestamp:
            yield server.reached(due)
        now = env.now
        start, arrival = self._from_server.send(now)
        if start > now:
            yield Timeout(env, start - now)
        weights = Weights(server.timestamp)
        diary.begin(_PULL, env.now)
        if arrival > start:
            yield Timeout(env, arrival - start)
        return weights

    def compute(self, weights: Weights) -> Generator[Event, None, Gradient]:
        """Compute the gradient of this learner's next mini-batch on `weights`."""
        env = self._env
        began = env.now
        self.diary.begin(_COMPUTE, began)
        yield Timeout(env, next(self._times))
        number = self.computed
        self.computed = number + 1
        return Gradient(self.number, number, weights.timestamp, began, env.now)

    def push(self, gradient: Gradient) -> Generator[Event, None, None]:
        """Send a gradient to the server and wait until it has arrived."""
        env, diary = self._env, self.diary
        now = env.now
        start, arrival = self._to_server.send(now)
        if arrival > now:
            diary.begin(_WAIT, now)
            diary.then(_PUSH, start)
            yield Timeout(env, arrival - now)
        self._server.deliver(gradient)
