"""What a player of tapes is."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from simasgd.learning.models.build import Parameters
from simasgd.learning.problem.problem import Problem


class Moment(NamedTuple):
    """The weights after a number of steps. If `diverged`, this step was the first to make a weight infinite or NaN, and no
    later moment follows.

    Where learners have models of their own the weights are their mean, or the centre's, and `distance` is the root mean square
    of the models' distances from their mean: the consensus distance. Where there is one model only it is None.
    """

    steps: int
    weights: Parameters
    diverged: bool = False
    distance: float | None = None


class AbstractPlayer(abc.ABC):
    """Computes the gradients of a tape, in an order that the tape allows."""

    @abc.abstractmethod
    def prepare(self, problem: Problem, stops: Sequence[int]) -> float:
        """Plan and compile what `play` needs; returns the seconds that compiling took. Raises simasgd.RunFailed where the
        memory cannot suffice."""

    @abc.abstractmethod
    def play(self, problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        """The weights after each of the ascending numbers of steps `stops`; `progress` is told the steps done now and then."""
