"""The mini-batches that a learner computes: their number, and when each begins and ends."""

from __future__ import annotations

import threading
from typing import NamedTuple, final

from simasgd.cluster.clock.activity import Activity
from simasgd.tape.tape import Gradient, Weights
from simasgd.testbed.learner.activities import Activities
from simasgd.testbed.system.clock import RunClock
from simasgd.testbed.system.pacing import AbstractPacing, Lateness

_FOREVER = threading.TIMEOUT_MAX / 2


class CurrentMiniBatch(NamedTuple):
    """A mini-batch under way: when it began, and when it shall end (s; None: when it is computed)."""

    began: float
    end: float | None

    @property
    def is_endless(self) -> bool:
        """Whether the mini-batch lasts longer than a thread can wait."""
        return self.end is not None and self.end - self.began > _FOREVER


@final
class LearnerWork:
    """The mini-batches of a learner: `begun` and `computed` count them, and `late` those that took too long."""

    def __init__(self, number: int, computed: int, pacing: AbstractPacing, clock: RunClock, activities: Activities) -> None:
        self.begun = self.computed = computed
        self.late = Lateness()
        self._number = number
        self._pacing = pacing
        self._clock = clock
        self._activities = activities

    def begin(self) -> CurrentMiniBatch:
        """Begin a mini-batch."""
        began = self._clock.now
        end = self._pacing.end(began)
        self.begun += 1
        self._activities.begin(Activity.COMPUTE, began)
        return CurrentMiniBatch(began, end)

    def rest(self, turn: CurrentMiniBatch) -> float:
        """Return the seconds until a mini-batch that is computed shall end, and count it as late if that is over."""
        if turn.end is None:
            return 0.0
        if (excess := self._clock.now - turn.end) > 0.0:
            self.late = self.late.and_one_of(excess)
        return self.left(turn)

    def left(self, turn: CurrentMiniBatch) -> float:
        """Return the seconds until a mini-batch shall end, as many as a thread can wait."""
        return 0.0 if turn.end is None else min(_FOREVER, max(0.0, turn.end - self._clock.now))

    def finish(self, turn: CurrentMiniBatch, weights: Weights) -> Gradient:
        """End a mini-batch now, and return a handle on its gradient."""
        now = self._clock.now
        self._activities.begin(Activity.WAIT, now)
        gradient = Gradient(self._number, self.computed, weights.timestamp, turn.began, now, weights.layers, weights.ahead)
        self.computed += 1
        return gradient
