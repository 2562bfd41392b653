"""Who computes gradients: what all learners have in common, with a parameter server or without one."""

from __future__ import annotations

import abc
from collections.abc import Callable, Generator, Iterator, Sequence

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.diary import Activity, Diary, Thread
from simasgd.cluster.pace import AbstractPace
from simasgd.cluster.trail import computed, until
from simasgd.tape import Gradient, Weights

_COMPUTE, _IDLE = Activity.COMPUTE, Activity.IDLE


class AbstractWorker(abc.ABC):
    """A learner's number, its mini-batches and its day.

    `computed` counts its mini-batches, `cancelled` those of them that it gave up, `lost` the gradients that were lost in
    crashes, and `diary` holds the seconds of its compute thread's day. The next of `times` (s) is how long the next mini-batch
    takes, at full speed if there is a `pace`.
    """

    __slots__ = ("_env", "_pace", "_times", "cancelled", "computed", "diary", "lost", "number")

    def __init__(self, env: Environment, number: int, diary: Diary, times: Iterator[float], pace: AbstractPace | None) -> None:
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

    def _compute(self, weights: Weights, foresee: Callable[[float], None] | None = None) -> Generator[Event, None, Gradient]:
        """The gradient of this learner's next mini-batch on `weights`; `foresee` is told at once how many seconds it takes."""
        env, diary = self._env, self.diary
        began = env.now
        seconds = self._begin_mini_batch(began)
        end = Timeout(env, seconds)
        if foresee is not None:
            foresee(seconds)
        yield end
        diary.trail = computed(diary.trail, seconds)
        number = self.computed
        self.computed = number + 1
        return Gradient(self.number, number, weights.timestamp, began, env.now, weights.layers, weights.ahead)

    def rejoin(self) -> None:
        for diary in self._diaries():
            diary.trail = until(diary.trail, self._env.now)

    def _begin_mini_batch(self, now: float) -> float:
        """The seconds that the next one takes from now on."""
        self.diary.begin(_COMPUTE, now)
        seconds = next(self._times)
        return seconds if self._pace is None else self._pace.end(now, seconds) - now

    def _fall_silent(self) -> None:
        for diary in self._diaries():
            diary.begin(_IDLE, self._env.now)

    def _diaries(self) -> list[Diary]:
        return [self.diary, *(diary for diary, _ in self.threads)]
