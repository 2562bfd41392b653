"""The simplest description of a set of settings over the axes: conditions on one axis, or on two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from simasgd.report.sweep.facts.dials import Dial

MOST_PATTERNS = 3
_FEW = 0.1
"""The greatest share of exceptions of a pattern."""
_EXCEPTION, _SECOND = 2.0, 0.5
"""The weights of an exception and of a second condition, against a setting that a pattern describes."""
_MOST_BOUNDS = 12
"""The most values of an axis at which a condition begins."""

Mask = npt.NDArray[np.bool_]


class AxisCondition(NamedTuple):
    """A condition on one axis: in words, and the values that meet it."""

    dial: Dial
    words: str
    values: frozenset[str]


@final
@dataclass(frozen=True)
class Pattern:
    """One or two conditions: how many of the settings that meet them are of the set, and how many meet them."""

    conditions: tuple[AxisCondition, ...]
    found: int
    total: int

    @property
    def words(self) -> str:
        """The conditions in words: `learning rate 0.1 or more and 16 learners or more`."""
        return " and ".join(condition.words for condition in self.conditions)


def find_patterns(rows: pd.DataFrame, chosen: Mask, dials: Sequence[Dial]) -> tuple[list[Pattern], Mask]:
    """Return patterns that describe the chosen rows, and which of these no pattern describes.

    Each pattern describes two rows or more that no earlier one does, and at most a tenth of the rows that meet it are not
    chosen. The first describes most: a row that it describes counts 1, an exception −2, and a second condition −½.
    """
    conditions = [condition for dial in dials for condition in _list_conditions(dial)]
    left = chosen.copy()
    if not conditions or chosen.all():
        return [], left
    met = np.array([rows[one.dial.key].isin(one.values) for one in conditions])
    owners = np.array([dials.index(one.dial) for one in conditions])
    is_pair = (owners[:, None] < owners[None, :]) | np.eye(len(conditions), dtype=bool)
    extra = np.where(np.eye(len(conditions), dtype=bool), 0.0, _SECOND)
    total, hits = _count(met, np.ones_like(chosen)), _count(met, chosen)
    is_able = is_pair & (total > 0) & (total - hits <= _FEW * total)
    patterns: list[Pattern] = []
    while len(patterns) < MOST_PATTERNS:
        new = _count(met, left)
        worth = np.where(is_able & (new > 1), new - _EXCEPTION * (total - hits) - extra + 1e-3 * hits, -np.inf)
        i, j = np.unravel_index(int(np.argmax(worth)), worth.shape)
        if worth[i, j] <= 1.0:
            break
        both = tuple(conditions[at] for at in dict.fromkeys((int(i), int(j))))
        patterns.append(Pattern(both, int(hits[i, j]), int(total[i, j])))
        left &= ~(met[i] & met[j])
    return patterns, left


def _count(met: npt.NDArray[np.bool_], rows: Mask) -> npt.NDArray[np.float64]:
    """Return for each pair of conditions how many of the rows meet both."""
    among = (met & rows).astype(float)
    return np.asarray(among @ among.T)


def _list_conditions(dial: Dial) -> list[AxisCondition]:
    """Return the conditions on an axis: each value, all but one, and of numbers those from or up to a value."""
    values = list(dial.values)
    single = [AxisCondition(dial, dial.say(value), frozenset([value])) for value in values]
    if dial.axis.numbers is None:
        if len(values) < 3:
            return single
        every = frozenset(values)
        return [*single, *(AxisCondition(dial, f"any {dial.name} but {dial.labels[one]}", every - {one}) for one in values)]
    ordered = [value for _, value in sorted(zip(dial.axis.numbers, values, strict=True))]
    step = -(-len(ordered) // _MOST_BOUNDS)
    bounds = range(1, len(ordered) - 1, step)
    above = [AxisCondition(dial, f"{dial.say(ordered[i])} or more", frozenset(ordered[i:])) for i in bounds]
    below = [AxisCondition(dial, f"{dial.say(ordered[i])} or less", frozenset(ordered[: i + 1])) for i in bounds]
    ends = [one for one in single if one.values <= {ordered[0], ordered[-1]}]
    return [*ends, *above, *below]
