"""The interface of a player, which computes the gradients of a tape."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Sequence

from simasgd.learning.layout.moment import Moment
from simasgd.learning.problem.problem import Problem


class AbstractPlayer(abc.ABC):
    """A player of tapes. It may compute gradients in any order that the tape allows."""

    @abc.abstractmethod
    def prepare(self, problem: Problem) -> float:
        """Plan and compile what `play` needs; return the seconds that compiling took.

        Raises simasgd.RunFailed if the memory does not suffice.
        """

    @abc.abstractmethod
    def play(self, problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        """Yield the moment after each of the ascending numbers of steps `stops`.

        `progress` is called from time to time with the number of steps done.
        """
