"""The courses of a candidate, and an estimate of the epochs that it needs to reach the target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from simasgd.results.outcome import Outcome
from simasgd.results.summary import Summary
from simasgd.sweeps.targets import Target

_USUAL_POWER = 0.7
"""The power of a learning curve while nothing is known."""
_POWERS = 0.15, 3.0
_LATE = 0.25
"""The power is fitted to the part of a curve after this fraction of its epochs."""


@final
@dataclass(frozen=True)
class CandidateRun:
    """A run of a candidate at a seed for at most `asked` epochs.

    epochs     the epochs that were learned; the run ends where it reaches the target
    scores     epochs and test errors (or losses) of the evaluations after the first update
    seconds    simulated seconds until the target; None if it was not reached
    hours      learner-hours until the target; None if it was not reached
    reached    epochs until the target; None if it was not reached
    gradients  applied gradients
    failure    why nothing more is to be expected: it diverged, hung or failed; "" otherwise
    folder     the folder of the run, below that of the search
    """

    asked: float
    epochs: float
    scores: tuple[tuple[float, float], ...]
    seconds: float | None
    hours: float | None
    reached: float | None
    gradients: int
    failure: str
    folder: str

    @classmethod
    def of(cls, summary: Summary, target: Target, asked: float, folder: str) -> CandidateRun:
        """Return the course of a run by its summary."""
        rows = [(row.epoch, getattr(row, target.quantity), row.simulated_seconds) for row in summary.evaluations if row.samples]
        scores = [(epoch, score) for epoch, score, _ in rows if score is not None]
        first = next(((epoch, seconds) for epoch, score, seconds in rows if score is not None and score <= target.value), None)
        whole = summary.simulated_seconds
        is_over = summary.outcome in (Outcome.DIVERGED, Outcome.HUNG, Outcome.APPLIED_NOTHING)
        return cls(
            asked=asked,
            epochs=summary.epochs or 0.0,
            scores=tuple(scores),
            seconds=None if first is None else first[1],
            hours=None if first is None or not whole else summary.learner_hours * first[1] / whole,
            reached=None if first is None else first[0],
            gradients=summary.gradients.applied,
            failure=str(summary.outcome) if is_over and first is None else "",
            folder=folder,
        )

    @classmethod
    def failed(cls, asked: float, reason: str) -> CandidateRun:
        """Return the course of a run that ended with an error."""
        return cls(asked, 0.0, (), None, None, None, 0, reason, "")

    @property
    def spacing(self) -> float:
        """Epochs between the last two evaluations; the time to the target is known no better."""
        ends = [0.0, *(epoch for epoch, _ in self.scores if self.reached is None or epoch <= self.reached)]
        return ends[-1] - ends[-2] if len(ends) > 1 else 0.0


def find_power(courses: Iterable[CandidateRun]) -> float:
    """Return the usual power of the courses so far: the median of the fitted ones."""
    fitted = [power for course in courses if (power := _fit_power(course)) is not None]
    return float(np.median(fitted)) if fitted else _USUAL_POWER


def predict_epochs(course: CandidateRun, target: float, usual_power: float, least_power: float = 0.0) -> float:
    """Return the epochs that a course needs to reach the target: those it took, or those that its curve foretells.

    Curves fall as a power of the epochs: score = a · epochs^(−b). That is one of the families of Domhan, Springenberg and
    Hutter (IJCAI 2015). The power is fitted to the later part of the best scores so far, and is the usual one where there are
    fewer than three. A `least_power` makes the forecast hopeful.
    """
    if course.reached is not None:
        return course.reached
    if course.failure or not course.scores:
        return math.inf
    best = min(score for _, score in course.scores)
    if best <= 0.0 or target <= 0.0:
        return math.inf
    power = max(_fit_power(course) or usual_power, least_power)
    last = course.scores[-1][0]
    return float(last * max(1.0, best / target) ** (1.0 / power))


def _fit_power(course: CandidateRun) -> float | None:
    scores = _best_so_far(course.scores)
    late = [(epoch, score) for epoch, score in scores if epoch >= _LATE * scores[-1][0] and score > 0.0]
    if len(late) < 3:
        return None
    epochs, best = np.log(np.array(late)).T
    slope = float(np.polyfit(epochs, best, 1)[0])
    return min(max(-slope, _POWERS[0]), _POWERS[1])


def _best_so_far(scores: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    best, found = math.inf, []
    for epoch, score in scores:
        best = min(best, score)
        found.append((epoch, best))
    return found or [(0.0, math.inf)]
