"""Learners that are slow together, found by the correlation of their slow times."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
from scipy import special

from simasgd.calibration.laws.series import Series
from simasgd.calibration.spells.paths import Booleans
from simasgd.tape.arrays import Floats

_INSTANTS = 2**14
_TOGETHER = 0.5  # correlation of two learners' slow times from which their spells are one
_MOST = 512  # learners that are compared
_BY_CHANCE = 1e-3  # probability of a group whose learners are slow together by chance


def sample_slowness(series: Series, paths: Sequence[Booleans]) -> tuple[Floats, Booleans]:
    """Return instants (s) evenly over the time that the first 512 learners report, and whether each was slow then."""
    paths, starts = paths[:_MOST], series.starts[:_MOST]
    first = max(float(start[0]) for start in starts)
    last = min(float(start[-1]) for start in starts)
    instants = np.linspace(first, max(last, first), _INSTANTS)
    slow = np.empty((len(paths), _INSTANTS), dtype=bool)
    for number, (start, path) in enumerate(zip(starts, paths, strict=True)):
        slow[number] = path[np.clip(np.searchsorted(start, instants, side="right") - 1, 0, len(path) - 1)]
    return instants, slow


def find_groups(slow: Booleans) -> list[list[int]]:
    """Return the groups of at least two learners that are slow together, the most often slow first.

    Args:
        slow: whether each learner is slow at each instant, of shape (learners, instants).
    """
    few = slow.astype(np.float32)
    centred = few - few.mean(axis=1, keepdims=True)
    deviation = np.sqrt((centred**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = centred @ centred.T / np.outer(deviation, deviation)
    linked = np.nan_to_num(correlation) >= _TOGETHER
    group = np.arange(len(few))
    for one, other in zip(*np.nonzero(np.triu(linked, 1)), strict=True):
        group[group == group[other]] = group[one]
    found = [np.flatnonzero(group == number).tolist() for number in np.unique(group)]
    return sorted((one for one in found if len(one) > 1), key=lambda one: -float(few[one].mean()) * len(one))


def is_by_chance(begins: Sequence[Floats], near: float, lasting: float, learners: int) -> bool:
    """Return whether a group's spells may begin together by chance, as few spells do.

    The learner with most spells is the clock. Each spell of another one begins within `near` of one
    of its spells by chance with probability 2·near·spells ÷ lasting. The number of groups of this
    size that there might be counts, too.

    Args:
        begins: of the spells of each learner of the group (s).
        near: the largest distance (s) between two beginnings that count as one.
        lasting: how long the log lasts (s).
        learners: of the log.
    """
    clock, *others = sorted(begins, key=len, reverse=True)
    tries = sum(map(len, others))
    if not tries:
        return True
    met = 0
    for own in others:
        place = np.searchsorted(clock, own)
        before, after = clock[np.maximum(place - 1, 0)], clock[np.minimum(place, len(clock) - 1)]
        met += int(np.sum(np.minimum(np.abs(own - before), np.abs(after - own)) <= near))
    each = min(2 * near * len(clock) / lasting, 1.0)
    size = len(begins)
    groups = special.gammaln(learners + 1) - special.gammaln(size + 1) - special.gammaln(learners - size + 1)
    with np.errstate(divide="ignore"):
        log_chance = np.log(special.bdtrc(met - 1, tries, each))  # of `met` or more; scipy.stats takes a second to import
    return bool(log_chance + groups > log(_BY_CHANCE))


def correlate_learners(times: Sequence[Floats], starts: Sequence[Floats]) -> float:
    """Compute the mean correlation between learners of their log times, over the time that all report; 0 for one learner."""
    if len(times) < 2:
        return 0.0
    first, last = max(float(start[0]) for start in starts), min(float(start[-1]) for start in starts)
    if not last > first:
        return 0.0
    each = min(int(np.median([np.sum((start >= first) & (start <= last)) for start in starts])), 4096)
    instants = np.linspace(first, last, max(each, 2))
    values = []
    for one, start in zip(times[:64], starts[:64], strict=True):
        value = np.log(one[np.clip(np.searchsorted(start, instants, side="right") - 1, 0, len(one) - 1)])
        deviation = float(np.std(value))
        if deviation > 0:
            values.append((value - value.mean()) / deviation)
    if len(values) < 2:
        return 0.0
    total = np.sum(values, axis=0)
    return float((np.mean(total**2) / len(values) - 1) / (len(values) - 1))
