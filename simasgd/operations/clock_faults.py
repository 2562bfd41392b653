"""The learners' clocks in a log: rows that occur twice, clocks that jump back, and long gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from simasgd.errors import UsageError
from simasgd.operations.log import ALONE, Integers, OperationLog
from simasgd.tape.arrays import Floats

_BLOCK = 1_000_000  # rows that are checked at once, to bound the memory
_SAMPLE = 100_000  # computations whose median is taken
_LONG_GAP = 100.0  # times the median operation


def check_clocks(log: OperationLog, place_of: Callable[[int], str]) -> None:
    """Check the operations of which a learner does one at a time.

    `place_of` returns file and line of a row. Raises UsageError where two operations of one kind
    and learner overlap: a row that occurs twice, or a clock that jumps back. Overlaps below the
    resolution of the numbers, or below 1 % of the operation, are allowed.
    """
    assert log.start is not None
    resolution = _resolution(log.start)
    for operation in ALONE:
        rows = log.rows(operation)
        for begin in range(0, len(rows) - 1, _BLOCK):
            _check_block(log, operation, rows[begin : begin + _BLOCK + 1], resolution, place_of)


def _check_block(log: OperationLog, operation: str, rows: Integers, resolution: float, place_of: Callable[[int], str]) -> None:
    """Check some rows of one operation, each against the row after it."""
    assert log.start is not None
    start, seconds = log.start[rows], log.seconds[rows]
    same = np.diff(log.learner[rows]) == 0
    slack = 0.01 * seconds[:-1] + resolution + 4 * np.spacing(np.abs(start[1:]))
    again = (np.diff(start) == 0.0) & (np.diff(seconds) == 0.0) & (seconds[1:] > 0.0) & (seconds[1:] >= resolution)
    overlaps = same & (again | (start[1:] < start[:-1] + seconds[:-1] - slack))
    if not overlaps.any():
        return
    at = int(np.argmax(overlaps))
    name = log.learners[int(log.learner[rows[at]])]
    first, second = int(rows[at]), int(rows[at + 1])
    if again[at]:
        raise UsageError(f"{place_of(second)}: the row is the same as {place_of(first)}; leave one")
    raise UsageError(
        f"{place_of(second)}: learner {name} begins {operation} at {start[at + 1]:.15g} s, but {place_of(first)} says that "
        f"it does so from {start[at]:.15g} s for {seconds[at]:g} s; the clock jumps back, or two learners share a name"
    )


def _resolution(start: Floats) -> float:
    """Return the step of a clock that shows whole milliseconds or microseconds only, else 0 (s)."""
    known = start[~np.isnan(start)]
    few = known[:: max(len(known) // 1_000, 1)]
    for step in (1.0, 1e-3, 1e-6):
        if np.all(np.abs(few / step - np.rint(few / step)) < 1e-4):
            return step
    return 0.0


def describe_gaps(log: OperationLog) -> Iterator[str]:
    """Describe the longest time in which a learner logs nothing, if it is over 100 times the median operation."""
    assert log.start is not None
    if log.size < 2:
        return
    # An operation may end after the next one of its learner begins; then there is no gap.
    gaps = log.start[1:] - log.start[:-1]
    gaps -= log.seconds[:-1]
    gaps[log.learner[1:] != log.learner[:-1]] = 0.0
    rows = log.rows("compute")
    usual = float(np.median(log.seconds[rows[:: max(len(rows) // _SAMPLE, 1)]])) if len(rows) else 0.0
    long = gaps > _LONG_GAP * max(usual, 1e-9)
    if not long.any():
        return
    at = int(np.nanargmax(gaps))
    name = log.learners[int(log.learner[at])]
    count, end = int(np.sum(long)), log.start[at] + log.seconds[at]
    yield (
        f"There {'is a gap' if count == 1 else f'are {count:,} gaps'} of over {_LONG_GAP:g} times a computation in the log; "
        f"the longest, of learner {name}, lasts {gaps[at]:.3g} s from {end:.10g} s on. Gaps count as time without work."
    )
