"""The progress of each learner, as the server knows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import final

from simpy import Environment

from simasgd.cluster.clock.events import Signal
from simasgd.cluster.clock.trail import Trail
from simasgd.tape.tape import Gradient


@final
class VectorClock:
    """Counts the gradients of each learner that the server has applied or dropped.

    The least count is the clock of the slowest learner (SSP). The value of a signal is the trail of
    the event that caused it. Whoever raises `counts` calls `tell` if the clock `is_watched`.
    """

    __slots__ = ("_complete", "_env", "_learners_at", "_least", "_of_all", "_of_one", "_reach", "counts", "is_watched")

    def __init__(self, env: Environment, learners: int) -> None:
        self._env = env
        self.counts = [0] * learners
        self.is_watched = False  # from the first question on
        self._of_one: dict[int, tuple[int, Signal]] = {}
        self._of_all: dict[int, Signal] = {}
        self._learners_at: dict[int, int] | None = None  # number of learners by count; None until first needed
        self._least = 0
        self._complete: dict[float, int] = {0: 0}  # the timestamp at which the least came to a count
        self._reach = 0.0  # `_complete` keeps counts down to `_least` − `_reach`

    def advance(self, gradients: Sequence[Gradient], timestamp: int, trail: Trail) -> None:
        """Count gradients that the server has applied or dropped; its weights have that timestamp now."""
        counts = self.counts
        for gradient in gradients:
            counts[gradient.learner] += 1
        if self.is_watched:
            self.tell(gradients, timestamp, trail)

    def tell(self, gradients: Sequence[Gradient], timestamp: int, trail: Trail) -> None:
        """Let those go on who wait for these gradients, which are counted already."""
        if self._learners_at is not None:
            self._move(self._learners_at, gradients, timestamp)
        if self._of_one or self._of_all:
            for signal in self._happened(gradients):
                signal.call(trail)

    def done_with(self, learner: int, count: int) -> Signal | None:
        """Return a signal for when the server has handled `count` gradients of a learner; None if it has."""
        if self.counts[learner] >= count:
            return None
        self.is_watched = True
        signal = Signal(self._env)
        self._of_one[learner] = (count, signal)
        return signal

    def all_done_with(self, count: int, timestamp: int, reach: float) -> Signal | None:
        """Return a signal for when the server has handled `count` gradients of every learner; None if it has.

        The server's weights have that timestamp now. `complete` will be asked for counts at most
        `reach` below the least count.
        """
        self.is_watched = True
        self._reach = max(self._reach, reach)
        if self._learners_at is None:
            self._learners_at = dict(Counter(self.counts))
            self._least = min(self.counts)
            self._complete = {self._least: timestamp}
        if self._least >= count:
            return None
        signal = self._of_all.get(count)
        if signal is None:
            signal = self._of_all[count] = Signal(self._env)
        return signal

    def complete(self, count: int) -> int:
        """Return the timestamp of the first weights by which the server had handled `count` gradients of every learner.

        For counts reached before tracking began, it is the timestamp at which it began.
        """
        return self._complete[max(count, next(iter(self._complete)))] if count > 0 else 0

    def _move(self, learners_at: dict[int, int], gradients: Sequence[Gradient], timestamp: int) -> None:
        """Keep the least count up to date; a learner with several gradients moves by all of them at once."""
        for learner, times in Counter(gradient.learner for gradient in gradients).items():
            after = self.counts[learner]
            learners_at[after] = learners_at.get(after, 0) + 1
            learners_at[after - times] -= 1
        while not learners_at.get(self._least):
            learners_at.pop(self._least, None)
            self._least += 1
            self._complete[self._least] = timestamp
            self._complete.pop(self._least - self._reach - 1, None)

    def _happened(self, gradients: Sequence[Gradient]) -> list[Signal]:
        happened = []
        for learner in dict.fromkeys(gradient.learner for gradient in gradients):
            waiting = self._of_one.get(learner)
            if waiting is not None and self.counts[learner] >= waiting[0]:
                happened.append(waiting[1])
                del self._of_one[learner]
        reached = sorted(count for count in self._of_all if count <= self._least)
        return [*happened, *map(self._of_all.pop, reached)]
