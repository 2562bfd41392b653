"""The Pareto front of error and simulated time, and the best compromise on it."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.report.sweep.facts.sweep_facts import SECONDS, SettingRow, get_spread


def find_front(rows: Sequence[SettingRow], measure: str) -> list[SettingRow]:
    """Return the settings that no other beats in error and simulated time, the soonest first."""
    known = sorted(
        (row for row in rows if get_spread(row, measure) is not None and get_spread(row, SECONDS) is not None),
        key=lambda row: (row[SECONDS], row[measure]),
    )
    front: list[SettingRow] = []
    for row in known:
        if not front or row[measure] < front[-1][measure]:
            front.append(row)
    return front


def find_compromise(front: Sequence[SettingRow], measure: str) -> SettingRow | None:
    """Return the setting of the front with the least error × time; None if it is no choice between several.

    So half of the time is worth twice the error, at any scale of the two. A loss that is not positive has no such product.
    """
    if len(front) < 2 or min(float(row[measure]) for row in front) <= 0.0:
        return None
    return min(front, key=lambda row: float(row[measure]) * float(row[SECONDS]))
