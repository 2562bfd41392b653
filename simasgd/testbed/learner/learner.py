"""A learner's verbs on real messages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
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
from simasgd.testbed.learner.work import CurrentMiniBatch, LearnerWork
from simasgd.testbed.system.clock import RunClock
from simasgd.testbed.system.messages import LearnerPast, PulledWeights, Report, RoleStopped
from simasgd.testbed.system.pacing import AbstractPacing
from simasgd.testbed.system.parcels import Parcel

_PUSH, _WAIT, _PULL = Activity.PUSH, Activity.WAIT, Activity.PULL


@final
class RealLearner:
    """A learner in a process of its own. Its protocol sees it as `LearnerVerbs`; its verbs block.

    `stop` ends all waiting. `past` is what the learner has done in earlier lives. A learner that `may_crash` tells the
    server when each mini-batch begins and ends, so that its next life goes on from there.
    """

    def __init__(
        self,
        number: int,
        past: LearnerPast,
        server: Process,
        copies: Copies,
        pacing: AbstractPacing,
        clock: RunClock,
        seed: int,
        gradients_per_epoch: float,
        stop: threading.Event,
        *,
        may_crash: bool,
    ) -> None:
        self.number = number
        self.gradients_per_epoch = gradients_per_epoch
        self._life = past.life
        self._cancelled = past.cancelled
        self._pushed = past.pushed
        self._reports = 0
        self._tell: Callable[[], None] = self._note if may_crash else _say_nothing
        self._server = server
        self._copies = copies
        self._clock = clock
        self._seed = seed
        self._stop = stop
        self._activities = Activities(max(0.0, clock.now))
        self._work = LearnerWork(number, past.computed, pacing, clock, self._activities)
        self._work.begun, self._work.late = past.begun, past.late

    @property
    def computed(self) -> int:
        """The number of mini-batches that the learner has drawn so far."""
        return self._work.computed

    def pull(self, newer_than: Weights | None = None) -> Timed[Weights]:
        """Return weights from the server; with `newer_than`, wait for newer weights than these."""
        yield from ()
        asked = self._clock.now
        self._activities.begin(_WAIT, asked)
        pulled: PulledWeights = self._server.call("pull", self.report(), -1 if newer_than is None else newer_than.timestamp)
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
        turn = self._begin_batch(inf)
        parcel = self._copies.compute(self.computed, weights)
        if self._stop.wait(self._work.rest(turn)):
            raise RoleStopped
        return self._finish(turn, weights, parcel)

    def attempt(self, weights: Weights, before: float) -> Timed[Gradient | None]:
        """Compute a gradient, but return None once the server makes weights number `before`."""
        if before == inf:
            return (yield from self.compute(weights))
        news = self._server.ask("made", int(before))
        turn = self._begin_batch(before)
        parcel = self._copies.compute(self.computed, weights)
        if news.wait(self._work.rest(turn)):
            if not news.get():
                raise RoleStopped
            self._work.computed += 1
            self._cancelled += 1
            self._begin(_WAIT)
            return None
        if self._stop.wait(self._work.left(turn)):  # an engine may wait in whole milliseconds only
            raise RoleStopped
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
        activities, work, number = self._activities, self._work, self._reports
        self._reports = number + 1
        return Report(
            self.number,
            self._life,
            number,
            work.begun,
            work.computed,
            self._cancelled,
            work.late,
            self._copies.oldest,
            int(activities.activity),
            activities.since,
            activities.take(),
        )

    def end(self) -> Report:
        """Return the last report, at the end of the role."""
        self._begin(Activity.IDLE)
        return self.report()

    def _begin(self, activity: Activity) -> None:
        self._activities.begin(activity, self._clock.now)

    def _note(self) -> None:
        self._server.ask("note", self.report())

    def _begin_batch(self, before: float) -> CurrentMiniBatch:
        """Begin a mini-batch. One that never ends ends with the run, or once the server makes weights number `before`."""
        turn = self._work.begin()
        self._tell()
        if turn.is_endless:
            self._server.call("compute_for_ever", self.report(), before)
        return turn

    def _finish(self, turn: CurrentMiniBatch, weights: Weights, parcel: Parcel) -> Gradient:
        gradient = self._work.finish(turn, weights)
        self._copies.hold(gradient, parcel)
        self._tell()
        return gradient


def _say_nothing() -> None:
    """Tell the server nothing."""


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
