"""What an axis does to a quantity: with the rest as in the best setting, and in all other combinations of the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from itertools import combinations
from typing import NamedTuple, final

from simasgd.report.facts.metric import ERROR as ERROR_METRIC
from simasgd.report.facts.metric import LOSS as LOSS_METRIC
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import compute_amount_tolerance, compute_score_tolerance
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.sweep_facts import ERROR, LOSS, THROUGHPUT, SettingRow, SweepFacts, get_spread, list_rows
from simasgd.results.outcome import Outcome

Tolerance = Callable[[Spread, Spread], float]


class Direction(Enum):
    """Which values of an axis of numbers are clearly better."""

    SMALLER = "smaller"
    LARGER = "larger"
    BETWEEN = "between"
    NONE = "none"
    """None is clearly better, or some smaller ones and some larger ones are, with worse ones between."""


@final
@dataclass(frozen=True)
class AxisComparison:
    """The settings that differ in one axis alone: those that count for the quantity, the best first, and those lost.

    `rest` has the values of the other axes. A setting that did not finish or learn is worse than any that did, if the quantity
    is a score.
    """

    rest: Mapping[str, str]
    sound: tuple[SettingRow, ...]
    lost: tuple[SettingRow, ...]


class SettingPair(NamedTuple):
    """Two settings, the first of them with the better value of the quantity."""

    better: SettingRow
    worse: SettingRow


@final
@dataclass(frozen=True)
class Effect:
    """What an axis does to a quantity: `here` with the rest as in the best setting, `elsewhere` in other combinations."""

    dial: Dial
    quantity: str
    tolerance: Tolerance
    here: AxisComparison | None
    elsewhere: tuple[AxisComparison, ...]

    @property
    def cases(self) -> tuple[AxisComparison, ...]:
        """All cases."""
        return self.elsewhere if self.here is None else (*self.elsewhere, self.here)

    def is_beyond(self, better: SettingRow, worse: SettingRow) -> bool:
        """Return whether a setting is clearly better than another: by more than the difference that counts."""
        first, second = get_spread(better, self.quantity), get_spread(worse, self.quantity)
        assert first is not None
        assert second is not None
        gain = first.mean - second.mean if self.quantity == THROUGHPUT else second.mean - first.mean
        return gain > self.tolerance(first, second)

    def find_widest(self, case: AxisComparison) -> SettingPair | None:
        """Return the two settings that differ most, of those that differ clearly; None if none do."""
        beyond = [SettingPair(*pair) for pair in combinations(case.sound, 2) if self.is_beyond(*pair)]
        return max(beyond, key=lambda pair: abs(pair.worse[self.quantity] - pair.better[self.quantity]), default=None)

    def is_comparable(self, case: AxisComparison) -> bool:
        """Return whether the case has two settings that can be compared."""
        return bool(case.sound) and len(case.sound) + len(self._list_worse(case)) > 1

    def is_moved(self, case: AxisComparison) -> bool:
        """Return whether any two settings of a case differ clearly."""
        return bool(case.sound) and (self.find_widest(case) is not None or bool(self._list_worse(case)))

    def compare(self, case: AxisComparison, first: str, second: str) -> int:
        """Return 1 if the first value of the axis is clearly better, −1 if the second is, and otherwise 0."""
        placed = {row[self.dial.key]: row for row in case.sound}
        lost = {row[self.dial.key] for row in self._list_worse(case)}
        if first in placed and second in placed:
            return self.is_beyond(placed[first], placed[second]) - self.is_beyond(placed[second], placed[first])
        return int(first in placed and second in lost) - int(second in placed and first in lost)

    def find_direction(self, case: AxisComparison) -> Direction:
        """Return which values of an axis of numbers are clearly better."""
        numbers = dict(zip(self.dial.values, self.dial.axis.numbers or (), strict=True))
        values = sorted((row[self.dial.key] for row in (*case.sound, *case.lost)), key=lambda value: numbers[value])
        found = {self.compare(case, smaller, larger) for smaller, larger in combinations(values, 2)} - {0}
        if len(found) < 2:
            return {(): Direction.NONE, (1,): Direction.SMALLER, (-1,): Direction.LARGER}[tuple(found)]
        best = case.sound[0][self.dial.key]
        at = values.index(best)
        is_between = all(
            any(self.compare(case, best, other) == 1 for other in side) for side in (values[:at], values[at + 1 :])
        )
        return Direction.BETWEEN if is_between else Direction.NONE

    def _list_worse(self, case: AxisComparison) -> Sequence[SettingRow]:
        """Return the settings that are worse than any that count, as they did not finish or learn."""
        return case.lost if self.quantity in (ERROR, LOSS) else ()


def measure_effect(dial: Dial, quantity: str, anchor: SettingRow, facts: SweepFacts) -> Effect:
    """Return the effect of an axis on a quantity, beside the setting `anchor` and elsewhere."""
    rest = [other.key for other in facts.varying if other.key != dial.key]
    groups = [group for _, group in facts.settings.groupby(rest, sort=False)] if rest else [facts.settings]
    sign = -1.0 if quantity == THROUGHPUT else 1.0
    cases = []
    for group in groups:
        rows = [row for row in list_rows(group) if str(Outcome.MISSING) not in str(row["outcome"])]
        if len(rows) > 1:
            known = [row for row in rows if row["sound"] and get_spread(row, quantity) is not None]
            known.sort(key=lambda row: sign * float(row[quantity]))
            lost = tuple(row for row in rows if not row["sound"])
            cases.append(AxisComparison({key: rows[0][key] for key in rest}, tuple(known), lost))
    here = next((case for case in cases if all(case.rest[key] == anchor[key] for key in rest)), None)
    elsewhere = tuple(case for case in cases if case is not here)
    return Effect(dial, quantity, choose_tolerance(quantity, facts.test_samples), here, elsewhere)


def choose_tolerance(quantity: str, test_samples: int | None) -> Tolerance:
    """Return the largest difference of means that is within chance, or does not count."""
    if quantity == ERROR:
        metric = ERROR_METRIC
    elif quantity == LOSS:
        metric = LOSS_METRIC
    else:
        return compute_amount_tolerance
    return partial(compute_score_tolerance, metric=metric, test_samples=test_samples)


class Split(NamedTuple):
    """Another axis by whose values the direction of an effect differs: those at which smaller is better, and larger."""

    by: Dial
    smaller: tuple[str, ...]
    larger: tuple[str, ...]


_FEWEST = 2
"""The fewest cases of each direction that are evidence."""
_CLEAR = 0.8
"""The least share of the cases with a direction that agree with the one of their value of the other axis."""


def find_split(effect: Effect, facts: SweepFacts) -> Split | None:
    """Return the axis that tells best whether smaller or larger values are better; None if none tells it.

    It has to tell it for four of five cases that have a direction, and for more of them than one direction for all does. There
    have to be two cases of each.
    """
    known = [(case, effect.find_direction(case)) for case in effect.cases]
    known = [(case, direction) for case, direction in known if direction is not Direction.NONE]

    def count(direction: Direction, key: str = "", value: str = "") -> int:
        return sum(found is direction for case, found in known if not key or case.rest[key] == value)

    alike = max((count(direction) for direction in Direction), default=0)
    best: tuple[int, Split] | None = None
    for by in (dial for dial in facts.varying if dial is not effect.dial):
        kinds = (Direction.SMALLER, Direction.LARGER)
        counts = [[count(kind, by.key, value) for kind in kinds] for value in by.values]
        sides = [(value, less, more) for value, (less, more) in zip(by.values, counts, strict=True)]
        smaller = tuple(value for value, less, more in sides if less > more)
        larger = tuple(value for value, less, more in sides if more > less)
        agreeing = sum(max(less, more) for _, less, more in sides)
        fewest = min(sum(less for _, less, more in sides if less > more), sum(more for _, less, more in sides if more > less))
        is_clear = fewest >= _FEWEST and agreeing > alike and agreeing >= _CLEAR * len(known)
        if is_clear and (best is None or agreeing > best[0]):
            best = agreeing, Split(by, smaller, larger)
    return None if best is None else best[1]
