"""A tape made ready for one compiled loop: which versions of the weights are kept where, and which gradients are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simasgd.tape import Floats, Ints, Tape

_SLOTS_BY = 4  # slot and row counts are rounded up, so that tapes of about one length share a compilation


class Rows(NamedTuple):
    """One row a step, R evaluations a row, B samples an evaluation.

    samples (U, R, B): indices of training samples. slot (U, R): where the weights to read are. staleness (U, R). learner
    (U, R), the first of them where gradients are one mini-batch.
    coefficient (U, R): weights of the mean. factor (U,): of the schedule. keep (U,): the slot that the new weights go to.
    """

    samples: npt.NDArray[np.int32]
    slot: npt.NDArray[np.int32]
    staleness: npt.NDArray[np.int32]
    learner: npt.NDArray[np.int32]
    coefficient: Floats
    factor: Floats
    keep: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Plan:
    """The rows and the number of slots; `start_slot` holds the initial weights, and the last slot is never read.

    With no slots every gradient was computed on the current weights.
    """

    rows: Rows
    num_slots: int
    start_slot: int

    @property
    def evaluations(self) -> int:
        """R, gradient evaluations per step."""
        evaluations: int = self.rows.slot.shape[1]
        return evaluations


def plan(tape: Tape, batches: npt.NDArray[np.int32], factors: Floats, linear: bool = True) -> Plan:
    """Lay a tape out. If the rule is `linear`, gradients of a step that all read one version are one mini-batch: they go
    through one linear map, and the mean of their means is the mean over all their samples."""
    counts = np.diff(tape.offsets)
    most = int(counts.max(initial=1))
    first = tape.timestamp[tape.offsets[:-1]]
    fused = linear and bool((counts == most).all() and (tape.timestamp == np.repeat(first, counts)).all())
    if fused:
        timestamp, samples = first[:, None], batches.reshape(tape.num_steps, 1, most * tape.mini_batch)
        learner, coefficient = tape.learner[tape.offsets[:-1], None], np.ones((tape.num_steps, 1))
    else:
        place = tape.offsets[:-1, None] + np.minimum(np.arange(most), counts[:, None] - 1)
        timestamp, samples, learner = tape.timestamp[place], batches[place], tape.learner[place]
        coefficient = np.where(np.arange(most) < counts[:, None], 1.0 / counts[:, None], 0.0)
    staleness = np.arange(tape.num_steps)[:, None] - timestamp
    if not staleness.any():
        slots, num_slots = np.zeros(tape.num_steps + 1, np.int64), 0
    else:
        slots, num_slots = _assign_slots(tape)
    size = _rounded(tape.num_steps)
    rows = Rows(
        samples=_padded(samples, size, np.int32),
        slot=_padded(slots[timestamp], size, np.int32),
        staleness=_padded(staleness, size, np.int32),
        learner=_padded(learner, size, np.int32),
        coefficient=_padded(coefficient, size, np.float64),
        factor=_padded(factors, size, np.float64),
        keep=_padded(slots[1:], size, np.int32),
    )
    return Plan(rows, num_slots, int(slots[0]))


def _assign_slots(tape: Tape) -> tuple[Ints, int]:
    """The slot of each version, shape (U + 1,), by linear scan over their lives, and the number of slots.

    A version lives from the step that makes it to the last step that reads it; one that is never read goes to the last slot.
    """
    last_read = np.full(tape.num_steps + 1, -1)
    np.maximum.at(last_read, tape.timestamp, tape.step)
    order = np.argsort(last_read, kind="stable")
    dying = np.split(order, np.searchsorted(last_read[order], np.arange(tape.num_steps + 1)))[1:]
    slots = [-1] * (tape.num_steps + 1)
    read = (last_read >= 0).tolist()
    free: list[int] = []
    used = 0
    for timestamp in range(tape.num_steps + 1):
        if timestamp > 0:  # step `timestamp` − 1 reads first, then writes
            free.extend(slots[dead] for dead in dying[timestamp - 1].tolist())
        if read[timestamp]:
            if free:
                slots[timestamp] = free.pop()
            else:
                slots[timestamp], used = used, used + 1
    num_slots = -(-(used + 1) // _SLOTS_BY) * _SLOTS_BY
    result = np.array(slots)
    result[result < 0] = num_slots - 1
    return result, num_slots


def _rounded(steps: int) -> int:
    """At least `steps`, with two significant binary digits after the first: 1, 1.25, 1.5 or 1.75 times a power of two."""
    unit = 1 << max(0, steps.bit_length() - 3)
    return max(1, -(-steps // unit) * unit)


def _padded(column: npt.NDArray[Any], size: int, dtype: type[np.generic]) -> npt.NDArray[Any]:
    padded = np.zeros((size, *column.shape[1:]), dtype)
    padded[: len(column)] = column
    return padded
