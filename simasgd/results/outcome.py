"""How a run ended. One small closed set, decided here for run.json, tables, sweeps, pages and the terminal alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from simasgd.scenario.learning.learning import Learning

CHANCE = 0.8
"""A test error, or loss, of at least this part of what guessing, or the initial weights, have is a failure to learn."""


class Outcome(StrEnum):
    """The outcomes, the gravest first. Only a run that finished can be best by anything."""

    FAILED = "failed"
    """It raised an error: there are no results."""
    MISSING = "not run yet"
    HUNG = "hung"
    """Nothing more could happen before the stop. Such a run has no time."""
    DIVERGED = "diverged"
    """The weights became infinite or NaN."""
    APPLIED_NOTHING = "applied nothing"
    """The stop came before the first gradient was applied. Such a run has no time either."""
    FAILS = "fails to learn"
    FINISHED = "finished"
    """It reached its stop and, where it learns, learned."""


_GRAVEST_FIRST = list(Outcome)


def outcome_of(summary: Mapping[str, Any], learning: Learning | None) -> Outcome:
    """The outcome of a run with these results, as in run.json, and this `learning` section (None: timing only)."""
    if summary["hang"] is not None:
        return Outcome.HUNG
    if summary["diverged"] is not None:
        return Outcome.DIVERGED
    if summary["gradients"]["applied"] == 0:
        return Outcome.APPLIED_NOTHING
    if learning is None:
        return Outcome.FINISHED
    classes, first = learning.data.shape.classes, next(iter(summary["evaluations"]), None)
    score = summary["test_error"] if classes else summary["test_loss"]
    return Outcome.FAILS if fails(score, classes, None if first is None else first["test_loss"]) else Outcome.FINISHED


def fails(score: float | None, classes: int, first_loss: float | None) -> bool:
    """Whether a final test error (a test loss where there are no `classes`) is hardly better than guessing (than that of the
    initial weights). A score of None is a missing or an infinite one."""
    if score is None:
        return True
    before = 1.0 - 1.0 / classes if classes else first_loss or math.inf  # weights may begin at the minimum, with a loss of 0
    return score >= (CHANCE * before if before >= 0.0 else (2.0 - CHANCE) * before)


def has_time(summary: Mapping[str, Any]) -> bool:
    """Whether a run's simulated time can be compared: it ended because its work was done or its time was over, after having
    applied something, and took time at all."""
    return summary["hang"] is None and summary["gradients"]["applied"] > 0 and summary["simulated_seconds"] > 0.0


def reason(summary: Mapping[str, Any], outcome: Outcome) -> str:
    """Where and why a run did not finish; "" where the outcome says it all."""
    if outcome is Outcome.HUNG:
        return f"after {summary['hang']['at']:.6g} s: {summary['hang']['reason'].rstrip('.')}"
    return f"at update {summary['diverged']['update']:,}" if outcome is Outcome.DIVERGED else ""


def gravest(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of several seeds together."""
    return min(outcomes, key=_GRAVEST_FIRST.index)


def in_words(outcomes: Sequence[Outcome], of: str = "seeds") -> str:
    """`hung`, or `hung (1 of 3 seeds), fails to learn (1 of 3 seeds)`, or `finished`."""
    amiss = [one for one in Outcome if one is not Outcome.FINISHED and one in outcomes]
    if not amiss:
        return str(Outcome.FINISHED)
    counts = {one: outcomes.count(one) for one in amiss}
    if counts[amiss[0]] == len(outcomes):
        return str(amiss[0])
    return ", ".join(f"{one} ({many} of {len(outcomes)} {of})" for one, many in counts.items())
