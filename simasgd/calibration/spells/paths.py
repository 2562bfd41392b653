"""When each learner was slow: the likeliest path of a two-state Markov chain through its compute times.

The slow state has any slowdown from 1.3 on. So spells need not be alike, as a process with one slowdown
has them (`markov`). Spells shorter than a mini-batch are not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
import numpy.typing as npt

from simasgd.tape.arrays import Floats

Booleans = npt.NDArray[np.bool_]

_LEAST = log(1.3)  # logarithm of the least slowdown
_ROUNDS = 20
_OUTLIERS = 1e-3  # share of the mini-batches at normal speed that may take any time


def find_paths(times: Sequence[Floats]) -> list[Booleans]:
    """Return, for each learner's mini-batches, whether it was slow; alternates between paths and parameters.

    Args:
        times: of each learner in order (s).
    """
    width = max(len(one) for one in times)
    logs = np.full((len(times), width), np.nan)
    for number, one in enumerate(times):
        logs[number, : len(one)] = np.log(one)
    there = ~np.isnan(logs)
    level = np.nanquantile(logs, 0.4, axis=1)
    excess = logs - level[:, None]
    spread = max(1.4826 * float(np.nanmedian(np.abs(excess - np.nanmedian(excess)))), 1e-3)
    middle, slow_spread, begins, ends = 1.0, 0.7, 0.002, 0.02
    path = np.zeros_like(there)
    for _ in range(_ROUNDS):
        excess = np.where(there, logs - level[:, None], 0.0)
        usual = -0.5 * (excess / spread) ** 2 - log(spread)
        normal = np.logaddexp(usual, log(_OUTLIERS) - 3 * np.abs(excess))
        slow = -0.5 * ((excess - middle) / slow_spread) ** 2 - log(slow_spread)
        slow = np.where(excess > _LEAST, slow, normal - 50)
        new = _decode(np.where(there, normal, 0.0), np.where(there, slow, 0.0), begins, ends) & there
        if np.array_equal(new, path):
            break
        path = new
        fast = there & ~path
        counts = fast.sum(axis=1)
        level = np.where(counts > 10, np.where(fast, np.nan_to_num(logs), 0.0).sum(axis=1) / np.maximum(counts, 1), level)
        excess = np.where(there, logs - level[:, None], 0.0)
        spread = max(float(np.std(excess[fast])), 1e-3)
        if path.sum() > 5:
            middle, slow_spread = max(float(np.mean(excess[path])), _LEAST), max(float(np.std(excess[path])), 0.2)
        both = there[:, 1:]
        begins = (float(np.sum(path[:, 1:] & ~path[:, :-1])) + 0.5) / (float(fast.sum()) + 1)
        ends = (float(np.sum(~path[:, 1:] & path[:, :-1] & both)) + 0.5) / (float(path.sum()) + 1)
    return [path[number, : len(one)] for number, one in enumerate(times)]


def _decode(normal: Floats, slow: Floats, begins: float, ends: float) -> Booleans:
    """Return the likeliest path by Viterbi's algorithm, for all learners at once.

    Args:
        normal, slow: log densities of each time in either state, of shape (learners, times).
        begins, ends: probabilities that a slow spell begins and ends from one time to the next.
    """
    stays, begins, ends, stays_slow = np.log([1 - begins, begins, ends, 1 - ends])
    size = normal.shape[1]
    fast_score, slow_score = normal[:, 0] + ends, slow[:, 0] + begins
    from_slow = np.empty((size, 2, len(normal)), dtype=bool)
    for at in range(1, size):
        ended, stayed = slow_score + ends, fast_score + stays
        begun, stayed_slow = fast_score + begins, slow_score + stays_slow
        from_slow[at, 0], from_slow[at, 1] = ended > stayed, stayed_slow > begun
        fast_score = np.maximum(ended, stayed) + normal[:, at]
        slow_score = np.maximum(begun, stayed_slow) + slow[:, at]
    path = np.empty(normal.shape, dtype=bool)
    here = slow_score > fast_score
    path[:, -1] = here
    for at in range(size - 1, 0, -1):
        here = np.where(here, from_slow[at, 1], from_slow[at, 0])
        path[:, at - 1] = here
    return path
