"""The size of each learner's mini-batches."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import TypeAlias

from simasgd import exact
from simasgd.laws import member_factors
from simasgd.scenario.workload import MiniBatches, Workload

MiniBatch: TypeAlias = int | tuple[int, ...]
"""The samples of a mini-batch of every learner, or of each where they differ."""
_MOST = 10**9  # samples, of a law


def mini_batch_sizes(workload: Workload, learners: int, seed: int) -> MiniBatch:
    """Return the number of samples in a mini-batch: one number if it is the same for all learners, else one for each.

    One that is drawn from a law is a function of the seed and the learner's number only.
    """
    chosen = workload.mini_batch
    if isinstance(chosen, int):
        return chosen
    sizes = _drawn(chosen, learners, seed) if isinstance(chosen, MiniBatches) else chosen
    return sizes[0] if min(sizes) == max(sizes) else sizes


def size_of_each(mini_batch: MiniBatch, learners: int) -> Sequence[int]:
    """Return the number of samples in a mini-batch of each learner."""
    return mini_batch if isinstance(mini_batch, tuple) else (mini_batch,) * learners


def _drawn(law: MiniBatches, learners: int, seed: int) -> tuple[int, ...]:
    factors = member_factors(law.distribution, law.cv, seed, exact.Purpose.SIZE, learners)
    return tuple(max(1, floor(min(law.mean * factor, _MOST) + 0.5)) for factor in factors)
