"""The learners' clocks beside the server's: what was read was made before, and what was applied was computed before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from simasgd.errors import UsageError
from simasgd.measured.updates import LoggedUpdates
from simasgd.operations.log import OperationLog
from simasgd.tape.arrays import Floats, Ints
from simasgd.tape.tape import Tape

_SLACK = 1e-3
"""Seconds by which times of two clocks may contradict each other: the resolution of many logs."""


def set_clocks(log: OperationLog, updates: LoggedUpdates, learners: int) -> tuple[LoggedUpdates, Floats]:
    """Return the updates on the server's clock, and the seconds that each learner's clock was moved by.

    A learner's clock is right if it reads no weights before they are made, and computes every gradient before it
    is applied. Otherwise it is moved by the middle of the offsets that make it right. Raises UsageError with file
    and line if no offset does: then a clock jumps or runs at another pace.
    """
    tape = updates.tape
    moves = np.zeros(learners)
    remarks = []
    for learner, low, high in _find_bounds(log, updates):
        if low <= _SLACK and high >= -_SLACK:
            continue
        moves[learner] = (low + high) / 2 if np.isfinite(low + high) else low if np.isfinite(low) else high
        direction = "later" if moves[learner] > 0 else "earlier"
        remarks.append((learner, f"{abs(moves[learner]):.3g} s {direction}"))
    if not remarks:
        return updates, moves
    moved = replace(tape, read_at=tape.read_at + moves[tape.learner], computed_at=tape.computed_at + moves[tape.learner])
    listed = ", ".join(f"learner {learner} {by}" for learner, by in remarks[:5]) + (", …" if len(remarks) > 5 else "")
    remark = (
        f"Clocks disagree, so learners' clocks were moved ({listed}) until no weights are read before they are made, and no "
        "gradient is applied before it is computed"
    )
    return replace(updates, tape=moved, remarks=(*updates.remarks, remark)), moves


def _find_bounds(log: OperationLog, updates: LoggedUpdates) -> Iterator[tuple[int, float, float]]:
    """Yield each learner with the least and the greatest offset (s) that make its clock agree with the server's."""
    tape = updates.tape
    made_at = _made_at(tape)
    least = made_at - tape.read_at
    most = tape.stepped_at[tape.step] - tape.computed_at
    low_of, at_low_of = _find_greatest(least, tape.learner)
    minus_high_of, at_high_of = _find_greatest(-most, tape.learner)
    for learner in np.unique(tape.learner).tolist():
        low, high = float(low_of[learner]), -float(minus_high_of[learner])
        at_low, at_high = int(at_low_of[learner]), int(at_high_of[learner])
        if low > high + 2 * _SLACK:
            first, second = log.place(int(updates.rows[at_low])), log.place(int(updates.rows[at_high]))
            raise UsageError(
                f"{second}: the clock of learner {learner} must be at least {low:.6g} s later, because it "
                f"read version {tape.timestamp[at_low] + updates.first_version} after it was made ({first}). It can be at most "
                f"{high:.6g} s later, because this gradient was computed before it was applied. A clock jumps. "
                "Leave read_at and computed_at out to use the versions alone"
            )
        yield learner, low, high


def _made_at(tape: Tape) -> Floats:
    """Return when the weights that each gradient was computed on were made; −∞ for those from before the log."""
    known = tape.timestamp > 0
    return np.where(known, tape.stepped_at[np.where(known, tape.timestamp - 1, 0)], -np.inf)


def _find_greatest(values: Floats, learner: Ints) -> tuple[Floats, Ints]:
    """Return the greatest finite value of each learner's rows, and its row; −∞ and −1 if there is none."""
    learners = int(learner.max()) + 1
    greatest, rows = np.full(learners, -np.inf), np.full(learners, -1, np.int64)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.lexsort((values[known], learner[known]))]
    last = np.flatnonzero(np.diff(learner[order], append=-1))  # the greatest of each learner
    greatest[learner[order[last]]] = values[order[last]]
    rows[learner[order[last]]] = order[last]
    return greatest, rows
