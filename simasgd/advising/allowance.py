"""How many epochs runs may learn: the rungs of a search, and the runs that its budget suffices for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from simasgd.advising.candidate_runs import CandidateRun
from simasgd.advising.candidates import Candidate
from simasgd.advising.trial_runner import Trial

ETA = 3
RUNGS = 3


class LearnsTrials(Protocol):
    """A bench that learns the trials of a search."""

    def learn(self, trials: Sequence[Trial]) -> list[CandidateRun | None]:
        """Return the course of each trial; None if the time was over before it began."""


def list_rungs(most: float) -> list[float]:
    """Return the epochs of the rungs: whole numbers, ascending to the most that a candidate may take."""
    rungs = {max(1.0, float(round(most / ETA**power))) for power in range(1, RUNGS + 1)}
    return [*sorted(rung for rung in rungs if rung < most), most]


def admit(waiting: Sequence[Candidate], epochs: float, seed: int, left: float, needed: float) -> list[Trial]:
    """Return the trials that may begin if `left` epochs are left: together they cannot learn more.

    Those that fit for all `epochs` are the first ones. If not even one fits, the first gets the whole epochs that are left, as
    long as it is likely to reach the target in them: it `needed` no more so far.
    """
    fit = int(min(float(len(waiting)), max(0.0, left / epochs)))
    if fit or not waiting:
        return [Trial(one, epochs, seed) for one in waiting[:fit]]
    rest = float(math.floor(left))
    return [Trial(waiting[0], rest, seed)] if rest >= max(1.0, needed) else []
