"""The weights of a recorded run, compared with those of a player on the recorded tape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Any, final

import jax
import numpy as np

from simasgd.learning.layout.moment import Moment
from simasgd.learning.players.compiled import Compiled
from simasgd.learning.players.player import AbstractPlayer
from simasgd.learning.problem.problem import Problem
from simasgd.testbed.system.parcels import Codec, Parcel

TOLERANCE = {"float32": 1e-5, "tf32": 1e-2, "float64": 1e-10}
"""The greatest ‖Δw‖/‖w‖ that differences of rounding explain, by precision."""


@final
class KeepingPlayer(AbstractPlayer):
    """The compiled player, which keeps the moment after the last step of the tape."""

    def __init__(self) -> None:
        self._player = Compiled()
        self._last: Moment | None = None

    def prepare(self, problem: Problem) -> float:
        return self._player.prepare(problem)

    def play(self, problem: Problem, stops: Sequence[int], progress: Callable[[int], None]) -> Iterator[Moment]:
        asked, end = set(stops), problem.tape.num_steps
        for moment in self._player.play(problem, sorted({*asked, end}), progress):
            if moment.steps == end:
                self._last = moment
            if moment.steps in asked or moment.diverged:
                yield moment

    def difference(self, final: Parcel) -> float | None:
        """Return ‖Δw‖/‖w‖ of the weights in a parcel and those after the last step; None if the run diverged before it.

        It is infinite if the weights in the parcel are not finite.
        """
        if self._last is None or self._last.diverged:
            return None
        played = self._last.weights
        real, played = _vector(Codec(played, len(final)).unpack(final)), _vector(played)
        size = float(np.linalg.norm(played))
        found = float(np.linalg.norm(real - played)) / (size or 1.0)
        return found if np.isfinite(found) else inf


def _vector(tree: Any) -> Any:
    return np.concatenate([np.ravel(np.asarray(leaf)).astype(np.float64) for leaf in jax.tree.leaves(tree)])
