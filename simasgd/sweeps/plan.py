"""The plan of a sweep: its axes and points, all checked before any of them runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from simasgd.errors import ScenarioError
from simasgd.printable import printable, shortened
from simasgd.results.identity import name_code, name_content
from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer
from simasgd.storage.manifest import Contents
from simasgd.sweeps.axes import MOST_POINTS, Axis, combinations, parse


@final
@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    It has the values of the axes as written, its variant ("" if none), and the scenario at its
    seed.
    """

    values: tuple[str, ...]
    variant: str
    scenario: Scenario

    @property
    def folder(self) -> str:
        """The name of the run's content: scenario, seed and code."""
        return name_content(self.scenario)


@final
@dataclass(frozen=True)
class Sweep:
    """The points to run. `axes` leave out the seed, which is a column of its own."""

    scenario: Scenario
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    command: str

    @property
    def contents(self) -> Contents:
        """The contents of the results: the scenarios of all points."""
        return Contents("sweep", tuple(sorted({point.scenario.hash() for point in self.points})), name_code())


def plan_sweep(source: str | Path, arguments: Sequence[str], command: str = "") -> Sweep:
    """Check every point of a sweep before any runs. Raises ScenarioError.

    A scenario's variants and repeats are points, too. A swept seed replaces the repeats.
    """
    axes, fixed = parse(arguments)
    path = catalogue.find_scenario_file(source)
    file = yaml_layer.read_layer(path)
    if any(axis.key == "seed" for axis in axes):
        fixed = ["repeats=1", *fixed]
    points: dict[str, Point] = {}
    numbers: dict[str, dict[str, float | None]] = {axis.key: {} for axis in axes}
    shown = [i for i, axis in enumerate(axes) if axis.key != "seed"]
    runs = 0
    for values in combinations(axes):
        changes = [f"{axis.key}={value}" for axis, value in zip(axes, values, strict=True)]
        try:
            scenario = Scenario.from_layer(file, [*fixed, *changes])
        except ScenarioError as error:
            place = shortened(printable(" ".join(changes)), 300)
            raise ScenarioError(f"{error}\n(at the point {place})" if changes else str(error)) from None
        runs += scenario.num_runs
        if runs > MOST_POINTS:
            raise ScenarioError(f"command line: the sweep has more than {MOST_POINTS:,} points, with all variants and repeats")
        for variant, chosen in (scenario.variants or {"": scenario}).items():
            for axis, value in zip(axes, values, strict=True):
                numbers[axis.key][value] = _read_number(chosen, axis.key)
            for single in chosen.repeated():
                point = Point(tuple(values[i] for i in shown), variant, single)
                points.setdefault(f"{point.folder} {point.values} {variant}", point)
    return Sweep(
        _find_base(file, fixed, points.values()),
        tuple(_add_numbers(axes[i], numbers[axes[i].key]) for i in shown),
        tuple(points.values()),
        command,
    )


def _find_base(file: Layer, fixed: Sequence[str], points: Iterable[Point]) -> Scenario:
    """Return the scenario that the axes vary.

    If it is not valid without them (a kind whose parameter is swept), return the first point's
    scenario.
    """
    try:
        return Scenario.from_layer(file, fixed)
    except ScenarioError:
        return next(point.scenario for point in points)


def _read_number(scenario: Scenario, key: str) -> float | None:
    value: Any = scenario
    for part in key.split("."):
        value = getattr(value, part, None)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _add_numbers(axis: Axis, numbers: Mapping[str, float | None]) -> Axis:
    known = [numbers[value] for value in axis.values]
    return replace(axis, numbers=None if None in known else tuple(number for number in known if number is not None))
