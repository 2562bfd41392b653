"""The log of a cluster in memory: one row for each operation of a learner or of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from simasgd.tape.arrays import Floats

Integers = npt.NDArray[np.integer[Any]]

OPERATIONS: dict[str, str] = {
    "compute": "a learner computes the gradient of a mini-batch",
    "step": "a learner's own optimizer step",
    "mix": "a learner mixes another model into its own",
    "copy": "a message is copied or (de)serialized at a learner's end",
    "pull": "weights are on their way to a learner",
    "push": "a gradient, a difference or a model is on its way from a learner",
    "collective": "a collective operation of all learners, from this learner's start to its result",
    "wait": "a learner is blocked: by a synchronization, a barrier or weights that are not there yet",
    "update": "the server updates the weights; its learner is the one whose gradient is applied",
}
"""What a row may be about, and its meaning."""
ALONE = ("compute", "step", "mix", "wait")
"""Operations of which a learner does one at a time."""
NUMBERS: dict[str, str] = {
    "mini_batch": "samples of the mini-batch (compute)",
    "bytes": "size of the message (pull, push, collective, copy)",
    "version": "number of the weights: those that were read (compute, pull) or made (update)",
    "batch": "number of the learner's mini-batch, from 0 (compute, push, update)",
}
"""Columns of numbers that may be absent, and their meaning."""


@final
@dataclass(frozen=True)
class OperationLog:
    """The rows of one or more files, in order of learner and time.

    Arrays have one element for each of the R rows. A column that no file has is None.
    """

    learners: tuple[str, ...]
    """Names of the L learners, numbers in order of size."""
    learner: Integers
    """int32[R], index into `learners`; −1 for an update that names no learner."""
    operation: Integers
    """int8[R], position in OPERATIONS."""
    seconds: Floats
    """float64[R], how long the operation took (s)."""
    start: Floats | None
    """float64[R], when it began (s), on the learner's own clock."""
    mini_batch: Floats | None
    """float64[R], samples; NaN where there is none."""
    bytes: Floats | None
    """float64[R]; NaN where there is none."""
    version: Floats | None
    """float64[R]; NaN where there is none."""
    batch: Floats | None
    """float64[R]; NaN where there is none."""
    remarks: tuple[str, ...] = ()
    """What was odd about the files, in sentences."""

    def rows(self, operation: str) -> Integers:
        """Return the numbers of the rows with this operation, in order of learner and time."""
        result: Integers = np.flatnonzero(self.operation == code_of(operation))
        return result

    @property
    def size(self) -> int:
        """R, the number of rows."""
        return len(self.seconds)


def code_of(operation: str) -> int:
    """Return the number that stands for an operation in `OperationLog.operation`."""
    return list(OPERATIONS).index(operation)
