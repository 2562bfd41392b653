"""Whether learning rate × staleness tells which settings of a sweep learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simasgd.report.sweep.facts.sweep_facts import STALENESS, SettingRow, SweepFacts

RATE = "learning.optimizer.learning_rate"
_FEW = 0.1
"""The greatest share of exceptions, of the settings that learn and of those that do not."""
_LEAST = 3
"""The fewest settings of each kind that are evidence."""


class Cause(NamedTuple):
    """A bound on learning rate × mean staleness: how many settings do not learn of those from it on, and below.

    `bound` is the least value above it that a setting has, and `under` the greatest one below.
    """

    bound: float
    under: float
    lost_above: int
    above: int
    lost_below: int
    below: int


def find_cause(lost: Sequence[SettingRow], learned: Sequence[SettingRow], facts: SweepFacts) -> Cause | None:
    """Return the bound that parts the settings that do not learn from those that do; None without evidence.

    At most a tenth of each are on the wrong side, and fewer than the learning rate alone puts there. A modulation lowers
    the rate of stale gradients, so nothing is said beside one.
    """
    rates = _read_rates(facts)
    if rates is None or min(len(lost), len(learned)) < _LEAST:
        return None
    known = [row for row in (*lost, *learned) if float(row[STALENESS]) == float(row[STALENESS])]
    if len(known) < len(lost) + len(learned):
        return None
    number = [rates(row) for row in known]
    is_lost = [True] * len(lost) + [False] * len(learned)
    product = [rate * float(row[STALENESS]) for rate, row in zip(number, known, strict=True)]
    bound, wrong = _part(product, is_lost)
    if wrong >= _part(number, is_lost)[1]:
        return None
    above = [lost_here for value, lost_here in zip(product, is_lost, strict=True) if value >= bound]
    if len(above) == len(known):
        return None
    under = max(value for value in product if value < bound)
    cause = Cause(bound, under, sum(above), len(above), len(lost) - sum(above), len(known) - len(above))
    misplaced = max(cause.lost_below / len(lost), (cause.above - cause.lost_above) / len(learned))
    return cause if misplaced <= _FEW else None


def _part(values: Sequence[float], is_lost: Sequence[bool]) -> tuple[float, int]:
    """Return the bound with the fewest settings on the wrong side, and their number; the bound is one of the values."""
    found = [
        (sum((value >= bound) != lost for value, lost in zip(values, is_lost, strict=True)), bound)
        for bound in sorted(set(values))
    ]
    wrong, bound = min(found)
    return bound, wrong


class _Rates(NamedTuple):
    """The learning rates of settings: fixed, or by the value of an axis."""

    key: str
    numbers: dict[str, float]
    fixed: float

    def __call__(self, row: SettingRow) -> float:
        return self.numbers[row[self.key]] if self.key else self.fixed


def _read_rates(facts: SweepFacts) -> _Rates | None:
    """Return the learning rates; None if they cannot be read from the axes, or a modulation changes them."""
    scenario = facts.sweep.scenario
    if scenario.learning is None or scenario.modulation.symbol:
        return None
    keys = {key for dial in facts.dials for key in dial.axis.keys}
    if any(key.startswith(("variant", "learning.modulation", "learning.data", "learning.model")) for key in keys):
        return None
    if keys.intersection({"learning", "learning.optimizer", "learning.optimizer.kind"}):
        return None
    for dial in facts.varying:
        if RATE in dial.axis.keys:
            axis = dial.axis
            numbers = axis.numbers if len(axis.keys) == 1 else axis.parts[axis.keys.index(RATE)] if axis.parts else None
            return None if numbers is None else _Rates(dial.key, dict(zip(axis.values, map(float, numbers), strict=True)), 0.0)
    return _Rates("", {}, scenario.learning.optimizer.learning_rate)
