"""Waves: gradients that are computed at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from simasgd.learning.layout.costs import DeviceCosts, Work
from simasgd.tape.arrays import Ints

_STEPS_FOR_EACH = 4  # evaluation of the widest wave: mixtures have none, and a wave's matrices grow with its steps


class WaveShape(NamedTuple):
    """The sizes of the longest wave, for which the loop is compiled. Shorter waves are filled up."""

    width: int
    """The greatest number of evaluations in a wave."""
    depth: int
    """The greatest number of steps in a wave."""


class Waves(NamedTuple):
    """Evaluations that are computed at once; all weights that they read exist when the wave begins.

    A wave is a stretch of whole steps: wave v has steps `step[v]` to `step[v + 1]`.
    """

    step: Shaped[Ints, " V+1"]
    shape: WaveShape

    def until(self, steps: int) -> int:
        """Return the number of waves that end within the first steps."""
        return int(np.searchsorted(self.step, steps, side="right")) - 1

    def described(self, evaluations: int) -> str:
        """Describe the waves of `evaluations` evaluations."""
        number = len(self.step) - 1
        return f"{number:,} waves of {evaluations / max(1, number):.1f} evaluations on average, at most {self.shape.width}"


def plan_waves(
    newest: Shaped[Ints, " U"], first: Shaped[Ints, " U+1"], samples: int, costs: DeviceCosts, work: Work, stops: Sequence[int]
) -> Waves:
    """Return the waves of a tape's steps.

    Step u has evaluations first[u] to first[u + 1], of `samples` samples each. The newest weights
    that it reads are newest[u]. Waves end at the `stops`.
    """
    most = costs.widest_wave(work, samples)
    rows = _STEPS_FOR_EACH * costs.most_in_wave
    starts = _longest_waves(newest, first, most, rows, stops)
    sizes = np.diff(first[starts])
    best = max(costs.best_width(work, samples, sizes[sizes > 0]) if sizes.any() else most, int(np.diff(first).max(initial=1)))
    if best < sizes.max(initial=0):
        starts = _longest_waves(newest, first, best, rows, stops)
    shape = WaveShape(int(np.diff(first[starts]).max(initial=1)), int(np.diff(starts).max(initial=1)))
    return Waves(starts, shape)


def _longest_waves(newest: Ints, first: Ints, most: int, rows: int, stops: Sequence[int]) -> Shaped[Ints, " V+1"]:
    """Return the bounds of the longest waves of whole steps, found greedily.

    A wave has at most `rows` steps and `most` evaluations, unless a single step has more.
    """
    cuts = set(stops)
    steps = len(newest)
    read, bounds = newest.tolist(), first.tolist()
    starts = [0]
    for u in range(1, steps):
        if u in cuts or u - starts[-1] >= rows or read[u] > starts[-1] or bounds[u + 1] - bounds[starts[-1]] > most:
            starts.append(u)
    return np.array([*starts, steps]) if steps else np.zeros(1, np.int64)
