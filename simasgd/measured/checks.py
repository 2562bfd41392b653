"""Checks of a log's updates: versions that are made once, in order, and read after they are made."""

from __future__ import annotations

import numpy as np

from simasgd.errors import UsageError
from simasgd.operations.log import Integers, OperationLog
from simasgd.tape.arrays import Floats, Ints
from simasgd.tape.tape import Tape

LARGEST = 2**53
"""The largest count that a log may hold."""
_OLDEST = 1_000_000
"""Versions before the begin of the log that a gradient may have been computed on."""


def check_versions(log: OperationLog, rows: Integers, version: Ints, made_at: Floats, first: Integers) -> None:
    """Raise UsageError for a version that is made twice or missing, or an update before an earlier one."""
    again = (np.diff(version) == 0) & (np.diff(made_at) != 0.0)
    if again.any():
        at = int(np.argmax(again))
        raise UsageError(
            f"{log.place(int(rows[at + 1]))}: version {version[at]} is made at {made_at[at + 1]:.15g} s, but "
            f"{log.place(int(rows[at]))} says that it is made at {made_at[at]:.15g} s; a version is made once, and its "
            "gradients have one time"
        )
    made, when = version[first], made_at[first]
    gap = np.diff(made) > 1
    if gap.any():
        at = int(np.argmax(gap))
        last = rows[first[at]]
        lost = (
            f"version {made[at] + 1} is"
            if made[at + 1] == made[at] + 2
            else f"versions {made[at] + 1} to {made[at + 1] - 1} are"
        )
        raise UsageError(
            f"{log.place(int(rows[first[at + 1]]))}: version {made[at + 1]} follows {made[at]} ({log.place(int(last))}); "
            f"{lost} missing, so the staleness of later gradients cannot be known"
        )
    back = np.diff(when) < 0.0
    if back.any():
        at = int(np.argmax(back))
        raise UsageError(
            f"{log.place(int(rows[first[at + 1]]))}: version {made[at + 1]} is made at {when[at + 1]:.15g} s, before version "
            f"{made[at]} ({when[at]:.15g} s, {log.place(int(rows[first[at]]))}); the server's clock jumps back"
        )


def check_reads(log: OperationLog, rows: Integers, version: Ints, read: Ints) -> None:
    """Raise UsageError where a gradient was computed on a version that is not there before its update."""
    late = read >= version
    if late.any():
        at = int(np.argmax(late))
        raise UsageError(
            f"{log.place(int(rows[at]))}: the gradient was computed on version {read[at]}, which is not there before the "
            f"update that makes version {version[at]}; expected a read of at most {version[at] - 1}"
        )


def check_age(log: OperationLog, rows: Integers, tape: Tape, base: int) -> None:
    """Raise UsageError where a gradient was computed on weights too long before the log, for which counts have no room."""
    old = tape.timestamp < -_OLDEST
    if old.any():
        at = int(np.argmax(old))
        raise UsageError(
            f"{log.place(int(rows[at]))}: the gradient was computed on version {tape.timestamp[at] + base}, but the log begins "
            f"with version {base + 1}; at most {_OLDEST:,} versions in between are supported"
        )


def check_sums(log: OperationLog, rows: Integers, first: Integers, count: Integers) -> None:
    """Raise UsageError where the gradients of an update are not whole messages of as many gradients each."""
    summed = read_counts(log, rows, "summed", 1)
    if summed is None:
        return
    of_update = np.repeat(summed[first], count)
    wrong = (summed != of_update) | (np.repeat(count, count) % of_update != 0)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise UsageError(
            f"{log.place(int(rows[at]))}: summed: found {summed[at]}, but the update has {np.repeat(count, count)[at]} "
            f"gradients, and its first row says {of_update[at]}; expected messages of equally many gradients"
        )


def check_copies(log: OperationLog, rows: Integers, tape: Tape) -> None:
    """Raise UsageError where a learner's copy is ahead by more mini-batches than the learner has in earlier rows."""
    if tape.ahead is None:
        return
    earlier = count_up(tape.learner)
    wrong = tape.ahead > earlier
    if wrong.any():
        at = int(np.argmax(wrong))
        raise UsageError(
            f"{log.place(int(rows[at]))}: ahead: the copy is {tape.ahead[at]} mini-batches ahead, but only {earlier[at]} of "
            "the learner are in earlier rows"
        )


def count_up(group: Ints) -> Ints:
    """Return how many earlier elements of the same group each element has."""
    counted = np.empty(len(group), np.int64)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    counted[order] = np.arange(len(group)) - np.repeat(starts, np.diff(np.append(starts, len(group))))
    return counted


def read_counts(log: OperationLog, rows: Integers, key: str, default: int) -> Ints | None:
    """Return a column of whole numbers with a default; None if it has nothing but the default."""
    values = read_column(log, rows, key)
    values = np.where(np.isnan(values), float(default), values)
    if (values == default).all():
        return None
    wrong = ~((values >= default) & (values <= LARGEST) & (values == np.floor(values)))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise UsageError(f"{log.place(int(rows[at]))}: {key}: {values[at]:g} is not a whole number from {default}")
    return values.astype(np.int64)


def read_column(log: OperationLog, rows: Integers, key: str) -> Floats:
    """Return the values of some rows of a log's column; all are NaN if the log has no such column."""
    values: Floats | None = getattr(log, key)
    return np.full(len(rows), np.nan) if values is None else values[rows]
