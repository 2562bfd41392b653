"""The verdict of a validation in words, as a function of its numbers: for the page, the terminal and validate.json."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.validation.causes import name_cause
from simasgd.validation.forms import Phase, QuantityPair, StalenessDistance

_AS_FAST = 0.005
"""The error below which a rate counts as equal."""
_WITHIN = "within the difference of the measured run's two halves"


def state_verdict(
    rate: QuantityPair, counted: str, phases: Sequence[Phase], staleness: StalenessDistance | None, barrier: QuantityPair | None
) -> str:
    """Return sentences on speed, on the phase that differs most, on staleness and on barriers."""
    is_off = rate.error is not None and abs(rate.error) >= _AS_FAST and not rate.is_within_halves
    sentences = [
        _judge_speed(rate, counted),
        name_cause(phases, rate.error if is_off else None),
        "" if staleness is None else _judge_staleness(staleness),
        "" if barrier is None else _judge_barrier(barrier),
    ]
    return " ".join(filter(None, sentences))


def _judge_speed(rate: QuantityPair, counted: str) -> str:
    if rate.error is None:
        return "There is no rate to compare."
    halves = "" if rate.halves is None else f"; the two halves of the measured run differ by {write_percent(rate.halves)}"
    if abs(rate.error) < _AS_FAST:
        differ = f"{counted} gradients per second differ by {write_percent(rate.error)}"
        return f"The simulation is as fast as the measured system: {differ}{halves}."
    within = f", which is {_WITHIN}" if rate.is_within_halves else halves
    if rate.error >= 1.0:
        return f"The simulation is {1.0 + rate.error:.3g} times as fast as the measured system{within}."
    if rate.error <= -0.5:
        return f"The simulation takes {1.0 / (1.0 + rate.error):.3g} times as long as the measured system{within}."
    way = "fast" if rate.error > 0 else "slow"
    return f"The simulation is {write_percent(rate.error)} too {way}{within}."


def _judge_staleness(staleness: StalenessDistance) -> str:
    distance, halves = _hundredths(staleness.total_variation), _hundredths(staleness.halves)
    means = f"{staleness.simulated_mean:.3g}", f"{staleness.measured_mean:.3g}"
    mean = f"has the mean {means[0]} in both runs" if means[0] == means[1] else f"has the mean {means[0]}, measured {means[1]}"
    judged = f"agrees {_WITHIN}" if staleness.agrees else "differs by more than the two halves of the measured run do"
    return f"Staleness {mean}. Its distribution {judged} (total variation distance {distance}, of the halves {halves})."


def _judge_barrier(barrier: QuantityPair) -> str:
    if barrier.error is None:
        return ""
    cost = f"the slowest learner computes {barrier.simulated:.3g} times as long as the mean, measured {barrier.measured:.3g}"
    if barrier.is_within_halves:
        return f"The cost of barriers agrees {_WITHIN}: {cost}."
    way = "too high" if barrier.error > 0 else "too low"
    return f"The cost of barriers is {write_percent(barrier.error)} {way}: {cost}."


def write_percent(fraction: float) -> str:
    """Return a fraction without its sign as per cent, to a tenth."""
    value = f"{100 * abs(fraction):.1f}"
    return f"{value} %" if value != "0.0" or not fraction else "less than 0.1 %"


def _hundredths(value: float) -> str:
    return f"{value:.2g}" if value >= 0.01 or value == 0 else "below 0.01"
