"""Simulated logs of a fitted process. An effect that a fit also finds in these logs is due to chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, log

import numpy as np

from simasgd.calibration.laws.families import AbstractFamily
from simasgd.calibration.laws.series import Series
from simasgd.calibration.spells.kinds import KindFit, describe_kinds
from simasgd.calibration.spells.likelihood import Spells
from simasgd.calibration.spells.paths import Booleans, find_paths
from simasgd.tape.arrays import Floats

SEVERAL, TOGETHER, MEMBERS, SLOWDOWNS = "several kinds", "together", "members", "slowdowns"
SLOW_LAW, NORMAL_LAW, MUCH = "slow law", "normal law", "long spells"
_CELLS = 1_000_000  # mini-batches in all replicas
_FEWEST, _MOST = 3, 19  # replicas
_CHANGES = 200  # of state within a mini-batch


def measure_features(kinds: Sequence[KindFit], paths: Sequence[Booleans]) -> dict[str, float]:
    """Return in which ways spells that were found are more than a process with one slowdown, and how strongly."""
    if not kinds:
        return {}
    found: dict[str, float] = {}

    def add(feature: str, strength: float) -> None:
        found[feature] = max(strength, found.get(feature, 0.0))

    excess = [kind.slowdown.value - 1 for kind in kinds]
    if len(kinds) > 1:
        add(SEVERAL, max(excess) / max(min(excess), 1e-9))
    for kind in kinds:
        if kind.together:
            add(TOGETHER, 1.0)
        if kind.members is not None:
            add(MEMBERS, 1.0)
        if kind.slowdowns is not None:
            add(SLOWDOWNS, kind.slowdowns.cv.value)
        for feature, law in ((SLOW_LAW, kind.slow_law), (NORMAL_LAW, kind.normal_law)):
            if law is not None:
                add(feature, abs(log(law.cv.value)) if law.cv.value else inf)
    slow, spells = sum(int(np.sum(path)) for path in paths), sum(kind.spells for kind in kinds)
    if slow >= max(3 * spells, 10):
        add(MUCH, slow / spells)
    return found


def measure_chance(series: Series, family: AbstractFamily, spells: Spells, scales: Floats) -> dict[str, float]:
    """Return the features of up to 19 logs of the process, of this log's size, each as strong as in any of them.

    A log has a feature more strongly than 19 others by chance in one of 20 cases.
    """
    learners = len(series.times)
    many = int(np.clip(_CELLS // series.size, _FEWEST, _MOST))
    times = simulate_times(series, family, spells, scales, many, np.random.default_rng(0))
    paths = find_paths(times)
    found: dict[str, float] = {}
    gaps = series.gaps
    for first in range(0, len(times), learners):
        own, flags = times[first : first + learners], paths[first : first + learners]
        starts = [
            np.concatenate([[0.0], np.cumsum(one[:-1] + gap)]) + begin[0]
            for one, gap, begin in zip(own, gaps, series.starts, strict=True)
        ]
        levels = np.array([float(np.mean(one[~flag] if np.any(~flag) else one)) for one, flag in zip(own, flags, strict=True)])
        replica = replace(series, times=tuple(own), starts=tuple(starts))
        for feature, strength in measure_features(describe_kinds(replica, flags, levels), flags).items():
            found[feature] = max(strength, found.get(feature, 0.0))
    return found


def simulate_times(
    series: Series, family: AbstractFamily, spells: Spells, scales: Floats, many: int, rng: np.random.Generator
) -> list[Floats]:
    """Draw the times (s) of all learners under a process, `many` times over; gaps are those of the log."""
    sizes = [len(one) for one in series.times] * many
    width, rows = max(sizes), len(sizes)
    work = family.quantiles(rng.random((rows, width)) * (1 - 2e-12) + 1e-12, spells.mean, spells.cv)
    work *= np.tile(scales, many)[:, None]
    gaps = np.zeros((rows, width))
    for row, gap in enumerate(series.gaps * many):
        gaps[row, : len(gap)] = gap
    share = spells.slow / (spells.normal + spells.slow)
    keep = np.exp(-gaps * (1 / spells.normal + 1 / spells.slow))  # of the state, over the gap; else it is drawn anew
    is_slow = rng.random(rows) < share
    times = np.empty((rows, width))
    for place in range(width):
        times[:, place], is_slow = spend(spells, work[:, place], is_slow, rng)
        anew = rng.random(rows) >= keep[:, place]
        is_slow = np.where(anew, rng.random(rows) < share, is_slow)
    return [times[row, :size] for row, size in enumerate(sizes)]


def spend(spells: Spells, work: Floats, is_slow: Booleans, rng: np.random.Generator) -> tuple[Floats, Booleans]:
    """Draw the time (s) that work takes which begins in a state, and the state in which it ends."""
    drawn, left, slow = np.zeros(len(work)), work, is_slow
    for _ in range(_CHANGES):
        spell = rng.exponential(np.where(slow, spells.slow, spells.normal))
        stretch = np.where(slow, spells.slowdown, 1.0)
        done = left * stretch <= spell
        drawn += np.where(done, left * stretch, spell)
        left = np.where(done, 0.0, left - spell / stretch)
        slow = slow ^ ~done
        if done.all():
            break
    return drawn, slow
