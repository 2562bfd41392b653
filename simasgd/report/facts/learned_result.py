"""Which runs fail to learn beside others: they stay nearer to guessing than to the best of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simasgd.results.outcome import CHANCE, Outcome

_HALF = 0.5
"""A run beside others learns if its test error has gone this part of the way from guessing to the best error."""
_AS_MUCH = 0.9
"""Only runs that applied at least this part of the best one's samples had the same chance to learn."""


class LearnedResult(NamedTuple):
    """What a run learned: its outcome, its final test error (None: it has none), and its applied samples."""

    outcome: Outcome
    error: float | None
    samples: float


def find_limit(runs: Sequence[LearnedResult], classes: int | None) -> float | None:
    """Return the test error from which a run fails to learn beside these runs on the same data.

    It is half of the way from the best error to that of guessing one of `classes`, and at most what makes a run alone fail
    (80 % of guessing). None if there are no classes, or no run learned.
    """
    best = _find_best(runs)
    if not classes or best is None or best.error is None:
        return None
    guessing = 1.0 - 1.0 / classes
    return min(CHANCE * guessing, guessing + _HALF * (best.error - guessing))


def judge(runs: Sequence[LearnedResult], classes: int | None) -> list[Outcome]:
    """Return the outcomes of runs on the same data, judged beside each other.

    A run that finished fails to learn if its test error is at the limit or above, though it applied as many samples as the
    best one. A run that applied fewer may just need more time.
    """
    limit, best = find_limit(runs, classes), _find_best(runs)
    if limit is None or best is None:
        return [run.outcome for run in runs]
    return [
        Outcome.FAILS
        if run.outcome is Outcome.FINISHED
        and run.error is not None
        and run.error >= limit
        and run.samples >= _AS_MUCH * best.samples
        else run.outcome
        for run in runs
    ]


def _find_best(runs: Sequence[LearnedResult]) -> LearnedResult | None:
    known = [run for run in runs if run.outcome is Outcome.FINISHED and run.error is not None]
    return min(known, key=lambda run: run.error or 0.0, default=None)
