"""The axes, draws and conditions of a scenario's `sweep` section, and those that the command line puts in their place."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, final

from simasgd.errors import ScenarioError
from simasgd.scenario.reading.complaints import format_complaint_at
from simasgd.scenario.reading.keys import resolve_key
from simasgd.scenario.reading.load import build_section
from simasgd.scenario.reading.overrides import parse_override
from simasgd.scenario.schema import Scenario
from simasgd.scenario.sweep.section import Budget, SweepBlock
from simasgd.scenario.vocabulary.merge import Layer, Mark, Path
from simasgd.sweeps.axes import MOST_POINTS, TOGETHER, Axis, make_axis
from simasgd.sweeps.draws import Draw, draw, parse_law
from simasgd.sweeps.selecting import Condition, filter_true, make_refusal
from simasgd.sweeps.spelling import spell_items

SECTION = "sweep"
_MOST_TRIED, _MOST_BATCHES = 100_000, 100
"""The most combinations of draws and other values that are tried: in all, or for each draw asked for if that is more."""
_SHOWN = 200
"""Draws that tell which condition none fulfils."""


@final
@dataclass(frozen=True)
class SweepSection:
    """The `sweep` section of a file, and the file's layer, which has its places."""

    block: SweepBlock
    layer: Layer

    @property
    def budget(self) -> Budget:
        """What one command may spend."""
        return self.block.budget

    @property
    def conditions(self) -> list[Condition]:
        """The conditions, all of which must hold."""
        only = self.block.only
        places: list[Path] = [(SECTION, "only")] if isinstance(only, str) else [(SECTION, "only", i) for i in range(len(only))]
        return [Condition(text, self._mark(place)) for text, place in zip(self.block.conditions, places, strict=True)]

    def list_axes(self) -> list[Axis]:
        """List the axes, and those of groups that vary together. Raises ScenarioError."""
        axes: list[Axis] = []
        for key, values in self.block.axes.items():
            path: Path = (SECTION, "axes", key)
            axes.append(self._make(path, key, values, axes))
        for number, group in enumerate(self.block.zip):
            axes.append(
                self._make((SECTION, "zip", number), TOGETHER.join(group), list(zip(*group.values(), strict=True)), axes)
            )
        return axes

    def draw_axis(
        self, others: Sequence[Axis], taken: Collection[str], conditions: Sequence[Condition], fixed: Mapping[str, str]
    ) -> Axis | None:
        """Return the axis of the draws from the laws of keys that are not `taken`; None without any.

        Each draw fulfils the conditions with some values of the other axes and the `fixed` values. The draws of a key are
        the same whichever other keys are taken. Raises ScenarioError.
        """
        axes, laws, marks, kept = list[Axis](), list[Draw](), list[Mark](), list[int]()
        for number, (key, text) in enumerate(self.block.laws.items()):
            path: Path = (SECTION, "laws", key)
            self._require_key(key, path)
            laws.append(self._complaining(path, parse_law, text))
            if resolve_key(Scenario, key) not in taken:
                axes.append(self._complaining(path, make_axis, key, "0", (*others, *axes)))
                marks.append(self._mark(path))
                kept.append(number)
        if not axes:
            return None
        key, count = TOGETHER.join(axis.key for axis in axes), self.block.random or 0
        draws = map(TOGETHER.join, draw(laws, self.block.seed, kept))
        found, tried = self._choose(draws, lambda batch: [*others, Axis(key, batch)], conditions, fixed)
        if conditions and not found:
            some = tuple(islice(map(TOGETHER.join, draw(laws, self.block.seed, kept)), _SHOWN))
            raise make_refusal([*others, Axis(key, some)], conditions, fixed, tried)
        if len(found) < count:
            few = (
                f"only {len(found)} of {tried:,} different draws fulfil the condition"
                if conditions
                else f"there are only {tried}"
            )
            raise ScenarioError(self._complain((SECTION, "random"), f"{count} draws were asked for, and {few}"))
        axis = self._complaining((SECTION, "laws"), make_axis, key, f"choice({', '.join(found[:count])})", others)
        return Axis(axis.key, axis.values, places=dict.fromkeys(axis.values, tuple(marks)))

    def _choose(
        self,
        draws: Iterator[str],
        make_axes: Callable[[tuple[str, ...]], Sequence[Axis]],
        conditions: Sequence[Condition],
        fixed: Mapping[str, str],
    ) -> tuple[list[str], int]:
        """Return draws that fulfil the conditions, at most as many as are asked for, and how many were tried.

        Batches grow, because a condition that few draws fulfil needs many of them.
        """
        count, found, tried = self.block.random or 0, list[str](), 0
        with_others = math.prod(len(axis.values) for axis in make_axes(("",)))
        most = max(_MOST_TRIED // with_others, _MOST_BATCHES * count)
        size, largest = count, max(count, MOST_POINTS // with_others)
        while len(found) < count and tried < most:
            batch = tuple(islice(draws, min(size, most - tried)))
            if not batch:
                break
            tried += len(batch)
            size = min(2 * size, largest)
            if conditions:
                fulfil = {values[-1] for values in filter_true(make_axes(batch), conditions, fixed)}
                found += [value for value in batch if value in fulfil]
            else:
                found += batch
        return found, tried

    def _make(self, path: Path, key: str, values: Any, others: Sequence[Axis]) -> Axis:
        for part in key.split(TOGETHER):
            self._require_key(part.strip(), (*path, part) if isinstance(path[2], int) else path)
        text = values if isinstance(values, str) else self._complaining(path, spell_items, key, values)
        axis = self._complaining(path, make_axis, key, text, others)
        return Axis(axis.key, axis.values, places=dict(self._place(path, axis, listed=not isinstance(values, str))))

    def _place(self, path: Path, axis: Axis, *, listed: bool) -> Iterable[tuple[str, tuple[Mark, ...]]]:
        """Yield each value of an axis with the place of each of its keys' values."""
        group = list(self.block.zip[path[2]]) if isinstance(path[2], int) else None
        for number, value in enumerate(axis.values):
            if group is not None:
                yield value, tuple(self._mark((*path, key, number)) for key in group)
            else:
                yield value, (self._mark((*path, number) if listed else path),) * len(axis.keys)

    def _mark(self, path: Path) -> Mark:
        return next(self.layer.marks[path[:size]] for size in range(len(path), 0, -1) if path[:size] in self.layer.marks)

    def _complain(self, path: Path, message: str) -> str:
        return format_complaint_at(path, self.layer, message)

    def _require_key(self, key: str, path: Path) -> None:
        try:
            resolve_key(Scenario, key)
        except ValueError as error:
            raise ScenarioError(format_complaint_at(path, self.layer, str(error), at_key=True)) from None

    def _complaining(self, path: Path, make: Any, *arguments: Any) -> Any:
        """Call a function whose ValueError is a mistake at this path."""
        try:
            return make(*arguments)
        except ValueError as error:
            raise ScenarioError(self._complain(path, str(error))) from None


def read_block(file: Layer, overrides: Sequence[str]) -> SweepSection | None:
    """Return the `sweep` section of a file under overrides of its keys; None if it has none. Raises ScenarioError."""
    for override in overrides:
        file = file.under(parse_override(Scenario, override).layer)
    return None if file.tree.get(SECTION) is None else SweepSection(build_section(SweepBlock, file, SECTION), file)


def split_override(override: str) -> tuple[str, str]:
    """Return the key of an override in full, and its value as written. Raises ValueError."""
    key, _, value = override.partition("=")
    return resolve_key(Scenario, key.strip()), value.strip()


def put_together(
    stated: SweepSection, given: Sequence[Axis], fixed: Mapping[str, str], conditions: Sequence[Condition]
) -> list[Axis]:
    """Return the axes of a section under those of the command line.

    A key on the command line takes the place of all that the section says of it: of its axis, of its part in a group,
    or of its law. Other keys are added. Raises ScenarioError.
    """
    taken = {*(key for axis in given for key in axis.keys), *fixed}
    added, axes = list(given), []
    for axis in stated.list_axes():
        for other in [one for one in added if set(one.keys) & set(axis.keys)]:
            axes.append(other)
            added.remove(other)
        rest = axis.without(taken)
        if rest is not None:
            axes.append(rest)
    axes += added
    drawn = stated.draw_axis(axes, taken, conditions, fixed)
    return axes if drawn is None else [*axes, drawn]
