"""A learner that pulls weights, computes gradients and pushes them."""

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
    """Learner number `number`. Its protocol sees it as `LearnerVerbs`.

    The architecture decides how pulling and pushing work. An epoch has `gradients_per_epoch`
    gradients of all learners.
    """

    __slots__ = (
        "_before",
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
        self._before = context.computed[number] if context.computed else 0

    @property
    def computed(self) -> int:
        """The number of mini-batches drawn so far, those of earlier parts of the run included."""
        return self._before + self.drawn

    def compute(self, weights: Weights) -> Generator[Event, None, Gradient]:
        """Compute the gradient of the learner's next mini-batch on `weights`."""
        return self.compute_gradient(weights)

    def attempt(self, weights: Weights, before: float) -> Generator[Event, Any, Gradient | None]:
        """Compute like `compute`, but give up and return None once the server makes weights number `before`.

        The learner hears of these weights at once, at no cost.
        """
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
            trail = yield first_of(env, after(env, env.now, seconds), news)
            total += seconds
            if trail is not None or not left:
                break
        number = self.drawn
        self.drawn = number + 1
        if trail is not None:
            self.cancelled += 1
            activity_log.trail = trail
            return None
        activity_log.trail = add_compute(activity_log.trail, total)
        return Gradient(self.number, number, weights.timestamp, began, env.now, weights.layers, weights.ahead)

    def step(self, weights: Weights) -> Weights:
        """Step the learner's own copy of `weights`, by plain SGD, with the last gradient computed on them.

        This takes no time. A copy lasts until the learner pulls or continues with another copy. All
        gradients computed on a copy must be pushed, in order.
        """
        return weights._replace(ahead=weights.ahead + 1)

    def refresh(self, weights: Weights, delay: int = 0) -> Generator[Event, Any, Weights]:
        """Return `weights` if they are at most `delay` updates old; otherwise pull newer ones.

        The question how old the weights are takes no time.
        """
        if self._pulling.newest - weights.timestamp <= delay:
            return weights
        return (yield from self.pull(newer_than=weights))

    def settle(self) -> Generator[Event, Any, None]:
        """Wait until the server has applied or dropped all gradients that the learner has pushed."""
        yield from self._wait_for(self._server.clock.done_with(self.number, self._pushed))

    def keep_up(self, slack: float) -> Generator[Event, Any, Weights]:
        """Wait until the learner is at most `slack` mini-batches ahead of every other learner.

        If the learner has pushed n gradients, wait until the server has applied or dropped n −
        `slack` gradients of every learner. Return the newest weights that lack one of these
        gradients.
        """
        if slack == inf:
            return Weights(-1)
        clock, count = self._server.clock, self._pushed - int(slack)
        yield from self._wait_for(clock.all_done_with(count, self._server.timestamp, slack))
        return Weights(clock.complete(count) - 1)

    def recall(self, weights: Weights, updates: Sequence[int]) -> Weights:
        """Return the weights from `updates` updates before `weights`, which the learner has kept.

        `updates` has one number for all layers, or one number for each layer.
        """
        layers = tuple([max(0, weights.timestamp - number) for number in updates])
        oldest = min(layers)
        return Weights(oldest, layers if oldest != max(layers) else ())

    def draws(self, delay: Delays) -> Iterator[tuple[int, ...]]:
        """Draw an endless stream of delays (updates), for all layers or for each layer, from the cluster's seed."""
        laws = delay if isinstance(delay, tuple) else (delay,)
        return zip(*(delays(law, self._seed, number) for number, law in enumerate(laws)), strict=True)

    @property
    def _pushed(self) -> int:
        """The number of gradients handed to `push` and not lost on the way."""
        return self._pushing.taken - self._lost_on_the_way

    @property
    def _kept(self) -> int:
        """The number of gradients computed and neither handed to `push` nor lost before."""
        return self.drawn - self.cancelled - self._pushing.taken - (self.lost - self._lost_on_the_way)

    def _wait_for(self, event: Event | None) -> Generator[Event, Any, None]:
        if event is not None:
            yield from wait_for(self._env, event, self.activity_log)

    @property
    def in_flight(self) -> int:
        """The number of gradients kept to be summed up, or on the way to the server."""
        return self._kept + self._pushing.held

    @property
    def threads(self) -> tuple[Thread, ...]:
        """The threads beside the compute thread."""
        return (*self._pushing.threads, *self._pulling.threads)

    def crash(self) -> None:
        """Lose all gradients and messages that are under way."""
        held = self._pushing.held
        self.lost += self._kept + held
        self._lost_on_the_way += held
        self._pushing.crash()
        self._pulling.crash()
        self._fall_silent()
