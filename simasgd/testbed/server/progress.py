"""The progress of each learner: how many of its gradients the server has applied or dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from simasgd.tape.tape import Gradient


@final
class GradientProgress:
    """Counts the gradients of each learner that the server has applied or dropped (`counts`), and drops (`dropped`)."""

    def __init__(self, learners: int) -> None:
        self.counts = [0] * learners
        self.dropped = [0] * learners
        self._complete = [0]  # by count: the number of the first weights by which it was reached for every learner

    @property
    def least(self) -> int:
        """The count that every learner has reached: the clock of the slowest one."""
        return len(self._complete) - 1

    def apply(self, gradients: Sequence[Gradient], timestamp: int) -> None:
        """Count gradients that made weights number `timestamp`."""
        self._advance(gradients, timestamp)

    def drop(self, gradients: Sequence[Gradient], timestamp: int) -> None:
        """Count gradients that are dropped when the weights have number `timestamp`."""
        for gradient in gradients:
            self.dropped[gradient.learner] += 1
        self._advance(gradients, timestamp)

    def complete(self, count: int) -> int:
        """Return the number of the first weights by which `count` gradients of every learner were handled."""
        return self._complete[count] if count > 0 else 0

    def _advance(self, gradients: Sequence[Gradient], timestamp: int) -> None:
        for gradient in gradients:
            self.counts[gradient.learner] += 1
        self._complete += [timestamp] * (min(self.counts) - self.least)
