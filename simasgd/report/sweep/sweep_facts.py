"""The facts of a sweep: settings over their seeds, quantities, and lines along an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from simasgd.report.facts.formats import format_duration, format_number, format_percent
from simasgd.report.facts.tolerances import is_same_work
from simasgd.results.outcome import Outcome, describe_outcomes

if TYPE_CHECKING:
    from simasgd.sweeps.axes import Axis
    from simasgd.sweeps.sweep import SweepTable

ERROR, LOSS, SECONDS = "test_error", "test_loss", "simulated_seconds"
RATE, STALENESS = "gradients_per_simulated_second", "mean_staleness"
NAMES = {
    ERROR: "test error",
    LOSS: "test loss",
    SECONDS: "simulated time",
    RATE: "gradients per simulated second",
    STALENESS: "mean staleness",
}
_MAX_LINES = 8
_CLOSEST = 0.03  # of the length of an axis
_LEAST_CHANGE = 0.01
"""A quantity varies along an axis if its means over the seeds change by more than this part."""


class Line(NamedTuple):
    """A line along an axis.

    `variant` and `other` number the variant and the values of the other axes; `rows` come from
    `settings`.
    """

    label: str
    variant: int
    other: int
    rows: pd.DataFrame


@dataclass(frozen=True, eq=False)
class SweepFacts:
    """The points of a sweep.

    `done` are the points with results. `sound` are those of settings that finished and learned at every
    seed; only they can be best.
    """

    sweep: SweepTable
    done: pd.DataFrame
    sound: pd.DataFrame

    @classmethod
    def of(cls, sweep: SweepTable) -> SweepFacts:
        points = sweep.points
        keys = [*(axis.key for axis in sweep.axes), "variant"]
        is_sound = (points["outcome"] == Outcome.FINISHED).groupby([points[key] for key in keys]).transform("all")
        return cls(sweep, points[points["error"] == ""], points[is_sound])

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.sweep.axes

    @property
    def keys(self) -> list[str]:
        """The columns that identify the setting of a row."""
        return [*(axis.key for axis in self.axes), "variant"]

    @property
    def variants(self) -> list[str]:
        return list(dict.fromkeys(self.sweep.points["variant"]))

    @property
    def measures(self) -> list[str]:
        """The measures of the points: test error, and test loss if some have no error."""
        error, loss = (self.done[quantity].notna() for quantity in (ERROR, LOSS))
        return [quantity for quantity, is_used in ((ERROR, error.any()), (LOSS, (loss & ~error).any())) if is_used]

    @property
    def listed(self) -> list[str]:
        """The measures in the tables, with the test loss if a point with an error fails."""
        fails = (self.done["outcome"] == Outcome.FAILS) & self.done[LOSS].notna()
        return [*self.measures, *([LOSS] if fails.any() and LOSS not in self.measures else [])] or [ERROR]

    @property
    def has_same_work(self) -> bool:
        """Whether all sound points applied similar numbers of samples, so that times compare."""
        samples = self.sound["samples"]
        return not samples.empty and is_same_work(float(samples.min()), float(samples.max()))

    @property
    def quantities(self) -> list[str]:
        """The quantities that may be drawn; the rate is left out if the time already shows it."""
        takes_time = self.has_same_work and varies(self.done[SECONDS])
        return [*self.measures, SECONDS, *([] if takes_time else [RATE]), STALENESS]

    def settings(self, by: Sequence[str] | None = None, points: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return one row for each setting of `points` (default: those done).

        Its columns are `by` (default: all keys), the outcome of its points in words, and for each
        quantity its mean, its lowest (`_low`) and its highest (`_high`) value.
        """
        by, points = self.keys if by is None else list(by), self.done if points is None else points
        if not by or points.empty:
            return pd.DataFrame()
        groups = points.groupby(by, sort=False)
        parts: dict[str, pd.Series] = {
            "outcome": groups["outcome"].agg(lambda found: describe_outcomes([Outcome(one) for one in found], "points"))
        }
        for quantity in NAMES:
            values = groups[quantity]
            parts |= {quantity: values.mean(), f"{quantity}_low": values.min(), f"{quantity}_high": values.max()}
        return pd.DataFrame(parts).reset_index()

    def others(self, axis: Axis) -> list[Axis]:
        """Return the other axes with several values."""
        return [other for other in self.axes if other.key != axis.key and len(other.values) > 1]

    def averaged(self, axis: Axis) -> bool:
        """Return whether the other axes have too many combinations to draw a line for each."""
        return math.prod(len(other.values) for other in self.others(axis)) * len(self.variants) > _MAX_LINES

    def lines(self, axis: Axis) -> list[Line]:
        """Return the lines along an axis: one for each variant and combination of the other axes.

        If there are too many combinations, there is one line for each variant.
        """
        others = [] if self.averaged(axis) else [other.key for other in self.others(axis)]
        table = self.settings([axis.key, "variant", *others])
        found = []
        combinations: dict[tuple[str, ...], int] = {}
        for (variant, *values), rows in table.groupby(["variant", *others], sort=False):
            other = combinations.setdefault(tuple(values), len(combinations))
            named = [f"{key.split('.')[-1]} {value}" for key, value in zip(others, values, strict=True)]
            label = ", ".join(filter(None, (variant, *named)))
            found.append(Line(label, self.variants.index(variant), other, _sort_rows(rows, axis)))
        return found


def format_quantity(quantity: str, value: float) -> str:
    """Format a value of a quantity with its unit."""
    return {ERROR: format_percent, SECONDS: format_duration}.get(quantity, format_number)(value)


def varies(values: pd.Series) -> bool:
    """Return whether numbers other than NaN differ by more than a small part of the greatest."""
    known = values.dropna()
    return not known.empty and known.max() - known.min() > _LEAST_CHANGE * known.abs().max()


def shorten_key(axis: Axis) -> str:
    """Return the last part of an axis's key, or the last two of a key such as `protocol.kind`."""
    parts = axis.key.split(".")
    return ".".join(parts[-2:]) if parts[-1] in ("kind", "n", "seed", "bandwidth") else parts[-1]


def place_values(axis: Axis) -> dict[str, float]:
    """Return the positions of an axis's values: their numbers, or 0, 1, 2, … instead."""
    numbers = axis.numbers if axis.numbers is not None and is_to_scale(axis) else range(len(axis.values))
    return dict(zip(axis.values, map(float, numbers), strict=True))


def is_logarithmic(axis: Axis) -> bool:
    """Return whether the numbers span a factor of ten or more."""
    numbers = axis.numbers or ()
    return len(numbers) > 1 and min(numbers) > 0 and max(numbers) >= 10 * min(numbers) and math.isfinite(max(numbers))


def is_to_scale(axis: Axis) -> bool:
    """Return whether the numbers are finite and do not crowd into a corner of the axis."""
    if axis.numbers is None or not all(map(math.isfinite, axis.numbers)):
        return False
    at = sorted(map(math.log, axis.numbers) if is_logarithmic(axis) else axis.numbers)
    return len(at) < 2 or min(b - a for a, b in pairwise(at)) >= _CLOSEST * (at[-1] - at[0])


def _sort_rows(rows: pd.DataFrame, axis: Axis) -> pd.DataFrame:
    return rows.assign(x=rows[axis.key].map(place_values(axis))).sort_values("x")
