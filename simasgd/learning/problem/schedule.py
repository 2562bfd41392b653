"""The factor of the learning rate that a schedule prescribes at each step of a tape."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64

from simasgd.scenario.learning.data import samples_of_epochs
from simasgd.scenario.learning.schedule import Decay, Schedule
from simasgd.tape.arrays import Floats, Ints
from simasgd.tape.tape import Tape


def schedule_factors(schedule: Schedule | None, tape: Tape, samples_per_epoch: int) -> Float[Floats, " U"]:
    """Return the schedule's factor of the learning rate at each of the U steps.

    The samples applied before a step decide. Warm-up counts the step's own samples, too.
    """
    return factors_at(schedule, tape.samples_before[:-1], tape.samples_before[1:], samples_per_epoch)


def factors_at(
    schedule: Schedule | None, before: Int64[Ints, " U"], after: Int64[Ints, " U"], samples_per_epoch: int
) -> Float[Floats, " U"]:
    """Return the schedule's factor at steps, given the samples applied `before` and `after` each."""
    factors: Floats = np.ones(len(before))
    if schedule is None:
        return factors
    if schedule.factor is not None:
        boundaries = [samples_of_epochs(boundary, samples_per_epoch) for boundary in schedule.boundaries]
        passed = np.searchsorted(boundaries, before, side="right")
        factors = np.power(schedule.factor, passed.astype(np.float64))
    if schedule.warmup is not None:
        factors = factors * np.minimum(1.0, after / samples_of_epochs(schedule.warmup, samples_per_epoch))
    if schedule.decay is not None:
        factors = factors * _decayed(schedule.decay, before / samples_per_epoch)
    return factors


def _decayed(decay: Decay, epochs: Floats) -> Floats:
    """Return the fraction of the learning rate that is left after each number of epochs."""
    done = np.clip((epochs - decay.start) / (decay.end - decay.start), 0.0, 1.0)
    left: Floats = 1.0 - done if decay.kind == "linear" else 0.5 * (1.0 + np.cos(np.pi * done))
    return left
