"""Numbers of gradients in run.json: of the whole run, and of its learners."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import final

from simasgd.results.json_files import Stored
from simasgd.results.quantities import Amount, Number


@final
class GradientTotals(Stored):
    """Numbers of gradients; `computed` is the sum of the others.

    All but `applied` are null where a log does not tell them.
    """

    computed: Number | None
    applied: Number
    dropped: Number | None
    cancelled: Number | None
    lost: Number | None
    in_flight: Number | None


@final
class CountRange(Stored):
    """The least, the median and the greatest of the learners' numbers."""

    least: Number
    median: Amount
    most: Number

    @classmethod
    def of(cls, counts: Sequence[int]) -> CountRange:
        """Return the range of the numbers of one learner or more."""
        return cls(least=min(counts), median=float(median(counts)), most=max(counts))


@final
class LearnerGradients(Stored):
    """Numbers of gradients of one learner; learners.parquet has them for each.

    All but `applied` are null where a log does not tell them.
    """

    computed: CountRange | None
    applied: CountRange
    dropped: CountRange | None
    cancelled: CountRange | None
    lost: CountRange | None
    in_flight: CountRange | None
