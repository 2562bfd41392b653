"""A learner: pulls weights, computes a gradient, pushes it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from math import inf
from typing import Any, final

from simpy import Event

from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.waiting import wait_for
from simasgd.cluster.cast.worker import AbstractWorker
from simasgd.cluster.clock.activity import Activity, ActivityLog, Thread
from simasgd.cluster.clock.delays import delays
from simasgd.cluster.clock.events import after, first_of
from simasgd.cluster.clock.trail import add_compute
from simasgd.cluster.server.pulling import AbstractPulling
from simasgd.cluster.server.pushing import AbstractPushing
from simasgd.cluster.server.server import Server
from simasgd.scenario.cluster.delay import Delays
from simasgd.tape.tape import Gradient, Weights

_COMPUTE, _WAIT = Activity.COMPUTE, Activity.WAIT


@final
class Learner(AbstractWorker):
    """Learner number `number` as its protocol sees it; the verbs of its role are `pull` and `refresh`, `compute` and `attempt`,
    `step`, `push`, `settle` and `keep_up`.

    What pulling and pushing do meanwhile is the architecture's business. An epoch has `gradients_per_epoch` gradients of all
    learners.
    """

    __slots__ = (
        "_lost_on_the_way",
        "_pulling",
        "_pushing",
        "_seed",
        "_server",
        "gradients_per_epoch",
        "pull",
        "push",
    )

    def __init__(
        self,
        context: RunContext,
        number: int,
        activity_log: ActivityLog,
        pulling: AbstractPulling,
        pushing: AbstractPushing,
        server: Server,
    ) -> None:
        super().__init__(context, number, activity_log)
        self._lost_on_the_way = 0
        self.pull = pulling.pull
        self.push = pushing.push
        self._pulling = pulling
        self._pushing = pushing
        self._server = server
        self._seed = context.seed
        self.gradients_per_epoch = context.gradients_per_epoch

    def compute(self, weights: Weights) -> Generator[Event, None, Gradient]:
        """Compute the gradient of this learner's next mini-batch on `weights`."""
        return self.compute_gradient(weights)

    def attempt(self, weights: Weights, before: float) -> Generator[Event, Any, Gradient | None]:
        """Compute as `compute` does if that is done before the server makes weights number `before`; else give the mini-batch
        up at that instant, and return None. That they are made is known at once and costs nothing."""
        if before == inf:
            return (yield from self.compute(weights))
        news = self._server.until(int(before))
        if news is None:
            return None
        env, activity_log = self._env, self.activity_log
        began = env.now
        activity_log.begin(_COMPUTE, began)
        left, total, trail = next(self._times), 0.0, None
        while True:
            seconds, left = self._stretch(env.now, left)
            trail = yield first_of(env, after(env, seconds), news)
            total += seconds
            if trail is not None or not left:
                break
        number = self.computed
        self.computed = number + 1
        if trail is not None:
            self.cancelled += 1
            activity_log.trail = trail
            return None
        activity_log.trail = add_compute(activity_log.trail, total)
        return Gradient(self.number, number, weights.timestamp, began, env.now, weights.layers, weights.ahead)

    def step(self, weights: Weights) -> Weights:
        """The learner's own copy of these weights after a plain SGD step with the gradient that it computed on them last, which
        takes no time. A copy lasts until the learner pulls or goes on with another one; all gradients of a copy must be pushed,
        in order."""
        return weights._replace(ahead=weights.ahead + 1)

    def refresh(self, weights: Weights, delay: int = 0) -> Generator[Event, Any, Weights]:
        """The weights given if they are at most `delay` updates older than the newest, which costs nothing to learn; else newer
        ones, which are pulled."""
        if self._pulling.newest - weights.timestamp <= delay:
            return weights
        return (yield from self.pull(newer_than=weights))

    def settle(self) -> Generator[Event, Any, None]:
        """Wait until the server has applied or dropped all that this learner pushed."""
        yield from self._wait_for(self._server.clock.done_with(self.number, self._pushed))

    def keep_up(self, slack: float) -> Generator[Event, Any, Weights]:
        """Wait until no learner is more than `slack` mini-batches behind this one: until the server is done with as many of
        everybody's as this one has pushed, less `slack`. Returns the newest weights that lack some of these."""
        if slack == inf:
            return Weights(-1)
        clock, count = self._server.clock, self._pushed - int(slack)
        yield from self._wait_for(clock.all_done_with(count, self._server.timestamp, slack))
        return Weights(clock.complete(count) - 1)

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
    def _pushed(self) -> int:
        """Gradients that were given to be pushed, and have not been lost on the way."""
        return self._pushing.taken - self._lost_on_the_way

    @property
    def _kept(self) -> int:
        """Gradients that were computed and neither given to be pushed nor lost before."""
        return self.computed - self.cancelled - self._pushing.taken - (self.lost - self._lost_on_the_way)

    def _wait_for(self, event: Event | None) -> Generator[Event, Any, None]:
        if event is not None:
            yield from wait_for(self._env, event, self.activity_log)

    @property
    def in_flight(self) -> int:
        """Gradients that were computed and have neither arrived nor been lost: kept to be summed up, or being pushed."""
        return self._kept + self._pushing.held

    @property
    def threads(self) -> tuple[Thread, ...]:
        """What runs beside the compute thread."""
        return (*self._pushing.threads, *self._pulling.threads)

    def crash(self) -> None:
        """Lose all that is under way."""
        held = self._pushing.held
        self.lost += self._kept + held
        self._lost_on_the_way += held
        self._pushing.crash()
        self._pulling.crash()
        self._fall_silent()
