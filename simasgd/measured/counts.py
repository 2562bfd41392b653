"""What became of the learners' gradients, as far as a log tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from simasgd.operations.log import OperationLog
from simasgd.results.distributions import CountRange, GradientRanges, GradientTotals
from simasgd.results.tables import GRADIENTS
from simasgd.tape.arrays import Floats, Ints
from simasgd.tape.tape import Tape

FATES = {"drop": "dropped", "cancel": "cancelled", "lose": "lost"}
"""For each operation by which a log tells that a gradient was not applied, the column that counts it."""


@final
@dataclass(frozen=True, eq=False)
class GradientCounts:
    """Counts of gradients, int64[λ], by the columns of learners.parquet; a count that is not known is absent."""

    known: Mapping[str, Ints]

    def column(self, name: str, learners: int) -> Ints | Floats:
        """Return the column of a table, NaN where the count is not known."""
        return self.known.get(name, np.full(learners, np.nan))

    def totals(self) -> GradientTotals:
        """Return the counts over all learners."""
        others = {name: self._total(name) for name in GRADIENTS if name != "applied"}
        return GradientTotals(applied=int(self.known["applied"].sum()), **others)

    def ranges(self) -> GradientRanges:
        """Return the ranges over the learners."""
        others = {name: self._range(name) for name in GRADIENTS if name != "applied"}
        return GradientRanges(applied=CountRange.of(self.known["applied"].tolist()), **others)

    def _range(self, name: str) -> CountRange | None:
        return CountRange.of(self.known[name].tolist()) if name in self.known else None

    def _total(self, name: str) -> int | None:
        return int(self.known[name].sum()) if name in self.known else None


def count_gradients(log: OperationLog, numbers: Ints, tape: Tape, learners: int) -> GradientCounts:
    """Count the gradients of each learner.

    Those computed are the rows of computations. If the gradients that were applied, dropped, given up and lost are
    all that were computed, what the log does not name is 0; otherwise it is not known.
    """
    applied = np.bincount(tape.learner, minlength=learners)
    rows = log.rows("compute")
    found = {"applied": applied}
    told = np.zeros(learners, np.int64)
    for operation, name in FATES.items():
        fated = log.rows(operation)
        if len(fated):
            found[name] = np.bincount(numbers[log.learner[fated]], minlength=learners)
            told = told + found[name]
    if len(rows):
        computed = np.bincount(numbers[log.learner[rows]], minlength=learners)
        found["computed"] = computed
        if (computed == applied + told).all():
            nothing = np.zeros(learners, np.int64)
            found = {name: found.get(name, nothing) for name in GRADIENTS}
    return GradientCounts(found)
