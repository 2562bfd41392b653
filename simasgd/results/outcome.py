"""Outcomes: how a run ended.

They are decided here for run.json, tables, sweeps, pages and the terminal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from simasgd.scenario.learning.learning import Learning

if TYPE_CHECKING:  # which names the outcomes
    from simasgd.results.summary import DivergencePoint, ErrorTarget, HangPoint

CHANCE = 0.8
"""A run learns if its score is below this fraction of the score of guessing.

Where labels are not classes, the loss of the initial weights takes the place of guessing.
"""


class Outcome(StrEnum):
    """The outcomes, the gravest first. Only a run that finished can win a comparison."""

    FAILED = "failed"
    """The run raised an error, so it has no results."""
    MISSING = "not run yet"
    HUNG = "hung"
    """No event was left before the stop. Such a run has no time."""
    DIVERGED = "diverged"
    """The weights became infinite or NaN."""
    APPLIED_NOTHING = "applied nothing"
    """The stop came before the first gradient was applied. Such a run has no time either."""
    FAILS = "fails to learn"
    FINISHED = "finished"
    """The run reached its stop and, if it has a learning section, learned."""


_GRAVEST_FIRST = list(Outcome)


def decide_outcome(
    learning: Learning | None,
    *,
    hung: bool,
    diverged: bool,
    applied: int,
    test_error: float | None,
    test_loss: float | None,
    first_loss: float | None,
) -> Outcome:
    """Decide the outcome of a run with this `learning` section (None: timing only).

    `applied` is the number of applied gradients. `test_error` and `test_loss` are the final ones,
    `first_loss` is the test loss of the initial weights; each is None where it is missing or
    infinite.
    """
    if hung:
        return Outcome.HUNG
    if diverged:
        return Outcome.DIVERGED
    if applied == 0:
        return Outcome.APPLIED_NOTHING
    if learning is None:
        return Outcome.FINISHED
    classes = learning.data.shape.classes
    score = test_error if classes else test_loss
    return Outcome.FAILS if fails(score, classes, first_loss) else Outcome.FINISHED


def fails(score: float | None, classes: int, first_loss: float | None) -> bool:
    """Tell whether a final score is hardly better than guessing.

    The score is a test error, compared with that of guessing one of `classes`; where there are no
    classes it is a test loss, compared with that of the initial weights. A missing or infinite
    score is None, and fails.
    """
    if score is None:
        return True
    before = 1.0 - 1.0 / classes if classes else first_loss or math.inf  # weights may begin at the minimum, with a loss of 0
    return score >= (CHANCE * before if before >= 0.0 else (2.0 - CHANCE) * before)


def find_gravest(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the gravest of the outcomes of several seeds."""
    return min(outcomes, key=_GRAVEST_FIRST.index)


def describe_outcomes(outcomes: Sequence[Outcome], unit: str = "seeds") -> str:
    """Describe several outcomes: `finished`, or `hung (1 of 3 seeds), diverged (2 of 3 seeds)`."""
    failures = [outcome for outcome in Outcome if outcome is not Outcome.FINISHED and outcome in outcomes]
    if not failures:
        return str(Outcome.FINISHED)
    counts = {outcome: outcomes.count(outcome) for outcome in failures}
    if counts[failures[0]] == len(outcomes):
        return str(failures[0])
    return ", ".join(f"{outcome} ({count} of {len(outcomes)} {unit})" for outcome, count in counts.items())


def tells_time(*, hung: bool, applied: int, seconds: float) -> bool:
    """Return whether the simulated time can be compared: the run did not hang, applied gradients, and took any time."""
    return not hung and applied > 0 and seconds > 0.0


def explain_outcome(
    outcome: Outcome, applied: int, hang: HangPoint | None, diverged: DivergencePoint | None, target: ErrorTarget | None
) -> str:
    """Return where and why a run did not finish, or reach its test error; "" where the outcome says everything.

    `applied` is the number of applied gradients.
    """
    if outcome is Outcome.HUNG and hang is not None:
        last = f"after its last update at {hang.at:.6g} s" if applied else "before its first update"
        return f"{last}: {hang.reason.rstrip('.')}"
    if outcome is Outcome.DIVERGED and diverged is not None:
        return f"at update {diverged.update:,}"
    if outcome in (Outcome.FINISHED, Outcome.FAILS) and target is not None and not target.reached:
        return f"a test error of {_format_percent(target.test_error)} was not reached"
    return ""


def _format_percent(error: float) -> str:
    """Format a test error as reports do."""
    return f"{100 * error:.{1 if error >= 0.01 or error == 0 else 2}f} %"
