"""A learner: pulls weights, computes a gradient, pushes it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import final

from simpy import Environment, Event
from simpy.events import Timeout

from simasgd.cluster.delays import delays
from simasgd.cluster.diary import Activity, Diary, Thread
from simasgd.cluster.pace import AbstractPace
from simasgd.cluster.pulling import AbstractPulling
from simasgd.cluster.pushing import AbstractPushing
from simasgd.cluster.trail import computed, until
from simasgd.scenario.delay import Delays
from simasgd.tape import Gradient, Weights

_COMPUTE, _IDLE = Activity.COMPUTE, Activity.IDLE


@final
class Learner:
    """Learner number `number` as its protocol sees it; the verbs of its role are `pull`, `compute` and `push`.

    What pulling and pushing do meanwhile is the architecture's business. `computed` counts its gradients, `lost` those that
    were lost in crashes, and `diary` holds the seconds of its compute thread's day. The next of `times` (s) is how long the
    next mini-batch takes, at full speed if there is a `pace`. An epoch has `gradients_per_epoch`
    gradients of all learners.
    """

    __slots__ = (
        "_env",
        "_pace",
        "_pulling",
        "_pushing",
        "_seed",
        "_times",
        "computed",
        "diary",
        "gradients_per_epoch",
        "lost",
        "number",
        "pull",
        "push",
    )

    def __init__(
        self,
        env: Environment,
        number: int,
        diary: Diary,
        times: Iterator[float],
        pace: AbstractPace | None,
        pulling: AbstractPulling,
        pushing: AbstractPushing,
        seed: int,
        gradients_per_epoch: float,
    ) -> None:
        self.number = number
        self.computed = 0
        self.lost = 0
        self.diary = diary
        self.pull = pulling.pull
        self.push = pushing.push
        self._env = env
        self._times = times
        self._pace = pace
        self._pulling = pulling
        self._pushing = pushing
        self._seed = seed
        self.gradients_per_epoch = gradients_per_epoch

    def compute(self, weights: Weights) -> Generator[Event, None, Gradient]:
        """Compute the gradient of this learner's next mini-batch on `weights`."""
        env, diary = self._env, self.diary
        began = env.now
        diary.begin(_COMPUTE, began)
        seconds = next(self._times)
        if self._pace is not None:
            seconds = self._pace.end(began, seconds) - began
        yield Timeout(env, seconds)
        diary.trail = computed(diary.trail, seconds)
        number = self.computed
        self.computed = number + 1
        return Gradient(self.number, number, weights.timestamp, began, env.now, weights.layers)

    def recall(self, weights: Weights, updates: Sequence[int]) -> Weights:
        """The weights that were current so many updates before those given, which the learner has kept: one number for all
        layers, or one for each."""
        layers = tuple([max(0, weights.timestamp - number) for number in updates])
        oldest = min(layers)
        return Weights(oldest, layers if oldest != max(layers) else ())

    def draws(self, delay: Delays) -> Iterator[tuple[int, ...]]:
        """An endless stream of delays (updates), for all layers or for each, fixed by the cluster's seed."""
        laws = delay if isinstance(delay, tuple) else (delay,)
        return zip(*(delays(law, self._seed, number) for number, law in enumerate(laws)), strict=True)

    @property
    def in_flight(self) -> int:
        """Gradients that were computed and have neither arrived nor been lost."""
        return self._pushing.held

    @property
    def threads(self) -> tuple[Thread, ...]:
        """What runs beside the compute thread."""
        return (*self._pushing.threads, *self._pulling.threads)

    def crash(self) -> None:
        """Lose all that is under way."""
        self.lost += self._pushing.held
        self._pushing.crash()
        self._pulling.crash()
        for diary in self._diaries():
            diary.begin(_IDLE, self._env.now)

    def rejoin(self) -> None:
        for diary in self._diaries():
            diary.trail = until(diary.trail, self._env.now)

    def _diaries(self) -> list[Diary]:
        return [self.diary, *(diary for diary, _ in self.threads)]
