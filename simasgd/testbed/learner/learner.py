"""A learner's verbs on real messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from math import inf
from typing import final

from simasgd.cluster.clock.activity import Activity
from simasgd.cluster.clock.delays import delays
from simasgd.protocols.verbs import Timed
from simasgd.scenario.cluster.delay import Delay, Delays
from simasgd.tape.tape import Gradient, Weights
from simasgd.testbed.engine.abstract import Process
from simasgd.testbed.learner.activities import Activities
from simasgd.testbed.learner.copies import Copies
from simasgd.testbed.learner.work import Turn, Work
from simasgd.testbed.system.clock import Clock
from simasgd.testbed.system.messages import Pulled, Report, Stopped
from simasgd.testbed.system.pacing import AbstractPacing
from simasgd.testbed.system.parcels import Parcel

_PUSH, _WAIT, _PULL = Activity.PUSH, Activity.WAIT, Activity.PULL


@final
class RealLearner:
    """A learner in a process of its own. Its protocol sees it as `LearnerVerbs`; its verbs block.

    `stop` ends all waiting. `life` says how often the learner was started again, and `pushed` how many of its gradients
    the server has received before.
    """

    def __init__(
        self,
        number: int,
        life: int,
        computed: int,
        pushed: int,
        server: Process,
        copies: Copies,
        pacing: AbstractPacing,
        clock: Clock,
        seed: int,
        gradients_per_epoch: float,
        stop: threading.Event,
    ) -> None:
        self.number = number
        self.gradients_per_epoch = gradients_per_epoch
        self._life = life
        self._cancelled = 0
        self._pushed = pushed
        self._server = server
        self._copies = copies
        self._clock = clock
        self._seed = seed
        self._stop = stop
        self._activities = Activities(max(0.0, clock.now))
        self._work = Work(number, computed, pacing, clock, self._activities)

    @property
    def computed(self) -> int:
        """The number of mini-batches that the learner has drawn so far."""
        return self._work.computed

    def pull(self, newer_than: Weights | None = None) -> Timed[Weights]:
        """Return weights from the server; with `newer_than`, wait for newer weights than these."""
        yield from ()
        asked = self._clock.now
        self._activities.begin(_WAIT, asked)
        pulled: Pulled = self._server.call("pull", self.report(), -1 if newer_than is None else newer_than.timestamp)
        now = self._clock.now
        self._activities.begin(_PULL, asked if pulled.ready_at is None else min(max(asked, pulled.ready_at), now))
        self._activities.begin(_WAIT, now)
        self._copies.keep(pulled)
        return Weights(pulled.timestamp)

    def refresh(self, weights: Weights, delay: int = 0) -> Timed[Weights]:
        """Return `weights` if they are at most `delay` updates old; otherwise pull newer ones."""
        if self._server.call("newest", self.report()) - weights.timestamp <= delay:
            return weights
        return (yield from self.pull(newer_than=weights))

    def compute(self, weights: Weights) -> Timed[Gradient]:
        """Compute the gradient of the learner's next mini-batch on `weights`."""
        yield from ()
        turn = self._begin_batch()
        parcel = self._copies.compute(self.computed, weights)
        if self._stop.wait(self._work.rest(turn)):
            raise Stopped
        return self._finish(turn, weights, parcel)

    def attempt(self, weights: Weights, before: float) -> Timed[Gradient | None]:
        """Compute a gradient, but return None once the server makes weights number `before`."""
        if before == inf:
            return (yield from self.compute(weights))
        news = self._server.ask("made", int(before))
        turn = self._begin_batch()
        parcel = self._copies.compute(self.computed, weights)
        if news.wait(self._work.rest(turn)):
            if self._stop.is_set():
                raise Stopped
            self._work.computed += 1
            self._cancelled += 1
            self._begin(_WAIT)
            return None
        return self._finish(turn, weights, parcel)

    def step(self, weights: Weights) -> Weights:
        """Step the learner's own copy of `weights` with the last gradient computed on them, by plain SGD."""
        return self._copies.step(weights)

    def push(self, *gradients: Gradient) -> Timed[None]:
        """Send one gradient, or the sum of several, as one message to the server."""
        yield from ()
        self._begin(_PUSH)
        self._pushed += len(gradients)
        self._server.call("push", self.report(), gradients, self._copies.give(gradients))
        self._begin(_WAIT)

    def settle(self) -> Timed[None]:
        """Wait until the server has applied or dropped all gradients that the learner pushed."""
        yield from ()
        self._begin(_WAIT)
        self._server.call("settle", self.report(), self._pushed)

    def keep_up(self, slack: float) -> Timed[Weights]:
        """Wait until the learner is at most `slack` mini-batches ahead of every other learner."""
        yield from ()
        if slack == inf:
            return Weights(-1)
        self._begin(_WAIT)
        return Weights(self._server.call("keep_up", self.report(), self._pushed - int(slack)) - 1)

    def recall(self, weights: Weights, updates: Sequence[int]) -> Weights:
        """Return the weights from `updates` updates before `weights`, which the learner has kept."""
        layers = tuple(max(0, weights.timestamp - number) for number in updates)
        oldest = min(layers)
        return Weights(oldest, layers if oldest != max(layers) else ())

    def draws(self, delay: Delays) -> Iterator[tuple[int, ...]]:
        """Draw an endless stream of delays (updates), for all layers or for each layer; keep weights for that long."""
        laws = delay if isinstance(delay, tuple) else (delay,)
        largest = [_largest(law) for law in laws]
        self._copies.window = None if None in largest else max(number for number in largest if number is not None)
        return zip(*(delays(law, self._seed, number) for number, law in enumerate(laws)), strict=True)

    def report(self) -> Report:
        """Return what the learner has done since its last report."""
        spans = self._activities.take()
        return Report(self.number, self._life, self.computed, self._cancelled, self._work.late, self._copies.oldest, spans)

    def end(self) -> Report:
        """Return the last report, at the end of the role."""
        self._begin(Activity.IDLE)
        return self.report()

    def _begin(self, activity: Activity) -> None:
        self._activities.begin(activity, self._clock.now)

    def _begin_batch(self) -> Turn:
        turn = self._work.begin()
        if turn.is_endless:
            self._server.call("compute_for_ever", self.report())
        return turn

    def _finish(self, turn: Turn, weights: Weights, parcel: Parcel) -> Gradient:
        gradient = self._work.finish(turn, weights)
        self._copies.hold(gradient, parcel)
        return gradient


def _largest(law: Delay) -> int | None:
    """Return the largest delay of a law; None if there is none."""
    match law.distribution:
        case "constant":
            assert law.mean is not None
            return int(law.mean)
        case "uniform":
            return law.high
        case "measured":
            assert law.measured is not None
            return max(law.measured)
        case _:
            return None
