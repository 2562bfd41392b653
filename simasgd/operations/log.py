"""The log of a cluster in memory: one row for each operation of a learner or of the server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import numpy.typing as npt

from simasgd.operations.places import Places
from simasgd.tape.arrays import Floats

Integers = npt.NDArray[np.integer[Any]]

OPERATIONS: dict[str, str] = {
    "compute": "a learner computes the gradient of a mini-batch",
    "step": "a learner's own optimizer step",
    "mix": "a learner mixes another model into its own",
    "copy": "a message is copied or (de)serialized at a learner's end",
    "launch": "the start of a collective operation: from a learner's call to its first message",
    "pull": "weights are on their way to a learner",
    "push": "a gradient, a difference or a model is on its way from a learner",
    "collective": "a collective operation of all learners, from this learner's start to its result",
    "wait": "a learner is blocked: by a synchronization, a barrier or weights that are not there yet",
    "update": "the server updates the weights; its learner is the one whose gradient is applied",
    "idle": "a learner has nothing to do, or is down",
    "abandon": "a learner computes, but no gradient comes of it: it gives up, fails, or the log ends",
    "drop": "the server discards a gradient of the learner",
    "cancel": "the learner gives up a mini-batch for which it has a row, computed or not",
    "lose": "a gradient of the learner is lost in a crash",
    "run": "the whole run, from its start to its end; absent: from the first time in the log to the last",
}
"""The operations that a row may have, each with its meaning."""
ALONE = ("compute", "step", "mix", "launch", "wait", "idle", "abandon")
"""Operations of which a learner does one at a time."""
OF_THE_SERVER = ("update", "run")
"""Operations whose rows may name no learner."""
WITHOUT_TIME = ("drop", "cancel", "lose")
"""Operations whose start may be unknown."""
WITHOUT_DURATION = ("update", *WITHOUT_TIME)
"""Operations whose duration may be unknown; `start` is then the moment when they were done."""
NUMBERS: dict[str, str] = {
    "mini_batch": "samples of the mini-batch (compute)",
    "bytes": "size of the message (pull, push, collective, copy)",
    "version": "number of the weights: those that were read (compute, pull) or made (update)",
    "batch": "number of the learner's mini-batch, from 0 (compute, push, update)",
    "read": "number of the weights that the gradient was computed on (update, drop)",
    "read_at": "when the learner had these weights, in seconds (update)",
    "computed_at": "when the gradient was computed, in seconds (update)",
    "ahead": "mini-batches by which a learner's own copy was ahead of these weights (update; absent: 0)",
    "summed": "gradients that each message of the update sums (update; absent: 1)",
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
    """int32[R], index into `learners`; −1 for an update or a run that names no learner."""
    operation: Integers
    """int8[R], position in OPERATIONS."""
    seconds: Floats
    """float64[R], how long the operation took (s); NaN where an update, a drop and the like do not tell it."""
    start: Floats | None
    """float64[R], when it began (s), on the learner's own clock; NaN where a drop and the like do not tell it."""
    mini_batch: Floats | None
    """float64[R], samples; NaN where there is none."""
    bytes: Floats | None
    """float64[R]; NaN where there is none."""
    version: Floats | None
    """float64[R]; NaN where there is none."""
    batch: Floats | None
    """float64[R]; NaN where there is none."""
    read: Floats | None = None
    """float64[R]; NaN where there is none, as in the columns below."""
    read_at: Floats | None = None
    """float64[R] (s)."""
    computed_at: Floats | None = None
    """float64[R] (s)."""
    ahead: Floats | None = None
    """float64[R]."""
    summed: Floats | None = None
    """float64[R]."""
    remarks: tuple[str, ...] = ()
    """Remarks on oddities of the files, in sentences."""
    order: Integers | None = None
    """int64[R], the number of each row in the files, counted from 0; None: as the rows are here."""
    places: Places | None = None
    """Where the rows of the files are."""

    def rows(self, operation: str) -> Integers:
        """Return the numbers of the rows with this operation, in order of learner and time."""
        result: Integers = np.flatnonzero(self.operation == code_of(operation))
        return result

    def in_file(self, rows: Integers) -> Integers:
        """Return the numbers that these rows have in the files, counted from 0."""
        return rows if self.order is None else self.order[rows]

    def place(self, row: int) -> str:
        """Return file and line of a row."""
        if self.places is None:
            return f"row {row + 1}"
        return self.places.find(int(row if self.order is None else self.order[row]))

    def with_mini_batch(self, samples: int) -> OperationLog:
        """Return the log with this size for every computation whose size it does not say."""
        sizes = np.full(self.size, np.nan) if self.mini_batch is None else self.mini_batch.copy()
        rows = self.rows("compute")
        sizes[rows[np.isnan(sizes[rows])]] = samples
        return replace(self, mini_batch=sizes)

    @property
    def size(self) -> int:
        """R, the number of rows."""
        return len(self.seconds)


def code_of(operation: str) -> int:
    """Return the number that stands for an operation in `OperationLog.operation`."""
    return list(OPERATIONS).index(operation)
