"""How much of a speed-up is chance: batch means of two simulations that meet the same random numbers."""

from __future__ import annotations

from math import sqrt

import numpy as np

from simasgd.tape.arrays import Floats
from simasgd.what_if.changes import NO_GAIN

BLOCKS = 10
CERTAIN = 3.25
"""So many standard errors are a 99 % interval (Student's t for ten blocks): several parts are asked about at once."""
_LEAST_STEPS = 2 * BLOCKS
"""With fewer updates, a block would hold one of them at most."""


def estimate_error(times: Floats, faster: Floats, *, in_time: bool) -> float | None:
    """Return the standard error of the speed-up of gradients that were applied at `times` and at `faster` (s).

    Both are cut into blocks, which are paired. Blocks have equal times (`in_time`), in which both runs meet the same faults, or
    equal numbers of gradients, for which both runs draw the same numbers. With a, b the amounts of the two in a block and R the
    quotient of their sums, the error is that of R by the residuals a − R·b. None if there are too few updates to tell.
    """
    if min(len(np.unique(times)), len(np.unique(faster))) < _LEAST_STEPS:
        return None
    if in_time:
        ends = np.linspace(0.0, min(times[-1], faster[-1]), BLOCKS + 1)
        numerator, denominator = (np.diff([count_until(of, float(end)) for end in ends]) for of in (faster, times))
    else:
        last = np.linspace(0, len(times), BLOCKS + 1).astype(int)[1:] - 1
        numerator, denominator = (np.diff([0.0, *of[last]]) for of in (times, faster))
    whole = float(denominator.sum())
    residuals = numerator - numerator.sum() / whole * denominator
    return sqrt(BLOCKS / (BLOCKS - 1) * float((residuals**2).sum())) / whole


def count_until(times: Floats, seconds: float) -> float:
    """Return about how many gradients were applied within `seconds`, of gradients that were applied at `times` (s).

    Between two updates, and after the last one, gradients count in proportion to the time.
    """
    updates, first = np.unique(times, return_index=True)
    if seconds >= updates[-1]:
        return float(len(times) * seconds / updates[-1])
    return float(np.interp(seconds, [0.0, *updates], [0.0, *first[1:], len(times)]))


def compute_margin(standard_error: float | None) -> float:
    """Return half the 99 % interval of a speed-up with that standard error; 0 where it is not known."""
    return CERTAIN * (standard_error or 0.0)


def is_gain(speedup: float, standard_error: float | None) -> bool:
    """Return whether a speed-up is more than nothing, and more than chance alone may bring."""
    return speedup >= NO_GAIN and speedup - 1.0 > compute_margin(standard_error)
