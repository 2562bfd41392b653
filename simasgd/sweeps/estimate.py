"""The time that the missing points of a sweep will take, from the points that are there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import final

from simasgd.learning.devices import capacity_for
from simasgd.scenario.alike import together
from simasgd.sweeps.plan import SweepPlan
from simasgd.sweeps.pools.points import PointFolders

_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))


@final
@dataclass(frozen=True)
class SweepEstimate:
    """The points that are there, those that are missing, and how long the missing ones take.

    `seconds` is the wall time with `workers` processes; None if no point has been measured.
    """

    there: int
    missing: int
    workers: int
    seconds: float | None
    per_point: float | None

    def describe(self) -> str:
        """Return one sentence."""
        if not self.missing:
            return "all points are there; only the page would be drawn"
        if self.seconds is None or self.per_point is None:
            return "no point has run yet, so the time is not known; after some points the same command estimates it"
        workers = f"{self.workers} process{'es' if self.workers > 1 else ''}"
        took = f"{say_seconds(self.per_point)} a point, as measured on the {self.there} that are there"
        return f"{self.missing} still to run: about {say_seconds(self.seconds)} with {workers} ({took})"


def estimate_sweep(plan: SweepPlan, folders: Collection[Path], workers: int) -> SweepEstimate:
    """Estimate a sweep from the points that earlier sweeps left in `folders`.

    The wall time of a point is in its run.json; of points that share a loop, each has the time of the whole loop. A
    missing point is taken to need the mean.
    """
    homes = {point.folder: point.scenario for point in plan.points}
    measured: dict[str, float] = {}
    for folder in folders:
        points = PointFolders(folder)
        found = {name: points.summary(name, scenario) for name, scenario in homes.items() if name not in measured}
        measured |= {name: summary.wall.total for name, summary in found.items() if summary is not None}
    names = list(homes)
    scenarios = list(homes.values())
    groups = [[names[i] for i in group] for group in together(scenarios, capacity_for(scenarios))]
    missing = sum(len(group) for group in groups if not measured.keys() >= set(group))  # a loop runs again as a whole
    workers = max(1, min(workers, missing))
    loops = [[measured[name] for name in group if name in measured] for group in groups]
    mean = sum(max(loop, default=0.0) for loop in loops) / len(measured) if measured else None
    seconds = None if mean is None else mean * missing / workers
    return SweepEstimate(len(measured), missing, workers, seconds, mean)


def say_seconds(seconds: float) -> str:
    """Return a time for readers, for example `12 s` or `3.5 min`."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= 2 * size or size == 1)
    return f"{max(seconds / size, 0.1):.2g} {unit}" if seconds / size < 9.5 else f"{seconds / size:.0f} {unit}"
