"""Routes that a message enters at once: over fair links, an unlimited link, or no shared link at all."""

from __future__ import annotations

from typing import Any, final

from simpy import Environment, Event

from simasgd.cluster.clock.events import Signal, timeout
from simasgd.cluster.clock.pipe import Pipe
from simasgd.cluster.clock.trail import Trail
from simasgd.cluster.network.fair import Flow, FlowClass
from simasgd.cluster.network.routes import AbstractDirectRoute, MessageSpec


class _AbstractOpenRoute(AbstractDirectRoute):
    """A route that a message enters without waiting."""

    __slots__ = ()

    def depart(self, now: float, trail: Trail) -> tuple[float, Event | None, Any]:
        return now, self.cross(trail), trail

    def enter(self, now: float, trail: Trail) -> tuple[float, Trail, Any]:
        return now, trail, trail

    def send(self, now: float, trail: Trail) -> tuple[float, Event | None]:
        return now, self.cross(trail)

    def receive(self, start: float) -> float:
        self._received += 1
        return start


@final
class FairRoute(_AbstractOpenRoute):
    """A route over links that share their bandwidth fairly: messages slow each other down, and none waits."""

    __slots__ = ("_class", "_env", "_work")

    def __init__(self, env: Environment, message: MessageSpec, flow_class: FlowClass, work: float) -> None:
        super().__init__(message)
        self._env = env
        self._class = flow_class
        self._work = work  # bytes, including those that the slowest link carries during the overhead

    def cross(self, place: Any) -> Event | None:
        self._sent += 1
        size, _, latency, extend, learner = self._message
        arrived = Signal(self._env)
        flow_class = self._class
        flow_class.home.start(flow_class, self._work, size, Flow(arrived, self._env.now, latency, place, extend, learner))
        return arrived


@final
class UnlimitedRoute(_AbstractOpenRoute):
    """A route over one first-in-first-out link without a limit, which no message occupies."""

    __slots__ = ("_env", "_pipe")

    def __init__(self, env: Environment, message: MessageSpec, pipe: Pipe) -> None:
        super().__init__(message)
        self._env = env
        self._pipe = pipe

    def cross(self, place: Any) -> Event | None:
        self._sent += 1
        size, _, latency, extend, _ = self._message
        self._pipe.pass_by(size)
        if latency == 0.0:
            return None
        now = self._env.now
        rest = (now + latency) - now
        return timeout(self._env, rest, extend(place, rest)) if rest > 0.0 else None


@final
class PrivateRoute(_AbstractOpenRoute):
    """A route over nothing that other messages use."""

    __slots__ = ("_env",)

    def __init__(self, env: Environment, message: MessageSpec) -> None:
        super().__init__(message)
        self._env = env

    def cross(self, place: Any) -> Event | None:
        self._sent += 1
        _, seconds, latency, extend, _ = self._message
        total = seconds + latency
        return timeout(self._env, total, extend(place, total)) if total > 0.0 else None
