"""Constant compute times with slow spells: the slow part of every mini-batch is known exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simasgd.calibration.laws.standard_errors import Estimate
from simasgd.calibration.spells.kinds import KindFit
from simasgd.tape.arrays import Floats

_SAME = 1e-6  # relative distance of equal times
_SHARE = 0.2  # of a learner's times that have the usual value


def find_levels(times: Sequence[Floats]) -> Floats | None:
    """Return the usual time of each learner (s), which is also its least; None if times are not constant but for spells."""
    levels = []
    for one in times:
        least = float(np.min(one))
        usual = one < least * (1 + _SAME)
        if np.mean(usual) < _SHARE or len(one) < 2:
            return None
        levels.append(float(np.mean(one[usual])))
    return np.array(levels)


def describe_constant(times: Sequence[Floats], gaps: Sequence[Floats], levels: Floats) -> KindFit | None:
    """Return the kind of spells of constant times; None where no mini-batch was slow throughout.

    The commonest time above the usual one is that of a mini-batch within a slow spell. A spell is a
    run of mini-batches above the usual time, so two spells within one count as one.
    """
    ratios = [one / level for one, level in zip(times, levels, strict=True)]
    above = np.sort(np.concatenate([one[one > 1 + 2 * _SAME] for one in ratios]))
    if len(above) < 2:
        return None
    starts = np.flatnonzero(np.diff(above, prepend=0.0) > _SAME * above)
    counts = np.diff(np.append(starts, len(above)))
    if counts.max() < 2:
        return None
    slowdown = float(above[starts[int(np.argmax(counts))]])
    spent, free, spells, ended = 0.0, 0.0, 0, 0
    for one, ratio, gap in zip(times, ratios, gaps, strict=True):
        is_slow = ratio > 1 + 2 * _SAME
        # t = u + v with u + v/slowdown = the work, so the slow part is v = (t − work)·slowdown/(slowdown − 1).
        slow = np.where(is_slow, (ratio - 1) * slowdown / (slowdown - 1), 0.0) * (one / ratio)
        within = float(np.sum(gap[is_slow[1:] & is_slow[:-1]]))
        spent += float(np.sum(slow)) + within
        free += float(np.sum(one - slow)) + float(np.sum(gap)) - within
        spells += int(np.sum(np.diff(is_slow, prepend=False) & is_slow))
        ended += int(np.sum(is_slow[:-1] & ~is_slow[1:]))
    normal, slow_mean = free / max(spells, 1), spent / max(ended, 1)
    return KindFit(
        None, False, Estimate(slowdown, _SAME * slowdown), None,
        Estimate.of_lengths(normal, spells), None,
        Estimate.of_lengths(slow_mean, ended), None, spells,
    )  # fmt: skip
