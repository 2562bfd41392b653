"""The target of a comparison or a sweep: the score to which times are measured."""

from __future__ import annotations

from collections.abc import Iterable

ROUND_NUMBERS = ("1", "1.2", "1.5", "2", "2.5", "3", "4", "5", "6", "8")


def choose_target(levels: Iterable[float]) -> float | None:
    """Return the second-best level, or the only one, rounded up; None if there is none."""
    in_order = sorted(levels)
    return round_up(in_order[:2][-1]) if in_order else None


def round_up(value: float) -> float:
    """Round up to a number with few digits; return a number that is not positive unchanged."""
    if value <= 0.0:
        return value
    exponent = int(f"{value:e}".partition("e")[2])
    steps = (float(f"{step}e{power}") for power in (exponent, exponent + 1) for step in ROUND_NUMBERS)
    return next(step for step in steps if step >= value)
