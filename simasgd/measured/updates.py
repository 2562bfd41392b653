"""The tape of a real system: its updates, from the log's rows about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from simasgd.cluster.clock.sizes import MiniBatch
from simasgd.errors import UsageError
from simasgd.measured.checks import (
    LARGEST,
    check_age,
    check_copies,
    check_reads,
    check_sums,
    check_versions,
    count_up,
    read_column,
    read_counts,
)
from simasgd.operations.log import Integers, OperationLog
from simasgd.tape.arrays import Floats, Ints
from simasgd.tape.tape import Tape


@final
@dataclass(frozen=True, eq=False)
class LoggedUpdates:
    """The updates of a log as a tape, on the log's own clocks."""

    tape: Tape
    rows: Integers
    """int64[G], the row of the log that each gradient comes from."""
    first_version: int
    """The version that the first update read: the weights with which the log begins, number 0 of the tape."""
    remarks: tuple[str, ...]

    @property
    def begins_late(self) -> bool:
        """Whether a gradient was computed on weights older than those with which the log begins."""
        return bool((self.tape.timestamp < 0).any())


def read_updates(log: OperationLog, numbers: Ints, mini_batch: MiniBatch) -> LoggedUpdates:
    """Build the tape of a log whose learners have these numbers (int64[L]), for mini-batches of these sizes.

    Rows with the same version are one update of several gradients, in the order of the files. `read_at` and
    `computed_at` are NaN where the log does not tell them. Raises UsageError with file and line where versions are
    missing, made twice or read before they are made, a gradient is applied twice, or time runs backwards.
    """
    rows = log.rows("update")
    if not len(rows):
        raise UsageError(
            f"{_name(log)}: there is no update, so nothing is known of versions and staleness; expected rows of the operation "
            "update (learner, version, read, start). `simasgd validate` and `simasgd fit` use logs without updates"
        )
    if log.start is None:
        raise UsageError(f"{_name(log)}: there is no start, so it is not known when updates were made; expected a column start")
    _require_learners(log, rows)
    version = _whole(log, rows, "version", "the number of the weights that the update made", least=1)
    order = np.lexsort((log.in_file(rows), version))
    rows, version = rows[order], version[order]
    read = _find_read(log, rows)
    made_at = _find_times(log, rows)
    first = np.flatnonzero(np.diff(version, prepend=version[0] - 1))
    check_versions(log, rows, version, made_at, first)
    check_reads(log, rows, version, read)
    check_sums(log, rows, first, np.diff(np.append(first, len(rows))))
    base = int(version[0]) - 1
    learner = numbers[log.learner[rows]]
    batch, remarks = _find_batches(log, rows, learner)
    tape = Tape(
        mini_batch=mini_batch if isinstance(mini_batch, int) else max(mini_batch),
        mini_batches=None if isinstance(mini_batch, int) else np.array(mini_batch),
        learner=learner,
        batch=batch,
        timestamp=read - base,
        read_at=read_column(log, rows, "read_at"),
        computed_at=read_column(log, rows, "computed_at"),
        stepped_at=made_at[first],
        offsets=np.append(first, len(rows)),
        ahead=read_counts(log, rows, "ahead", 0),
        summed=_of_updates(read_counts(log, rows, "summed", 1), first),
    )
    check_copies(log, rows, tape)
    check_age(log, rows, tape, base)
    if base:
        remarks = (*remarks, f"The log begins with version {base + 1:,}; version {base:,} counts as the initial weights")
    return LoggedUpdates(_joined(log, rows, tape), rows, base, remarks)


def _name(log: OperationLog) -> str:
    files = () if log.places is None else log.places.files
    return ", ".join(map(str, files)) or "the log"


def _require_learners(log: OperationLog, rows: Integers) -> None:
    unnamed = log.learner[rows] < 0
    if unnamed.any():
        row = int(rows[np.argmax(unnamed)])
        raise UsageError(f"{log.place(row)}: learner is missing; expected the learner whose gradient the update applies")


def _whole(log: OperationLog, rows: Integers, key: str, meaning: str, least: int) -> Ints:
    """Return a column of whole numbers that every row must have."""
    values = read_column(log, rows, key)
    wrong = ~((values >= least) & (values <= LARGEST) & (values == np.floor(values)))
    if wrong.any():
        at = int(np.argmax(wrong))
        found = "is missing" if np.isnan(values[at]) else f"{values[at]:g} is not a whole number from {least}"
        raise UsageError(f"{log.place(int(rows[at]))}: {key} {found}; expected {meaning}")
    return values.astype(np.int64)


def _of_updates(values: Ints | None, first: Integers) -> Ints | None:
    return None if values is None else values[first]


def _find_times(log: OperationLog, rows: Integers) -> Floats:
    """Return when each row's update was done (s): the end of its row."""
    assert log.start is not None
    seconds = log.seconds[rows]
    return log.start[rows] + np.where(np.isnan(seconds), 0.0, seconds)


def _find_read(log: OperationLog, rows: Integers) -> Ints:
    """Return the version that each gradient was computed on.

    Where an update does not say it, the computation of the same learner and mini-batch does.
    """
    read = read_column(log, rows, "read")
    missing = np.isnan(read)
    if missing.any() and log.batch is not None and log.version is not None:
        computed = log.rows("compute")
        known = dict(
            zip(
                zip(log.learner[computed].tolist(), log.batch[computed].tolist(), strict=True),
                log.version[computed],
                strict=True,
            )
        )
        lacking = rows[missing]
        pairs = zip(log.learner[lacking].tolist(), log.batch[lacking].tolist(), strict=True)
        read[missing] = [known.get(pair, np.nan) for pair in pairs]
    wrong = ~((read >= 0) & (read <= LARGEST) & (read == np.floor(read)))
    if wrong.any():
        at = int(np.argmax(wrong))
        place = log.place(int(rows[at]))
        if np.isnan(read[at]):
            raise UsageError(
                f"{place}: read is missing, the version that the gradient was computed on; expected it here, or the version of "
                "the computation with the same learner and batch"
            )
        raise UsageError(f"{place}: read: {read[at]:g} is not a whole number from 0")
    return read.astype(np.int64)


def _find_batches(log: OperationLog, rows: Integers, learner: Ints) -> tuple[Ints, tuple[str, ...]]:
    """Return the number of each gradient's mini-batch; without a number the learner's mini-batches are counted."""
    batch = read_column(log, rows, "batch")
    if np.isnan(batch).all():
        counted = count_up(learner)
        return counted, ("The log does not number mini-batches; each learner's are counted in the order of their updates",)
    found = _whole(log, rows, "batch", "the number of the learner's mini-batch, from 0, in every update or in none", least=0)
    order = np.lexsort((np.arange(len(rows)), found, learner))
    twice = (np.diff(learner[order]) == 0) & (np.diff(found[order]) == 0)
    if twice.any():
        at = int(np.argmax(twice))
        first, second = int(order[at]), int(order[at + 1])
        raise UsageError(
            f"{log.place(int(rows[second]))}: mini-batch {found[second]} of learner "
            f"{log.learners[int(log.learner[rows[second]])]} "
            f"is applied again; it was applied in {log.place(int(rows[first]))}"
        )
    return found, ()


def _joined(log: OperationLog, rows: Integers, tape: Tape) -> Tape:
    """Return the tape with the times of the learners' computations, where the updates do not have them."""
    computed = log.rows("compute")
    if log.batch is None or not len(computed) or not np.isnan(tape.computed_at).any():
        return tape
    assert log.start is not None
    where = {
        (learner, batch): row
        for learner, batch, row in zip(
            log.learner[computed].tolist(), log.batch[computed].tolist(), computed.tolist(), strict=True
        )
        if batch == batch
    }
    keys = zip(log.learner[rows].tolist(), read_column(log, rows, "batch").tolist(), strict=True)
    found = np.array([where.get(key, -1) for key in keys])
    begun, done = log.start[found], log.start[found] + log.seconds[found]
    lacks_read, lacks_end = (np.isnan(times) & (found >= 0) for times in (tape.read_at, tape.computed_at))
    return replace(
        tape, read_at=np.where(lacks_read, begun, tape.read_at), computed_at=np.where(lacks_end, done, tape.computed_at)
    )
