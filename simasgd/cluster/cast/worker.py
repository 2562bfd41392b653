"""A worker: all that learners have in common, with a parameter server or without one."""

from __future__ import annotations

import abc
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

from simpy import Event

from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.clock.activity import Activity, ActivityLog, CostActivity, Thread
from simasgd.cluster.clock.events import END_OF_TIME, after, timeout
from simasgd.cluster.clock.trail import Extend, add_mix, add_step, wait_until
from simasgd.tape.tape import Gradient, Weights, make_gradient

_COMPUTE, _IDLE = Activity.COMPUTE.value, Activity.IDLE.value
_EXTEND: Mapping[CostActivity, Extend] = {CostActivity.STEP: add_step, CostActivity.MIX: add_mix}
Forecast = Callable[[float, float, float], None]
"""Receives (seconds, before, after): in `seconds` from now, the finished fraction grows from `before` to `after`."""


class AbstractWorker(abc.ABC):
    """A learner: its number, its counts of mini-batches and the activities of its threads.

    `drawn` counts mini-batches, `cancelled` those of them that were given up, and `lost`
    gradients that crashes destroyed. `activity_log` belongs to the compute thread.
    """

    __slots__ = ("_env", "_pace", "_times", "activity_log", "cancelled", "drawn", "lost", "number")

    def __init__(self, context: RunContext, number: int, activity_log: ActivityLog) -> None:
        self.number = number
        self.drawn = 0
        self.cancelled = 0
        self.lost = 0
        self.activity_log = activity_log
        self._env = context.env
        self._times = context.times[number]
        self._pace = context.paces[number]

    @property
    @abc.abstractmethod
    def in_flight(self) -> int:
        """The number of gradients that were computed and have neither arrived nor been lost."""

    @property
    @abc.abstractmethod
    def threads(self) -> Sequence[Thread]:
        """The threads beside the compute thread."""

    @abc.abstractmethod
    def crash(self) -> None:
        """Lose all gradients and messages that are under way."""

    @property
    def is_computing(self) -> bool:
        """Whether the learner computes a gradient now."""
        return self.activity_log.activity is Activity.COMPUTE

    def close(self, now: float) -> None:
        """End the log of the compute thread at `now` (s)."""
        self.activity_log.close(now)

    def compute_gradient(self, weights: Weights, forecast: Forecast | None = None) -> Generator[Event, None, Gradient]:
        """Compute the gradient of the learner's next mini-batch on `weights`.

        `forecast` is called as soon as the progress of the next seconds is known.
        """
        env, activity_log = self._env, self.activity_log
        began = env.now
        activity_log.begin(_COMPUTE, began)
        work = next(self._times)
        if self._pace is not None:
            work = yield from self._compute_at_its_pace(work, forecast)
        else:
            end = timeout(env, work) if began + work < END_OF_TIME else Event(env)
            if forecast is not None:
                forecast(work, 0.0, 1.0)
            yield end
        compute, push, update, pull, other = activity_log.trail
        activity_log.trail = compute + work, push, update, pull, other  # as add_compute, without a call
        number = self.drawn
        self.drawn = number + 1
        timestamp, layers, ahead = weights
        return make_gradient((self.number, number, timestamp, began, env.now, layers, ahead))

    def _compute_at_its_pace(self, work: float, forecast: Forecast | None) -> Generator[Event, None, float]:
        """Compute as `compute_gradient` does, where the pace changes; return the seconds that it took."""
        env, left, total, done = self._env, work, 0.0, 0.0
        while True:
            seconds, left = self._stretch(env.now, left)
            end = after(env, env.now, seconds)
            if forecast is not None:
                before, done = done, 1.0 - left / work if left else 1.0
                forecast(seconds, before, done)
            yield end
            total += seconds
            if not left:
                return total

    def work(self, activity_log: ActivityLog, activity: CostActivity, times: Iterator[float]) -> Generator[Event, None, None]:
        """Let a thread make a step or mix models, in the next of `times` (s at full speed)."""
        env = self._env
        activity_log.begin(activity, env.now)
        left, total = next(times), 0.0
        while left:
            seconds, left = self._stretch(env.now, left)
            yield after(env, env.now, seconds)
            total += seconds
        activity_log.trail = _EXTEND[activity](activity_log.trail, total)

    def rejoin(self) -> None:
        """Continue after an absence; the trails of all idle threads continue now.

        A thread that answers other learners may be in the middle of its work.
        """
        for activity_log in self._activity_logs():
            if activity_log.activity == _IDLE:
                activity_log.trail = wait_until(activity_log.trail, self._env.now, "down")

    def leave(self) -> None:
        """Begin no further mini-batch; the compute thread is idle from now on."""
        self.activity_log.begin(_IDLE, self._env.now)

    def _stretch(self, now: float, work: float) -> tuple[float, float]:
        """Return the seconds for which the pace of `work` (s at full speed) is known, and the work left after that."""
        if self._pace is None or work >= END_OF_TIME:
            return work, 0.0
        until, left = self._pace.advance(now, work)
        return until - now, left

    def _fall_silent(self) -> None:
        for activity_log in self._activity_logs():
            activity_log.begin(_IDLE, self._env.now)

    def _activity_logs(self) -> list[ActivityLog]:
        return [self.activity_log, *(activity_log for activity_log, _ in self.threads)]
