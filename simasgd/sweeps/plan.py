"""The plan of a sweep: its axes and points, all checked before any of them runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

from simasgd.errors import ScenarioError
from simasgd.printable import printable, shortened
from simasgd.results.identity import name_code, name_content
from simasgd.scenario.protocol_variants import parse_target
from simasgd.scenario.reading.false_names import refuse_two_meanings
from simasgd.scenario.reading.marked_message import format_complaint
from simasgd.scenario.reading.overrides import mark_argument, parse_override
from simasgd.scenario.reading.precedence import refuse_contradictions
from simasgd.scenario.reading.sources import read_source
from simasgd.scenario.schema import Scenario
from simasgd.scenario.sweep.section import Budget
from simasgd.scenario.vocabulary.merge import ARGUMENT, Layer
from simasgd.storage.manifest import Contents
from simasgd.sweeps.axes import MOST_POINTS, Axis, combinations, parse, round_off
from simasgd.sweeps.roles import KeyRole, find_role
from simasgd.sweeps.selecting import Condition, select
from simasgd.sweeps.sweep_section import SECTION, put_together, read_block, split_override

_REPEATS = "repeats"


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
class SweepPlan:
    """The points to run. `axes` leave out the seed, which is a column of its own.

    `target` is the test error, or loss, to which times are measured; None: it is chosen later. `budget` is what one
    command may spend. `earlier` are hashes of further scenarios that the folder has had.
    """

    scenario: Scenario
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    command: str
    target: float | None = None
    budget: Budget = field(default_factory=Budget)
    earlier: tuple[str, ...] = ()

    @property
    def contents(self) -> Contents:
        """The contents of the results: the scenarios of all points."""
        return Contents("sweep", tuple(sorted({*(point.scenario.hash() for point in self.points), *self.earlier})), name_code())

    def find_setting(self, point: Point) -> tuple[str, ...]:
        """Return what a point has in common with its repetitions at other seeds."""
        values = zip(self.axes, point.values, strict=True)
        return (point.variant, *(value for axis, value in values if find_role(axis.key) is not KeyRole.CHANCE))


def plan_sweep(
    source: str | Path | Mapping[str, Any] | Layer,
    arguments: Sequence[str],
    command: str = "",
    target: str | None = None,
    variants: Sequence[str] = (),
    only: str | None = None,
) -> SweepPlan:
    """Check every point of a sweep, and the `target` as written, before any runs. Raises ScenarioError.

    The axes are those of the `sweep` section under the arguments (`put_together`). A scenario's variants and
    repeats are points, too; if variants are named, only those. A swept seed replaces the repeats.
    Combinations for which `only` is false are left out; it replaces the section's conditions.
    """
    axes, fixed = parse(arguments)
    file = source if isinstance(source, Layer) else read_source(source)
    refuse_two_meanings(Scenario, arguments, file)
    refuse_contradictions([parse_override(Scenario, change) for change in fixed])
    of_sweep = [change for change in fixed if change.startswith(SECTION)]
    fixed = [change for change in fixed if change not in of_sweep]
    stated, file = read_block(file, of_sweep), file.without(SECTION)
    conditions = [Condition(only)] if only is not None else [] if stated is None else stated.conditions
    constants = dict(map(split_override, fixed))
    if stated is not None:
        axes = put_together(stated, axes, constants, conditions)
    if any(axis.key == "seed" for axis in axes):
        _refuse_repeats(arguments)
        fixed = [f"{_REPEATS}=1", *fixed]
    points: dict[str, Point] = {}
    numbers: dict[str, dict[str, list[float | None]]] = {axis.key: {} for axis in axes}
    shown = [i for i, axis in enumerate(axes) if axis.key != "seed"]
    runs = 0
    for values in select(axes, conditions, constants) if conditions else combinations(axes):
        changes = [change for axis, value in zip(axes, values, strict=True) for change in axis.overrides(value)]
        try:
            scenario = Scenario.from_layer(file, [*fixed, *changes], variants)
        except ScenarioError as error:
            place = shortened(
                printable(" ".join(change if isinstance(change, str) else change.text for change in changes)), 300
            )
            raise ScenarioError(f"{error}\n(at the point {place})" if changes else str(error)) from None
        runs += scenario.num_runs
        if runs > MOST_POINTS:
            raise ScenarioError(f"argument: the sweep has more than {MOST_POINTS:,} points, with all variants and repeats")
        for variant, chosen in scenario.by_variant.items():
            for axis, value in zip(axes, values, strict=True):
                numbers[axis.key][value] = [read_number(chosen, key) for key in axis.keys]
            for single in chosen.repeated():
                point = Point(tuple(values[i] for i in shown), variant, single)
                points.setdefault(f"{point.folder} {point.values} {variant}", point)
    listed = [point.scenario for point in points.values()]
    base = _find_base(file, fixed, variants, points.values())
    return SweepPlan(
        base if stated is None else base.model_copy(update={SECTION: stated.block}),
        tuple(add_numbers(axes[i], numbers[axes[i].key]) for i in shown),
        tuple(points.values()),
        command,
        None if target is None else parse_target(target, *listed),
        Budget() if stated is None else stated.budget,
    )


def _refuse_repeats(arguments: Sequence[str]) -> None:
    """Raise ScenarioError for an argument that repeats the points of a swept seed."""
    for argument in arguments:
        if argument.partition("=")[0].strip() == _REPEATS:
            message = f"the values of seed take the place of repeats; leave {argument} out"
            raise ScenarioError(format_complaint(mark_argument(argument, 0, 0, (_REPEATS,)), message))


def _find_base(file: Layer, fixed: Sequence[str], variants: Sequence[str], points: Iterable[Point]) -> Scenario:
    """Return the scenario that the axes vary.

    If it is not valid without them (a kind whose parameter is swept), return the first point's
    scenario.
    """
    try:
        return Scenario.from_layer(file, fixed, variants)
    except ScenarioError:
        return next(point.scenario for point in points)


def read_number(scenario: Scenario, key: str) -> float | None:
    """Return the number that a scenario has at a key; None if that is none."""
    value: Any = scenario
    for part in key.split("."):
        value = getattr(value, part, None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) else round_off(value)


def add_numbers(axis: Axis, numbers: Mapping[str, list[float | None]]) -> Axis:
    """Return an axis with its numbers, of those values that are left: for each, the number of each of its keys."""
    axis = replace(axis, values=tuple(value for value in axis.values if value in numbers))  # of combinations that are left
    parts = [_find_whole([numbers[value][part] for value in axis.values]) for part in range(len(axis.keys))]
    if len(parts) > 1:
        return replace(axis, parts=tuple(parts))
    first: dict[float, str] = {}
    for value, number in zip(axis.values, parts[0] or (), strict=parts[0] is not None):
        if number in first:
            message, places = f"{first[number]} and {value} are the same value", axis.places.get(value)
            raise ScenarioError(
                f"{ARGUMENT}: {axis.key}: {message}" if places is None else format_complaint(places[0], message, key=axis.key)
            )
        first[number] = value
    return replace(axis, numbers=parts[0])


def _find_whole(numbers: Sequence[float | None]) -> tuple[float, ...] | None:
    """Return numbers if none is missing."""
    known = tuple(number for number in numbers if number is not None)
    return known if len(known) == len(numbers) else None
