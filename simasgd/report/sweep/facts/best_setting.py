"""The best setting of a sweep, in each part of its world, and what else may be worth it.

The rule: the lowest test error (or loss) counts, and all settings whose error is no worse by more than
the least difference that counts are as good. Among these the soonest is best. Among the soonest the
cheapest is, in learner-hours, and of the cheapest that with the lowest error. Where nothing is learned,
the speed alone decides. With a given target, the setting that reaches it first is best, of those that
reach it at every seed, as in a comparison.

Whoever has less time, or wants less error, finds the whole front of error and time beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import final

from simasgd.report.facts.metric import ERROR as ERROR_METRIC
from simasgd.report.facts.metric import LOSS as LOSS_METRIC
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import SAME_TIME, compute_least_difference
from simasgd.report.sweep.facts.front import find_compromise, find_front
from simasgd.report.sweep.facts.sweep_facts import (
    COST,
    ERROR,
    SECONDS,
    THROUGHPUT,
    TO_TARGET,
    SettingRow,
    SweepFacts,
    get_spread,
    list_rows,
    select,
)


@final
@dataclass(frozen=True, eq=False)
class BestSetting:
    """The best setting in one part of the world.

    `world` are the values of the axes that the reader does not decide. `lowest` has the lowest error;
    `alike` are all settings with as good an error, `lowest` included; `best` is the one to use; `also`
    are those that are as good, as soon and as cheap. No setting beats those on the `front` in error and
    time, the soonest first (empty if all take as long); `compromise` has the least error × time of them.
    If a given target decides (`at_target`), `alike` are those that reach it. `cheapest` reaches the
    target, given or not, with the fewest learner-hours up to it.
    """

    world: tuple[str, ...]
    best: SettingRow
    lowest: SettingRow
    alike: tuple[SettingRow, ...]
    also: tuple[SettingRow, ...]
    front: tuple[SettingRow, ...] = ()
    compromise: SettingRow | None = None
    reaching: tuple[SettingRow, ...] = ()
    at_target: bool = False

    @property
    def cheapest(self) -> SettingRow | None:
        """The setting with the fewest learner-hours up to the target, of those that reach it at every seed."""
        return min(self.reaching, key=count_hours_to_target, default=None)


def count_hours_to_target(row: SettingRow) -> float:
    """Return the learner-hours of a setting up to the target: its mean number of learners × the time to the target."""
    return float(row[COST] / row[SECONDS] * row[TO_TARGET])


def find_answers(facts: SweepFacts) -> list[BestSetting]:
    """Return the best setting in each part of the world that has a sound setting."""
    worlds = product(*(dial.values for dial in facts.world))
    found = ((world, list_rows(select(facts.sound, facts.name_world(world)))) for world in worlds)
    return [answer for world, rows in found if (answer := _choose(world, rows, facts)) is not None]


def find_common(answers: Sequence[BestSetting], facts: SweepFacts) -> SettingRow | None:
    """Return the best row of the first answer whose setting is best, or as good, in all of the world."""
    keys = [dial.key for dial in facts.choices]

    def list_settings(answer: BestSetting) -> list[tuple[str, ...]]:
        return [tuple(row[key] for key in keys) for row in (answer.best, *answer.also)]

    if not answers:
        return None
    everywhere = set.intersection(*(set(list_settings(answer)) for answer in answers))
    rows = (answers[0].best, *answers[0].also)
    return next((row for row in rows if tuple(row[key] for key in keys) in everywhere), None)


def place_in_world(row: SettingRow, answer: BestSetting, facts: SweepFacts) -> SettingRow:
    """Return the row with the choices of `row` in the world of an answer."""
    values = {dial.key: row[dial.key] for dial in facts.choices}
    return list_rows(facts.find(**values, **facts.name_world(answer.world)))[0]


def _choose(world: tuple[str, ...], rows: Sequence[SettingRow], facts: SweepFacts) -> BestSetting | None:
    measure = facts.measure
    known = [row for row in rows if get_spread(row, facts.speed if measure is None else measure) is not None]
    if not known:
        return None
    if measure is None:
        best, *also = _find_cheapest(_find_soonest(known, facts), None)
        return BestSetting(world, best, _find_soonest(known, facts)[0], tuple(known), tuple(also))
    sign = -1 if facts.speed == THROUGHPUT else 1
    lowest = min(known, key=lambda row: (row[measure], sign * row[facts.speed]))
    front = tuple(find_front(known, measure)) if facts.speed == SECONDS else ()
    compromise = find_compromise(front, measure)
    reaching = tuple(sorted((row for row in known if get_spread(row, TO_TARGET)), key=lambda row: float(row[TO_TARGET])))
    at_target = facts.has_given_target and bool(reaching)
    if at_target:
        alike, first = reaching, _find_least(reaching, TO_TARGET)
    else:
        alike = tuple(row for row in known if _is_as_good(row, lowest, measure, facts.test_samples))
        first = _find_soonest(alike, facts)
    best, *also = _find_cheapest(first, measure)
    return BestSetting(world, best, lowest, alike, tuple(also), front, compromise, reaching, at_target)


def find_equal_limits(answer: BestSetting, facts: SweepFacts) -> tuple[float, float] | None:
    """Return up to which score a setting always counts as equal to the lowest, and above which it never does.

    Between the two its spread over the seeds decides; with one seed they are the same. None if nothing is learned.
    """
    measure = facts.measure
    lowest = None if measure is None else get_spread(answer.lowest, measure)
    if lowest is None or measure is None:
        return None
    metric = ERROR_METRIC if measure == ERROR else LOSS_METRIC
    ends = (
        compute_least_difference(lowest._replace(deviation=deviation), lowest, metric, facts.test_samples)
        for deviation in (0.0, math.inf if lowest.seeds > 1 else 0.0)
    )
    low, high = (lowest.mean + end for end in ends)
    return low, high


def _is_as_good(row: SettingRow, best: SettingRow, measure: str, test_samples: int | None) -> bool:
    found, lowest = get_spread(row, measure), get_spread(best, measure)
    assert found is not None
    assert lowest is not None
    metric = ERROR_METRIC if measure == ERROR else LOSS_METRIC
    return found.mean - lowest.mean <= compute_least_difference(found, lowest, metric, test_samples)


def _find_soonest(rows: Sequence[SettingRow], facts: SweepFacts) -> list[SettingRow]:
    """Return the soonest of some settings and those that are as soon, the soonest first."""
    return _find_least(rows, facts.speed, greatest=facts.speed == THROUGHPUT)


def _find_cheapest(rows: Sequence[SettingRow], measure: str | None) -> list[SettingRow]:
    """Return the cheapest of some settings and those that are as cheap; that with the lowest error first."""
    cheapest = _find_least(rows, COST)
    return cheapest if measure is None else sorted(cheapest, key=lambda row: row[measure])


def _find_least(rows: Sequence[SettingRow], quantity: str, *, greatest: bool = False) -> list[SettingRow]:
    known = [row for row in rows if get_spread(row, quantity) is not None]
    if not known:
        return list(rows)
    in_order = sorted(known, key=lambda row: -row[quantity] if greatest else row[quantity])
    best = get_spread(in_order[0], quantity)
    assert best is not None
    return [row for row in in_order if (found := get_spread(row, quantity)) and _is_alike(found, best)]


def _is_alike(first: Spread, second: Spread) -> bool:
    return abs(first.mean - second.mean) <= max(SAME_TIME * min(first.mean, second.mean), min(first.width, second.width))
