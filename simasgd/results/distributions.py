"""Distributions of staleness and ages, numbers of gradients, and times by activity, as run.json holds them."""

from __future__ import annotations

from abc import ABC
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Annotated, Any, Self, final

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from simasgd.results.json_files import Items, Stored
from simasgd.results.quantities import COST_TIMES, LOST_TIMES, Amount, TimeFraction, WholeNumber


class AbstractHistogram(Stored, ABC):
    """A distribution of whole numbers: histogram[n] counts how often n occurs.

    Percentiles are nearest ranks. Without any value the histogram is empty and all numbers are
    null.
    """

    mean: Amount | None
    max: WholeNumber | None
    p50: WholeNumber | None
    p95: WholeNumber | None
    p99: WholeNumber | None
    histogram: Items[WholeNumber]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        numbers = (self.mean, self.max, self.p50, self.p95, self.p99)
        if any((number is None) != (not self.histogram) for number in numbers):
            raise ValueError("mean, max and percentiles are null if and only if the histogram is empty")
        if self.histogram and not self.histogram[-1]:
            raise ValueError("the histogram ends with a 0")
        return self


@final
class StalenessCounts(AbstractHistogram):
    """The distribution of the staleness of applied gradients."""

    @classmethod
    def of(cls, counts: Counter[int]) -> StalenessCounts:
        """Summarize the number of occurrences of each staleness."""
        return cls(**_distribution(counts))


@final
class AgeCounts(AbstractHistogram):
    """The distribution of the ages of models that were mixed into learners' own.

    An age counts steps of the model's holder. `mixed` is the number of such models.
    """

    mixed: WholeNumber

    @classmethod
    def of(cls, counts: Counter[int]) -> AgeCounts:
        """Summarize the number of occurrences of each age."""
        return cls(mixed=sum(counts.values()), **_distribution(counts))


@final
class GradientTotals(Stored):
    """Numbers of gradients; `computed` is the sum of the others.

    All but `applied` are null where a log does not tell them.
    """

    computed: WholeNumber | None
    applied: WholeNumber
    dropped: WholeNumber | None
    cancelled: WholeNumber | None
    lost: WholeNumber | None
    in_flight: WholeNumber | None


@final
class CountRange(Stored):
    """The least, the median and the greatest of the learners' numbers."""

    least: WholeNumber
    median: Amount
    most: WholeNumber

    @classmethod
    def of(cls, counts: Sequence[int]) -> CountRange:
        """Return the range of the numbers of one learner or more."""
        return cls(least=min(counts), median=float(median(counts)), most=max(counts))


@final
class GradientRanges(Stored):
    """Numbers of gradients of one learner; learners.parquet has them for each.

    All but `applied` are null where a log does not tell them.
    """

    computed: CountRange | None
    applied: CountRange
    dropped: CountRange | None
    cancelled: CountRange | None
    lost: CountRange | None
    in_flight: CountRange | None


def _distribution(counts: Counter[int]) -> dict[str, Any]:
    total = sum(counts.values())
    if not total:
        return {"mean": None, "max": None, "p50": None, "p95": None, "p99": None, "histogram": ()}
    histogram = [counts.get(value, 0) for value in range(max(counts) + 1)]
    return {
        "mean": sum(value * count for value, count in counts.items()) / total,
        "max": max(counts),
        **{f"p{percent}": _percentile(histogram, total, percent) for percent in (50, 95, 99)},
        "histogram": tuple(histogram),
    }


def _percentile(histogram: Sequence[int], total: int, percent: int) -> int:
    rank, seen = -(-percent * total // 100), 0
    for value, count in enumerate(histogram):
        seen += count
        if seen >= rank:
            return value
    raise AssertionError("a rank beyond the total")


class AbstractActivityTimes(Stored):
    """Times by activity. Those that only costs or faults bring about are stored if they are not 0."""

    step: Amount = 0.0
    mix: Amount = 0.0
    copies: Annotated[Amount, Field(alias="copy")] = 0.0
    launch: Amount = 0.0

    @model_serializer(mode="wrap")
    def _without_zeros(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = serialize(self)
        rare = {name: found.pop("copies" if name == "copy" else name, 0.0) for name in (*COST_TIMES, *LOST_TIMES)}
        return found | {name: amount for name, amount in rare.items() if amount}


@final
class TimeFractions(AbstractActivityTimes):
    """Fractions of the run's time that each activity took, averaged over the learners.

    Null: a log does not tell it. What is then missing to 1 has no name in the log.
    """

    compute: TimeFraction | None
    push: TimeFraction | None
    wait: TimeFraction | None
    pull: TimeFraction | None
    idle: TimeFraction | None
    step: TimeFraction = 0.0
    mix: TimeFraction = 0.0
    copies: Annotated[TimeFraction, Field(alias="copy")] = 0.0
    launch: TimeFraction = 0.0


@final
class PathSeconds(AbstractActivityTimes):
    """Seconds of each activity on the critical path.

    `down`: a learner is away. `resend`: from the departure of a message that gets lost until it is sent again. `timeout`: a
    time-out or a deadline passes. `pause`: the server pauses. `other`: the rest.
    """

    compute: Amount
    push: Amount
    update: Amount
    pull: Amount
    other: Amount
    down: Amount = 0.0
    resend: Amount = 0.0
    timeout: Amount = 0.0
    pause: Amount = 0.0
