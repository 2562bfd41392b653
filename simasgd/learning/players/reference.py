"""The reference player, which plays one row of the tape at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import final

from simasgd.learning.layout.moment import Moment
from simasgd.learning.players.planner import layout_type
from simasgd.learning.players.player import AbstractPlayer
from simasgd.learning.problem.problem import Problem


@final
class Reference(AbstractPlayer):
    """The specification of every other player: plain Python around a few compiled functions."""

    def prepare(self, problem: Problem) -> float:
        return 0.0  # its functions are compiled at their first calls

    def play(self, problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        return layout_type(problem.tape).play_reference(problem, stops, progress)
