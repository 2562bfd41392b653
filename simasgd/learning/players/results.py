"""The results of playing: evaluations on the test set, and divergence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final


class Evaluation(NamedTuple):
    """The scores of a member of a group of runs on the test set after `steps` steps."""

    member: int
    steps: int
    loss: float | None
    """The mean loss; None if it is not finite."""
    error: float | None
    """The fraction of wrong outputs; None for a task whose outputs cannot be wrong."""
    distance: float | None
    """The consensus distance; None if it is not finite, or if there is one model only."""


class Divergence(NamedTuple):
    """The update that made a weight of a member infinite or NaN, and its epoch."""

    member: int
    update: int
    epoch: float


@final
@dataclass(frozen=True)
class GroupResults:
    """The results of a group of runs so far."""

    evaluations: tuple[Evaluation, ...] = ()
    divergences: tuple[Divergence, ...] = ()

    def evaluations_of(self, member: int) -> dict[int, Evaluation]:
        """Return the evaluations of a member by their numbers of steps."""
        return {evaluation.steps: evaluation for evaluation in self.evaluations if evaluation.member == member}

    def divergence_of(self, member: int) -> Divergence | None:
        """Return the divergence of a member; None if it has not diverged."""
        return next((divergence for divergence in self.divergences if divergence.member == member), None)
