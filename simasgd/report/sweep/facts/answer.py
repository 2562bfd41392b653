"""The best setting of a sweep, in each part of its world.

The rule: the lowest test error (or loss) counts, and all settings whose error is no worse by more than
the least difference that counts are as good. Among these the soonest is best. Among the soonest the
cheapest is, in learner-hours, and of the cheapest that with the lowest error. Where nothing is learned,
the speed alone decides. With a given target, the setting that reaches it first is best, of those that
reach it at every seed, as in a comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from typing import final

from simasgd.report.facts.metric import ERROR as ERROR_METRIC
from simasgd.report.facts.metric import LOSS as LOSS_METRIC
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import (
    SAME_TIME,
    compute_amount_tolerance,
    compute_least_difference,
    compute_score_tolerance,
)
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.sweep_facts import (
    COST,
    ERROR,
    LOSS,
    SECONDS,
    THROUGHPUT,
    TO_TARGET,
    Row,
    SweepFacts,
    get_spread,
    list_rows,
    select,
)

MUCH_SOONER = 2.0
"""A setting is much sooner if it takes at most this part of the time of the best one."""
_MOST_WORSE = 0.05  # the greatest difference of test errors of a setting that is named because it is much sooner
_MOST_RATIO = 2.0  # of test losses


@final
@dataclass(frozen=True, eq=False)
class Answer:
    """The best setting in one part of the world.

    `world` are the values of the axes that the reader does not decide. `lowest` has the lowest error;
    `alike` are all settings with as good an error, `lowest` included; `best` is the one to use; `also`
    are those that are as good, as soon and as cheap. `quick` is much sooner than `best`, and not
    much worse. If a given target decides (`at_target`), `alike` are those that reach it, and nothing is `quick`.
    """

    world: tuple[str, ...]
    best: Row
    lowest: Row
    alike: tuple[Row, ...]
    also: tuple[Row, ...]
    quick: Row | None
    at_target: bool = False


def find_answers(facts: SweepFacts) -> list[Answer]:
    """Return the best setting in each part of the world that has a sound setting."""
    worlds = product(*(dial.values for dial in facts.world))
    found = ((world, list_rows(select(facts.sound, facts.name_world(world)))) for world in worlds)
    return [answer for world, rows in found if (answer := _choose(world, rows, facts)) is not None]


def find_common(answers: Sequence[Answer], facts: SweepFacts) -> Row | None:
    """Return the best row of the first answer whose setting is best, or as good, in all of the world."""
    keys = [dial.key for dial in facts.choices]

    def list_settings(answer: Answer) -> list[tuple[str, ...]]:
        return [tuple(row[key] for key in keys) for row in (answer.best, *answer.also)]

    if not answers:
        return None
    everywhere = set.intersection(*(set(list_settings(answer)) for answer in answers))
    rows = (answers[0].best, *answers[0].also)
    return next((row for row in rows if tuple(row[key] for key in keys) in everywhere), None)


def place_in_world(row: Row, answer: Answer, facts: SweepFacts) -> Row:
    """Return the row with the choices of `row` in the world of an answer."""
    values = {dial.key: row[dial.key] for dial in facts.choices}
    return list_rows(facts.find(**values, **facts.name_world(answer.world)))[0]


def _choose(world: tuple[str, ...], rows: Sequence[Row], facts: SweepFacts) -> Answer | None:
    if facts.measure is None:
        known = [row for row in rows if get_spread(row, facts.speed) is not None]
        if not known:
            return None
        alike, lowest = tuple(known), _find_soonest(known, facts)[0]
    else:
        known = [row for row in rows if get_spread(row, facts.measure) is not None]
        if not known:
            return None
        measure = facts.measure
        sign = -1 if facts.speed == THROUGHPUT else 1
        lowest = min(known, key=lambda row: (row[measure], sign * row[facts.speed]))
        reaching = tuple(row for row in known if get_spread(row, TO_TARGET) is not None)
        if facts.has_given_target and reaching:
            best, *also = _find_cheapest(_find_least(reaching, TO_TARGET), measure)
            return Answer(world, best, lowest, reaching, tuple(also), None, at_target=True)
        alike = tuple(row for row in known if _is_as_good(row, lowest, measure, facts.test_samples))
    best, *also = _find_cheapest(_find_soonest(alike, facts), facts.measure)
    return Answer(world, best, lowest, alike, tuple(also), _find_quick(known, best, facts))


def _is_as_good(row: Row, best: Row, measure: str, test_samples: int | None) -> bool:
    found, lowest = get_spread(row, measure), get_spread(best, measure)
    assert found is not None
    assert lowest is not None
    metric = ERROR_METRIC if measure == ERROR else LOSS_METRIC
    return found.mean - lowest.mean <= compute_least_difference(found, lowest, metric, test_samples)


def _find_soonest(rows: Sequence[Row], facts: SweepFacts) -> list[Row]:
    """Return the soonest of some settings and those that are as soon, the soonest first."""
    return _find_least(rows, facts.speed, greatest=facts.speed == THROUGHPUT)


def _find_cheapest(rows: Sequence[Row], measure: str | None) -> list[Row]:
    """Return the cheapest of some settings and those that are as cheap; that with the lowest error first."""
    cheapest = _find_least(rows, COST)
    return cheapest if measure is None else sorted(cheapest, key=lambda row: row[measure])


def _find_least(rows: Sequence[Row], quantity: str, *, greatest: bool = False) -> list[Row]:
    known = [row for row in rows if get_spread(row, quantity) is not None]
    if not known:
        return list(rows)
    in_order = sorted(known, key=lambda row: -row[quantity] if greatest else row[quantity])
    best = get_spread(in_order[0], quantity)
    assert best is not None
    return [row for row in in_order if (found := get_spread(row, quantity)) and _is_alike(found, best)]


def _is_alike(first: Spread, second: Spread) -> bool:
    return abs(first.mean - second.mean) <= max(SAME_TIME * min(first.mean, second.mean), min(first.width, second.width))


def _find_quick(rows: Sequence[Row], best: Row, facts: SweepFacts) -> Row | None:
    """Return the soonest setting that takes at most half of the best one's time, and is not much worse.

    Of those that are as soon it is that with the lowest error.
    """
    measure = facts.measure
    if measure is None or facts.speed == THROUGHPUT:
        return None
    worst = best[measure] + _MOST_WORSE if measure == ERROR else best[measure] * _MOST_RATIO
    able = [row for row in rows if row[measure] <= worst and row[facts.speed] * MUCH_SOONER <= best[facts.speed]]
    return min(_find_soonest(able, facts), key=lambda row: row[measure], default=None)


def find_front(rows: Sequence[Row], measure: str) -> list[Row]:
    """Return the settings that no other beats in error and simulated time, the soonest first."""
    known = sorted(
        (row for row in rows if get_spread(row, measure) is not None and get_spread(row, SECONDS) is not None),
        key=lambda row: (row[SECONDS], row[measure]),
    )
    front: list[Row] = []
    for row in known:
        if not front or row[measure] < front[-1][measure]:
            front.append(row)
    return front


@final
@dataclass(frozen=True)
class Effect:
    """What an axis does to a quantity, with the rest as in the best setting, and elsewhere.

    `low` and `high` are the values of the axis whose quantities differ most, of those that differ by more than the difference
    that counts. If `is_beyond` is false there are none, and the two are where the quantity is lowest and highest. `at_ends`
    says whether no value has a lower or higher one. Others are the other settings of the rest of the axes. `both` counts
    those that have the quantity at both values, and `likewise` those of them in which it is lower at `low` by more than the
    difference that counts. `others` counts those that have it at any two values, and `moved` those of them in which
    any two differ by more.
    """

    quantity: str
    low: str
    high: str
    least: float
    greatest: float
    is_beyond: bool
    at_ends: bool
    likewise: int
    both: int
    moved: int
    others: int


def measure_effect(
    dial: Dial, quantity: str, anchor: Row, facts: SweepFacts, tolerance: Callable[[Spread, Spread], float]
) -> Effect | None:
    """Return the effect of an axis; None if no two of its values can be compared where the rest is as in the anchor."""

    def is_beyond(low: Row, high: Row) -> bool:
        least, greatest = get_spread(low, quantity), get_spread(high, quantity)
        assert least is not None
        assert greatest is not None
        return greatest.mean - least.mean > tolerance(least, greatest)

    def find_widest(rows: Sequence[Row]) -> tuple[Row, Row] | None:
        beyond = [pair for pair in combinations(rows, 2) if is_beyond(*pair)]
        return max(beyond, key=lambda pair: pair[1][quantity] - pair[0][quantity], default=None)

    rest = [other.key for other in facts.varying if other.key != dial.key]
    sound = facts.sound.dropna(subset=[quantity])
    found = [list_rows(group) for _, group in sound.groupby(rest, sort=False)] if rest else [list_rows(sound)]
    groups = [sorted(rows, key=lambda row: row[quantity]) for rows in found if len(rows) > 1]
    here = next((rows for rows in groups if all(rows[0][key] == anchor[key] for key in rest)), None)
    if here is None:
        return None
    widest = find_widest(here)
    low, high = widest or (here[0], here[-1])
    others = [rows for rows in groups if rows is not here]
    placed = [{row[dial.key]: row for row in rows} for rows in others]
    pairs = [(rows[low[dial.key]], rows[high[dial.key]]) for rows in placed if low[dial.key] in rows and high[dial.key] in rows]
    return Effect(
        quantity,
        low[dial.key],
        high[dial.key],
        float(low[quantity]),
        float(high[quantity]),
        widest is not None,
        at_ends=(low[quantity], high[quantity]) == (here[0][quantity], here[-1][quantity]),
        likewise=sum(is_beyond(*pair) for pair in pairs),
        both=len(pairs),
        moved=sum(find_widest(rows) is not None for rows in others),
        others=len(others),
    )


def choose_tolerance(quantity: str, test_samples: int | None) -> Callable[[Spread, Spread], float]:
    """Return the largest difference of means that is within chance, or does not count."""
    if quantity == ERROR:
        metric = ERROR_METRIC
    elif quantity == LOSS:
        metric = LOSS_METRIC
    else:
        return compute_amount_tolerance
    return partial(compute_score_tolerance, metric=metric, test_samples=test_samples)
