"""The steps of a tape after which the weights are evaluated."""

from __future__ import annotations

import numpy as np

from simasgd.scenario.learning.evaluate import EACH_EPOCH, Period
from simasgd.tape.tape import Tape


def evaluation_points(tape: Tape, samples_per_epoch: int, period: Period = EACH_EPOCH) -> tuple[list[float], list[int]]:
    """Return epochs, and the numbers of steps after which they are evaluated.

    These are the beginning, the first update at or after each multiple of the period, and the last step of the
    tape. Of several multiples in one update, only the last is evaluated. So there are at most
    as many evaluations as updates. If the period is in epochs, the epochs are its multiples, else those of the
    applied samples.
    """
    past = tape.past
    updates = np.concatenate([[past.rows], np.flatnonzero(np.diff(tape.updates_before)) + 1])  # the steps that end one
    samples = tape.samples_before
    with np.errstate(over="ignore"):  # of a time that is tiny
        due = period.count_over(
            samples=samples[updates],
            updates=tape.updates_before[updates],
            seconds=past.seconds + np.concatenate([[0.0], tape.stepped_at])[updates],
            samples_per_epoch=samples_per_epoch,
        )
    first = np.concatenate([[0], np.flatnonzero(due[1:] > due[:-1]) + 1])
    steps = updates[first].tolist()

    def epoch_at(step: int, number: float) -> float:
        epoch = period.epoch_at(number)
        return float(samples[step]) / samples_per_epoch if epoch is None else epoch

    epochs = [epoch_at(step, number) for step, number in zip(steps, due[first].tolist(), strict=True)]
    total = float(samples[-1]) / samples_per_epoch
    if steps[-1] < tape.num_steps:
        if epochs[-1] == total:  # no gradient was applied since, but models were mixed
            steps[-1] = tape.num_steps
        else:
            epochs.append(total)
            steps.append(tape.num_steps)
    return epochs, steps
