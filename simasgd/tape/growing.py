"""Tapes that are still being written."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simasgd.tape.mixing import NONE
from simasgd.tape.tape import Tape

_MARGIN = 2  # times the farthest reference back so far


class Part(NamedTuple):
    """The first part of a tape that is still being written."""

    tape: Tape
    fraction: float
    """About the fraction of the whole tape."""


def settled_steps(tape: Tape) -> int:
    """Return after how many of its first steps a tape is settled: later rows will hardly refer to weights from before.

    Rows to come may refer twice as far back as any row so far. This is an estimate: learners may be held up for longer.
    """
    return max(0, tape.num_steps - _MARGIN * _farthest_back(tape) - 1)


def _farthest_back(tape: Tape) -> int:
    """Return the greatest number of steps between the making of weights and a row that refers to them."""
    farthest = (tape.step - tape.timestamp).max(initial=0)
    if tape.mixing is not None:
        rows, mixing = np.arange(tape.num_steps), tape.mixing
        for referred in (mixing.base, mixing.other, mixing.state, mixing.other_state):
            farthest = max(farthest, (rows - referred)[referred != NONE].max(initial=0))
    return int(farthest)
