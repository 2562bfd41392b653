"""A sweep into the folder of an earlier one over other axes: the points of both, over the axes of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from simasgd.errors import SimasgdError
from simasgd.results.contents import read_scenario
from simasgd.results.identity import name_content
from simasgd.scenario.reading.overrides import names_modulation, names_protocol
from simasgd.scenario.schema import Scenario
from simasgd.storage.manifest import MANIFEST, Manifest
from simasgd.storage.work_folder import POINTS, PURPOSE, WORK
from simasgd.sweeps.axes import TOGETHER, Axis, round_off
from simasgd.sweeps.plan import Point, SweepPlan, add_numbers, read_number
from simasgd.sweeps.spelling import spell_value
from simasgd.sweeps.table import AND, Sweep

_NOT_COMPARED = ("name", "title", "seed", "repeats", "sweep")

Finder = Callable[[Scenario, str], Any]
"""Finds the value of a scenario at a key."""
Texts = dict[str, dict[str, str]]
"""The text of each value of a key, by the key and by the value in a form that can be compared."""


def join(plan: SweepPlan, folder: Path) -> SweepPlan:
    """Return a plan with the points of an earlier sweep that `folder` holds, if both vary the same scenario.

    Only points count that are there. Values of keys that one of the two sweeps does not vary are those of the scenario.
    """
    manifests = [found for path in (folder / MANIFEST, folder / WORK / PURPOSE) if (found := Manifest.read(path)) is not None]
    if not manifests or all(plan.contents.cover(manifest.contents) for manifest in manifests):
        return plan
    if any(manifest.contents.kind != plan.contents.kind for manifest in manifests):
        return plan
    try:
        earlier = Sweep.load(folder)
    except SimasgdError:  # damaged, or without its table: whoever opens the folder says so
        return plan
    keys = list(dict.fromkeys(key for axis in (*plan.axes, *earlier.axes) for key in axis.keys))
    if _strip(plan.scenario, keys) != _strip(earlier.scenario, keys):
        return plan
    hashes = {one for manifest in manifests for one in manifest.contents.parameters}
    further = list(_read_points(plan, earlier, folder))
    texts: Texts = {key: {} for key in keys}
    find = _find_with_modulation if any(map(_has_modulations, (*plan.axes, *earlier.axes))) else _find
    for point in plan.points:
        _note(texts, find, point.scenario, plan.axes, point.values)
    for scenario, _, values in further:
        _note(texts, find, scenario, earlier.axes, values)
    is_alike = {axis.key for axis in plan.axes} == {axis.key for axis in earlier.axes}
    groups = [axis.keys for axis in plan.axes] if is_alike else [(key,) for key in keys]
    scenarios = [*((point.scenario, point.variant) for point in plan.points), *((one, variant) for one, variant, _ in further)]
    known: dict[tuple[tuple[str, ...], str, int], Point] = {}
    for one, variant in scenarios:  # 25 us and 0.025 ms have two folders but are one point: that of the plan
        point = Point(tuple(_write(find, one, group, texts) for group in groups), variant, one)
        known.setdefault((point.values, variant, one.seed), point)
    points = tuple(known.values())
    axes = tuple(_make_axis(group, i, points) for i, group in enumerate(groups))
    commands = [command for command in earlier.command.split(AND) if command not in ("", plan.command)]
    return replace(
        plan, axes=axes, points=points, command=AND.join([*commands, plan.command] if further else [plan.command]),
        earlier=tuple(sorted(hashes)),
    )  # fmt: skip


def _strip(scenario: Scenario, keys: Collection[str]) -> dict[str, Any]:
    """Return the values of a scenario that both sweeps must share."""
    tree = {key: value for key, value in scenario.resolved().items() if key not in _NOT_COMPARED}
    for key in keys:
        *parents, last = key.split(".")
        part: Any = tree
        for parent in parents:
            part = part.get(parent) if isinstance(part, dict) else None
        if isinstance(part, dict):
            part.pop(last, None)
    return tree


def _read_points(plan: SweepPlan, earlier: Sweep, folder: Path) -> Iterator[tuple[Scenario, str, tuple[str, ...]]]:
    """Yield the earlier points that the plan does not have: the scenario, the variant, and the values as written."""
    known = {point.folder for point in plan.points}
    written = [(axis.key, {cell: value for value, cell in axis.columns()[axis.key].items()}) for axis in earlier.axes]
    for row in earlier.points[earlier.points["error"] == ""].to_dict("records"):
        home = folder / row["folder"]
        if home.name in known or home.parent.name != POINTS:
            continue
        try:
            scenario = read_scenario(home)
        except SimasgdError:
            continue
        if name_content(scenario) == home.name:  # otherwise another version of the program computed it
            yield scenario, row["variant"], tuple(values[row[key]] for key, values in written)


def _note(texts: Texts, find: Finder, scenario: Scenario, axes: Sequence[Axis], values: Sequence[str]) -> None:
    for axis, value in zip(axes, values, strict=True):
        for key, part in zip(axis.keys, axis.parts_of(value), strict=True):
            texts[key].setdefault(_compare(find(scenario, key)), part)


def _write(find: Finder, scenario: Scenario, group: Sequence[str], texts: Texts) -> str:
    return TOGETHER.join(
        texts[key].get(_compare(find(scenario, key)), "") or _spell(scenario, key, _find(scenario, key)) for key in group
    )


def _has_modulations(axis: Axis) -> bool:
    """Return whether values of an axis are protocols with modulations, such as `async+inverse-staleness`."""
    parts = zip(*map(axis.parts_of, axis.values), strict=True)
    return any(names_protocol(key) and any(map(names_modulation, own)) for key, own in zip(axis.keys, parts, strict=True))


def _find(scenario: Scenario, key: str) -> Any:
    """Return the value of a key; None where the scenario has no such key."""
    value: Any = scenario
    for part in key.split("."):
        value = getattr(value, part, None)
    return value


def _find_with_modulation(scenario: Scenario, key: str) -> Any:
    """Return the value of a key; of a protocol that, and the modulation beside it."""
    value = _find(scenario, key)
    if not names_protocol(key) or scenario.learning is None:
        return value
    return [one.model_dump(mode="json") for one in (scenario.protocol, scenario.modulation)]


def _compare(value: Any) -> str:
    """Return a text that is equal for equal values, and for those that differ by the noise of a unit's factor only."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        return json.dumps(plain, sort_keys=True, default=str)
    return repr(float(value) if isinstance(value, int) else round_off(value))


def _spell(scenario: Scenario, key: str, value: Any) -> str:
    """Return the value of a key as it would be written."""
    if isinstance(value, BaseModel):
        kind = getattr(value, "kind", None)
        changed = {**({} if kind is None else {"kind": kind}), **value.model_dump(mode="json", exclude_defaults=True)}
        return spell_value(kind if list(changed) == ["kind"] else changed)
    tree: Any = scenario.resolved()
    for part in key.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return spell_value(tree)


def _make_axis(group: Sequence[str], place: int, points: Sequence[Point]) -> Axis:
    """Return an axis with the values that the points have at its place, in their order if they are numbers."""
    numbers = {point.values[place]: [read_number(point.scenario, key) for key in group] for point in points}
    axis = add_numbers(Axis(TOGETHER.join(group), tuple(numbers)), numbers)
    if axis.numbers is None:
        return axis
    pairs = sorted(zip(axis.numbers, axis.values, strict=True))
    return replace(axis, values=tuple(value for _, value in pairs), numbers=tuple(number for number, _ in pairs))
