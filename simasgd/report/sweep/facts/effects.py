"""What an axis does to a quantity: with the rest as in the best setting, and elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import final

from simasgd.report.facts.metric import ERROR as ERROR_METRIC
from simasgd.report.facts.metric import LOSS as LOSS_METRIC
from simasgd.report.facts.spread import Spread
from simasgd.report.facts.tolerances import compute_amount_tolerance, compute_score_tolerance
from simasgd.report.sweep.facts.dials import Dial
from simasgd.report.sweep.facts.sweep_facts import ERROR, LOSS, Row, SweepFacts, get_spread, list_rows


@final
@dataclass(frozen=True)
class Effect:
    """What an axis does to a quantity, with the rest as in the best setting, and elsewhere.

    `low` and `high` are the values of the axis whose quantities differ most, of those that differ by more than the difference
    that counts. If `is_beyond` is false there are none, and the two are where the quantity is lowest and highest. `at_ends`
    says whether no value has a lower or higher one. Elsewhere are the other combinations of the other axes. `both` counts
    those that have the quantity at both values; in `likewise` of them it is lower at `low`, and in `reverse` at `high`, by
    more than the difference that counts. `others` counts those that have it at any two values, and `moved` those of them in
    which any two differ by more.
    """

    quantity: str
    low: str
    high: str
    least: float
    greatest: float
    is_beyond: bool
    at_ends: bool
    likewise: int
    reverse: int
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
        reverse=sum(is_beyond(*pair[::-1]) for pair in pairs),
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
