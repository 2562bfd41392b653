"""What a sweep's report says: settings over their seeds, the best and the fastest, and lines along an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from simasgd.report.words import count, duration, joined, number, percent

if TYPE_CHECKING:
    from simasgd.sweep import Axis, SweepTable

ERROR, LOSS, SECONDS = "test_error", "test_loss", "simulated_seconds"
NAMES = {ERROR: "test error", LOSS: "test loss", SECONDS: "simulated time"}
_MOST_LINES = 8
_CLOSEST = 0.03  # of the length of an axis
_NUMBERS = (ERROR, LOSS, SECONDS, "gradients_per_simulated_second", "mean_staleness")


class Line(NamedTuple):
    """A line along an axis: its label, the variant's and the other axes' number, and `settings` rows."""

    label: str
    variant: int
    other: int
    rows: pd.DataFrame


@dataclass(frozen=True, eq=False)
class SweepFacts:
    """A sweep's finished points with real numbers, and the keys that tell settings apart."""

    sweep: SweepTable
    finished: pd.DataFrame

    @classmethod
    def of(cls, sweep: SweepTable) -> SweepFacts:
        finished = sweep.points[sweep.points["error"] == ""]
        if LOSS not in finished:  # sweeps of earlier versions have none
            finished = finished.assign(**{LOSS: math.nan})
        return cls(sweep, finished.astype(dict.fromkeys(_NUMBERS, float)))

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.sweep.axes

    @property
    def keys(self) -> list[str]:
        """The columns that say which setting a row is of."""
        return [*(axis.key for axis in self.axes), "variant"]

    @property
    def variants(self) -> list[str]:
        return list(dict.fromkeys(self.sweep.points["variant"]))

    @property
    def measures(self) -> list[str]:
        """By which the points are judged: the test error, and the test loss where some have no error though they learned."""
        error, loss = (self.finished[quantity].notna() for quantity in (ERROR, LOSS))
        return [quantity for quantity, is_used in ((ERROR, error.any()), (LOSS, (loss & ~error).any())) if is_used]

    def settings(self, by: Sequence[str] | None = None) -> pd.DataFrame:
        """One row per setting: the columns `by` (all keys by default), and for each quantity its mean under its own name
        with `_low` and `_high` beside it."""
        by = self.keys if by is None else list(by)
        if not by:
            return pd.DataFrame()
        groups = self.finished.groupby(by, sort=False)
        parts: dict[str, pd.Series] = {}
        for quantity in _NUMBERS:
            values = groups[quantity]
            parts |= {quantity: values.mean(), f"{quantity}_low": values.min(), f"{quantity}_high": values.max()}
        return pd.DataFrame(parts).reset_index()

    def others(self, axis: Axis) -> list[Axis]:
        return [other for other in self.axes if other.key != axis.key and len(other.values) > 1]

    def averaged(self, axis: Axis) -> bool:
        """Whether there are too many combinations of the other axes for a line each."""
        return math.prod(len(other.values) for other in self.others(axis)) * len(self.variants) > _MOST_LINES

    def lines(self, axis: Axis) -> list[Line]:
        """Along an axis, one line per variant and combination of the other axes (per variant if those are too many)."""
        others = [] if self.averaged(axis) else [other.key for other in self.others(axis)]
        table = self.settings([axis.key, "variant", *others])
        found = []
        combinations: dict[tuple[str, ...], int] = {}
        for (variant, *values), rows in table.groupby(["variant", *others], sort=False):
            other = combinations.setdefault(tuple(values), len(combinations))
            named = [f"{key.split('.')[-1]} {value}" for key, value in zip(others, values, strict=True)]
            label = ", ".join(filter(None, (variant, *named)))
            found.append(Line(label, self.variants.index(variant), other, _ordered(rows, axis)))
        return found


def form(quantity: str, value: float) -> str:
    """A value of a quantity, with its unit."""
    return {ERROR: percent, LOSS: number, SECONDS: duration}[quantity](value)


def short(axis: Axis) -> str:
    """The last part of the key, or the last two of one like `protocol.kind`."""
    parts = axis.key.split(".")
    return ".".join(parts[-2:]) if parts[-1] in ("kind", "n", "seed", "bandwidth") else parts[-1]


def positions(axis: Axis) -> dict[str, float]:
    """Where an axis' values stand: at their numbers or, if that cannot be drawn, in a row."""
    numbers = axis.numbers if axis.numbers is not None and to_scale(axis) else range(len(axis.values))
    return dict(zip(axis.values, map(float, numbers), strict=True))


def logarithmic(axis: Axis) -> bool:
    """Whether the numbers span a factor of ten or more."""
    numbers = axis.numbers or ()
    return len(numbers) > 1 and min(numbers) > 0 and max(numbers) >= 10 * min(numbers) and math.isfinite(max(numbers))


def to_scale(axis: Axis) -> bool:
    """Whether there are finite numbers that do not crowd into a corner of the axis."""
    if axis.numbers is None or not all(map(math.isfinite, axis.numbers)):
        return False
    at = sorted(map(math.log, axis.numbers) if logarithmic(axis) else axis.numbers)
    return len(at) < 2 or min(b - a for a, b in pairwise(at)) >= _CLOSEST * (at[-1] - at[0])


def _ordered(rows: pd.DataFrame, axis: Axis) -> pd.DataFrame:
    return rows.assign(x=rows[axis.key].map(positions(axis))).sort_values("x")


def sweep_verdict(facts: SweepFacts) -> str:
    """What was covered, what went wrong, and which setting is best and which fastest."""
    said = [_covered(facts), _amiss(facts)]
    table = facts.settings()
    if table.empty:
        return " ".join(filter(None, (*said, "No point was finished.")))
    for quantity in facts.measures:
        best = table.loc[table[quantity].idxmin()]
        after = f"after {duration(best[SECONDS])} of simulated time"
        said.append(f"The lowest {NAMES[quantity]} is {form(quantity, best[quantity])}, {_where(best, facts)}, {after}.")
    return " ".join(filter(None, (*said, _fastest(table, facts))))


def _fastest(table: pd.DataFrame, facts: SweepFacts) -> str:
    if table[SECONDS].max() <= 1.01 * table[SECONDS].min():
        rate = "gradients_per_simulated_second"
        most = table.loc[table[rate].idxmax()]
        if most[rate] <= 1.01 * table[rate].min():
            return f"All take {duration(most[SECONDS])} of simulated time."
        return f"The most gradients per simulated second are {number(most[rate])}, {_where(most, facts)}."
    first = table.loc[table[SECONDS].idxmin()]
    reached = next(
        (f", with a {NAMES[q]} of {form(q, first[q])}" for q in facts.measures if not math.isnan(first[q])),
        "",
    )
    longest = duration(table[SECONDS].max())
    return (
        f"The shortest simulated time is {duration(first[SECONDS])}, {_where(first, facts)}{reached}; the longest is {longest}."
    )


def _where(row: pd.Series, facts: SweepFacts) -> str:
    at = ", ".join(f"{short(axis)} = {row[axis.key]}" for axis in facts.axes)
    under = f"under {row['variant']}" if row["variant"] else ""
    return " ".join(filter(None, (at and f"at {at}", under))) or "over all seeds"


def _covered(facts: SweepFacts) -> str:
    seeds = facts.sweep.points["seed"].nunique()
    parts = [f"{count(len(axis.values), 'value')} of {short(axis)}" for axis in facts.axes]
    if len(facts.variants) > 1:
        parts.append(count(len(facts.variants), "variant"))
    if seeds > 1:
        parts.append(count(seeds, "seed"))
    total = len(facts.sweep.points)
    return f"{total:,} {'point' if total == 1 else 'points'}: {joined(parts) or 'one seed'}."


def _amiss(facts: SweepFacts) -> str:
    failed = len(facts.sweep.points) - len(facts.finished)
    diverged = int(facts.finished["diverged"].sum())
    found = [count(amount, what, what) for amount, what in ((failed, "failed"), (diverged, "diverged")) if amount]
    said = joined(found)
    return f"{said[:1].upper()}{said[1:]}." if said else ""
