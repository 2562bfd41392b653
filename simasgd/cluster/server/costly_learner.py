"""A learner whose copies of messages, and steps of its own copy of the weights, take time."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any, final

from simpy import Event

from simasgd.cluster.cast.backlog import Backlog
from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.cast.own_work import copy
from simasgd.cluster.clock.activity import CostActivity
from simasgd.cluster.server.learner import Learner
from simasgd.tape.tape import Gradient, Weights


@final
class CostlyLearner:
    """The verbs of a learner, with what they cost. Its protocol sees it as `LearnerVerbs`.

    The compute thread first copies each message that it sends, in `copy_seconds`. It does so too
    with the weights that it pulls, which `CopyingFetch` does.
    """

    def __init__(self, context: RunContext, learner: Learner, copy_seconds: float) -> None:
        log = learner.activity_log
        self.number = learner.number
        self.gradients_per_epoch = learner.gradients_per_epoch
        self.recall, self.draws = learner.recall, learner.draws
        self._env = context.env
        self._learner = learner
        self._steps = context.costs[learner.number].step
        self._copy_seconds = copy_seconds
        self._backlog = Backlog()
        self.pull, self.refresh = self._backlog.before(learner.pull, log), self._backlog.before(learner.refresh, log)
        self.compute, self.attempt = self._backlog.before(learner.compute, log), self._backlog.before(learner.attempt, log)
        self.settle, self.keep_up = self._backlog.before(learner.settle, log), self._backlog.before(learner.keep_up, log)
        self.push = self._backlog.before(self._push, log)

    @property
    def computed(self) -> int:
        """The number of mini-batches drawn so far."""
        return self._learner.computed

    def step(self, weights: Weights) -> Weights:
        """Step the learner's own copy of `weights`; the learner's next verb that takes time waits for the step."""
        if self._steps is not None:
            self._backlog.add(partial(self._learner.work, activity=CostActivity.STEP, times=self._steps))
        return self._learner.step(weights)

    def restart(self) -> None:
        """Begin anew, after a crash or at the start."""
        self._backlog.clear()

    def _push(self, *gradients: Gradient) -> Generator[Event, Any, None]:
        yield from copy(self._env, self._learner.activity_log, self._copy_seconds)
        yield from self._learner.push(*gradients)
