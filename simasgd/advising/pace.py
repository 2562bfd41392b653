"""The timing of a candidate from a short simulation without any learning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import stdtrit

from simasgd.scenario.alike import clock_of
from simasgd.scenario.record import Record
from simasgd.scenario.schema import Scenario
from simasgd.scenario.workload import Stop
from simasgd.timing import simulate_timing

_LEAST, _ROUNDS = 800, 64
"""The gradients of a short simulation: in all, or of each learner if that is more, but no more than the whole run."""
_BATCHES, _CONFIDENCE = 9, 0.95
_WARM_UP = 0.1
"""The part of the samples at the beginning that is left out."""


@final
@dataclass(frozen=True)
class SamplePace:
    """How fast a configuration works through its samples, whatever they teach.

    `low` and `high` are the ends of a 95 % interval of the seconds per epoch. `problem` says why there is no pace; "" if there
    is one.
    """

    seconds_per_epoch: float
    low: float
    high: float
    staleness: float
    samples_per_update: float
    gradients: int
    problem: str = ""


def measure_paces(scenarios: Sequence[Scenario]) -> list[SamplePace]:
    """Return the pace of each scenario. Those with one clock are simulated once."""
    known: dict[str, SamplePace] = {}
    found = []
    for scenario in scenarios:
        short = _shorten(scenario)
        name = clock_of(short)
        if name not in known:
            known[name] = _measure(short)
        found.append(known[name])
    return found


def _shorten(scenario: Scenario) -> Scenario:
    size, epoch, epochs = scenario.workload.mini_batch, scenario.samples_per_epoch, scenario.stop.epochs
    assert epoch is not None
    assert epochs is not None
    most = max(_LEAST, _ROUNDS * scenario.cluster.learners)
    gradients = min(most, math.ceil(epochs * epoch / size)) if isinstance(size, int) else most
    return scenario.model_copy(update={"stop": Stop(gradients=gradients), "record": Record()})


def _measure(short: Scenario) -> SamplePace:
    timing = simulate_timing(short, lambda phase, fraction: None)
    clock, tape, epoch = timing.clock, timing.tape, short.samples_per_epoch
    assert tape is not None
    assert epoch is not None
    counted = sum(timing.staleness.values())
    staleness = sum(age * many for age, many in timing.staleness.items()) / counted if counted else 0.0
    if clock.hang is not None or not clock.gradients_applied or clock.simulated_seconds <= 0.0:
        idle = "it takes no simulated time" if clock.gradients_applied else "it applies no gradient"
        reason = idle if clock.hang is None else f"it hangs: {clock.hang.reason}"
        return SamplePace(math.inf, math.inf, math.inf, staleness, 1.0, clock.gradients_applied, reason)
    samples = np.asarray(tape.samples_before, float)
    times = np.concatenate([[0.0], tape.stepped_at])
    mean, low, high = _rate(samples, times)
    per_update = float(samples[-1]) / max(1, clock.updates)
    return SamplePace(mean * epoch, low * epoch, high * epoch, staleness, per_update, clock.gradients_applied)


def _rate(samples: np.ndarray, times: np.ndarray) -> tuple[float, float, float]:
    """Return the seconds per sample, and the ends of their interval, by the method of batch means.

    Batches of equal samples are long enough to be nearly independent (Law, Simulation Modeling and Analysis, 9.5.3).
    """
    marks = np.linspace(_WARM_UP * samples[-1], samples[-1], _BATCHES + 1)
    # At equal samples (rows that only mix) the first row counts.
    first = np.concatenate([[True], np.diff(samples) > 0])
    rates = np.diff(np.interp(marks, samples[first], times[first])) / np.diff(marks)
    mean = float(rates.mean())
    half = float(stdtrit(_BATCHES - 1, 0.5 + _CONFIDENCE / 2) * rates.std(ddof=1) / math.sqrt(_BATCHES))
    return mean, max(0.0, mean - half), mean + half
