"""Who computes gradients: what all learners have in common, with a parameter server or without one."""

from __future__ import annotations

import abc
from collections.abc import Callable, Generator, Iterator, Sequence

from simpy import Environment, Event

from simasgd.cluster.clock.activity import Activity, Diary, Thread
from simasgd.cluster.clock.events import END_OF_TIME, in_
from simasgd.cluster.clock.pace import Spells
from simasgd.cluster.clock.trail import computed, until
from simasgd.tape import Gradient, Weights

_COMPUTE, _IDLE = Activity.COMPUTE, Activity.IDLE
Foresee = Callable[[float, float, float], None]
"""Is told in how many seconds from now on the fraction of a mini-batch that is done grows from what to what."""


class AbstractWorker(abc.ABC):
    """A learner's number, its mini-batches and its day.

    `computed` counts its mini-batches, `cancelled` those of them that it gave up, `lost` the gradients that were lost in
    crashes, and `diary` holds the seconds of its compute thread's day. The next of `times` (s) is how long the next mini-batch
    takes, at full speed if there is a `pace`.
    """

    __slots__ = ("_env", "_pace", "_times", "cancelled", "computed", "diary", "lost", "number")

    def __init__(self, env: Environment, number: int, diary: Diary, times: Iterator[float], pace: Spells | None) -> None:
        self.number = number
        self.computed = 0
        self.cancelled = 0
        self.lost = 0
        self.diary = diary
        self._env = env
        self._times = times
        self._pace = pace

    @property
    @abc.abstractmethod
    def in_flight(self) -> int:
        """Gradients that were computed and have neither arrived nor been lost."""

    @property
    @abc.abstractmethod
    def threads(self) -> Sequence[Thread]:
        """What runs beside the compute thread."""

    @abc.abstractmethod
    def crash(self) -> None:
        """Lose all that is under way."""

    def _compute(self, weights: Weights, foresee: Foresee | None = None) -> Generator[Event, None, Gradient]:
        """The gradient of this learner's next mini-batch on `weights`. As soon as it is known, `foresee` is told in how many
        seconds from now on the fraction that is done grows from what to what."""
        env, diary = self._env, self.diary
        began = env.now
        diary.begin(_COMPUTE, began)
        work = left = next(self._times)
        total, done = 0.0, 0.0
        while True:
            seconds, left = self._stretch(env.now, left)
            end = in_(env, seconds)
            if foresee is not None:
                before, done = done, 1.0 - left / work if left else 1.0
                foresee(seconds, before, done)
            yield end
            total += seconds
            if not left:
                break
        diary.trail = computed(diary.trail, total)
        number = self.computed
        self.computed = number + 1
        return Gradient(self.number, number, weights.timestamp, began, env.now, weights.layers, weights.ahead)

    def rejoin(self) -> None:
        for diary in self._diaries():
            diary.trail = until(diary.trail, self._env.now)

    def _stretch(self, now: float, work: float) -> tuple[float, float]:
        """Of `work` (s at full speed) that is gone on with now: for how many seconds it is known how fast it goes, and what is
        left then."""
        if self._pace is None or work >= END_OF_TIME:
            return work, 0.0
        until, left = self._pace.advance(now, work)
        return until - now, left

    def _fall_silent(self) -> None:
        for diary in self._diaries():
            diary.begin(_IDLE, self._env.now)

    def _diaries(self) -> list[Diary]:
        return [self.diary, *(diary for diary, _ in self.threads)]
