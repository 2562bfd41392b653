"""The verdict of a validation in words, as a function of its numbers: for the page, the terminal and validate.json."""

from __future__ import annotations

from collections.abc import Sequence

from simasgd.validation.forms import Phase, QuantityPair, StalenessDistance

_AS_FAST = 0.005
"""The error below which a rate counts as equal."""
_NAMED = 0.02
"""The least fraction of a learner's time by which a phase may differ and be named."""


def state_verdict(
    rate: QuantityPair, counted: str, phases: Sequence[Phase], staleness: StalenessDistance | None, barrier: QuantityPair | None
) -> str:
    """Return sentences on speed, staleness, barriers and the phase that differs most."""
    sentences = [
        _judge_speed(rate, counted),
        "" if staleness is None else _judge_staleness(staleness),
        "" if barrier is None else _judge_barrier(barrier),
        _name_worst_phase(phases),
    ]
    return " ".join(filter(None, sentences))


def _judge_speed(rate: QuantityPair, counted: str) -> str:
    if rate.error is None:
        return "There is no rate to compare."
    halves = "" if rate.halves is None else f", and the measured halves differ by {_percent(rate.halves)}"
    if abs(rate.error) < _AS_FAST:
        differ = f"{counted} gradients per second differ by {_percent(rate.error)}"
        return f"The simulation is as fast as the measured system: {differ}{halves}."
    within = "; this is within what the measured halves differ" if rate.is_within_halves else halves
    if rate.error >= 1.0:
        return f"The simulation is {1.0 + rate.error:.3g} times as fast as the measured system{within}."
    if rate.error <= -0.5:
        return f"The simulation takes {1.0 / (1.0 + rate.error):.3g} times as long as the measured system{within}."
    way = "fast" if rate.error > 0 else "slow"
    return f"The simulation is {_percent(rate.error)} too {way}{within}."


def _judge_staleness(staleness: StalenessDistance) -> str:
    distance = f"total variation distance {_hundredths(staleness.total_variation)}"
    halves = _hundredths(staleness.halves)
    means = f"mean {staleness.simulated_mean:.3g}, measured {staleness.measured_mean:.3g}"
    if staleness.agrees:
        return f"Staleness agrees within what the measured halves differ ({distance}, halves {halves}; {means})."
    return f"Staleness differs by more than the measured halves do ({distance}, halves {halves}; {means})."


def _judge_barrier(barrier: QuantityPair) -> str:
    if barrier.error is None:
        return ""
    cost = f"the slowest learner computes {barrier.simulated:.3g} times as long as the mean, measured {barrier.measured:.3g}"
    if barrier.is_within_halves:
        return f"The cost of barriers agrees within what the measured halves differ: {cost}."
    way = "too high" if barrier.error > 0 else "too low"
    return f"The cost of barriers is {_percent(barrier.error)} {way}: {cost}."


def _name_worst_phase(phases: Sequence[Phase]) -> str:
    """Return the phase whose share of the learners' time differs most, if it differs by enough."""
    known = [
        (phase.name, phase.simulated.share, phase.measured.share) for phase in phases if phase.simulated and phase.measured
    ]
    if not known:
        return ""
    name, simulated, measured = max(known, key=lambda row: abs(row[1] - row[2]))
    if abs(simulated - measured) < _NAMED:
        return f"Each phase's share of the learners' time is within {100 * _NAMED:.0f} points of the measured one."
    shares = f"{_percent(simulated)} of the learners' time, measured {_percent(measured)}"
    return f"Of the phases, {name} differs most: {shares}."


def _percent(fraction: float) -> str:
    """Return a fraction without its sign as per cent, with two digits."""
    value = 100 * abs(fraction)
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %" if value >= 0.01 else "less than 0.01 %"


def _hundredths(value: float) -> str:
    return f"{value:.2g}" if value >= 0.01 or value == 0 else "below 0.01"
