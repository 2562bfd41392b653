"""Where the warm-up of a run ends."""

from __future__ import annotations

import numpy as np

from simasgd.tape.arrays import Floats

_ROUNDING = 1e-14
_FEWEST = 16
"""Rounds below which no warm-up can be told from the rest."""


def find_warm_up(done_at: Floats, learners: int) -> tuple[float, int]:
    """Return the seconds and the gradients of the warm-up of a run whose gradients are done at these times (s, sorted).

    A round is as many gradients as there are learners. The rule is MSER (White, "An effective truncation heuristic for
    bias reduction in simulation output", Simulation 69, 1997): leave out the first d rounds, where d makes the squared
    standard error of the mean of the others least, and is at most half of the rounds.
    """
    ends = done_at[learners - 1 :: learners]
    rounds = len(ends)
    if rounds < _FEWEST:
        return 0.0, 0
    lasted = np.diff(ends, prepend=0.0)
    typical = float(np.median(lasted))
    kept = np.arange(rounds, 0, -1)[: rounds // 2 + 1]  # of each d
    # Differences from the typical round, so that equal rounds have no spread but for rounding.
    total, squares = (np.cumsum(part[::-1])[::-1][: len(kept)] for part in (lasted - typical, (lasted - typical) ** 2))
    error = np.maximum(0.0, squares - total**2 / kept) / kept.astype(float) ** 2
    left_out = int(np.argmax(error <= error.min() + _ROUNDING * typical**2))
    return (0.0, 0) if left_out == 0 else (float(ends[left_out - 1]), left_out * learners)
