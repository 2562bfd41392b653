"""The combinations of a sweep's values for which conditions are true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import final

from simasgd.errors import ScenarioError, UsageError
from simasgd.scenario.reading.marked_message import format_complaint
from simasgd.scenario.vocabulary.merge import ARGUMENT, Mark
from simasgd.sweeps.axes import Axis, combinations, read_quantity

_OPTION = f"{ARGUMENT}: only"
_CONDITION = "learners * mini_batch == 128"


@final
@dataclass(frozen=True)
class Condition:
    """A condition over the swept keys, and its place in a file; None if it is from the command line."""

    text: str
    mark: Mark | None = None


def select(
    axes: Sequence[Axis], conditions: Sequence[Condition], fixed: Mapping[str, str] = MappingProxyType({})
) -> list[tuple[str, ...]]:
    """Return the combinations that `filter_true` finds. Raises ScenarioError, too, if there are none."""
    chosen = filter_true(axes, conditions, fixed)
    if not chosen:
        raise make_refusal(axes, conditions, fixed)
    return chosen


def make_refusal(
    axes: Sequence[Axis], conditions: Sequence[Condition], fixed: Mapping[str, str], tried: int | None = None
) -> ScenarioError:
    """Return the error where nothing fulfils the conditions; `tried` counts the draws, if there are any.

    It is about the first condition that nothing fulfils, or else about the first that nothing fulfils together with those
    before it.
    """
    alone = next((one for one in conditions if not filter_true(axes, [one], fixed)), None)
    before: Sequence[Condition] = ()
    wrong = conditions[-1] if alone is None else alone
    if alone is None:
        ends = (end for end in range(2, len(conditions) + 1) if not filter_true(axes, conditions[:end], fixed))
        end = next(ends, len(conditions))
        wrong, before = conditions[end - 1], conditions[: end - 1]
    beside = " and ".join(condition.text for condition in before)
    together = f" together with {beside!r}" if beside else ""
    draws = "" if tried is None else f"; {tried:,} different draws were tried"
    message = f"no combination of the values fulfils {wrong.text!r}{together}{draws}"
    return ScenarioError(f"{_OPTION}: {message}" if wrong.mark is None else format_complaint(wrong.mark, message))


def filter_true(
    axes: Sequence[Axis], conditions: Sequence[Condition], fixed: Mapping[str, str] = MappingProxyType({})
) -> list[tuple[str, ...]]:
    """Return the combinations for which conditions are true; all if there are no conditions.

    A condition is over the swept keys, and over those that are `fixed` for all points, with their values as written.

    The last part of a key is its name in a condition; two keys with the same one have none. Quantities are in seconds,
    bytes and bytes per second. Raises UsageError or ScenarioError if a condition is wrong.
    """
    every = combinations(axes)
    if not conditions:
        return every
    import pandas as pd

    from simasgd.queries.conditions import find_true

    short = Counter(key.rpartition(".")[2] for axis in axes for key in axis.keys)
    columns = {
        key.rpartition(".")[2]: [read_quantity(axis.parts_of(values[place])[part]) for values in every]
        for place, axis in enumerate(axes)
        for part, key in enumerate(axis.keys)
        if short[key.rpartition(".")[2]] == 1
    }
    names = Counter(key.rpartition(".")[2] for key in fixed)
    for key, value in fixed.items():
        name = key.rpartition(".")[2]
        if name not in short and names[name] == 1:
            columns[name] = [read_quantity(value)] * len(every)
    table = pd.DataFrame(columns)
    for condition in conditions:
        try:
            is_true = find_true(table, condition.text, _OPTION, _CONDITION)
        except UsageError as error:
            if condition.mark is None:
                raise
            raise ScenarioError(format_complaint(condition.mark, str(error).removeprefix(f"{_OPTION}: "))) from None
        every = [values for values, is_chosen in zip(every, is_true, strict=True) if is_chosen]
        table = table[is_true].reset_index(drop=True)
    return every
