"""Autocorrelation of compute times: whether successive mini-batches are slow together."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from simasgd.tape.arrays import Floats

_WINDOWS = (1, 3, 10, 30)  # lags whose autocorrelations are added up
SURE, PERHAPS = 4.0, 2.0  # standard errors: beyond chance, and enough to look closer


def compute_autocorrelation(times: Sequence[Floats], most: int) -> Floats:
    """Compute the autocorrelation of log times at lags 1 to `most`, pooled over learners around their own means."""
    return _correlate([np.log(one) for one in times], most)


def is_correlated(times: Sequence[Floats], errors: float) -> bool:
    """Return whether times, or their logarithms, are autocorrelated by more than `errors` standard errors."""
    size = sum(len(one) for one in times)
    for values in (times, [np.log(one) for one in times]):
        correlation = _correlate(values, max(_WINDOWS))
        if any(float(np.sum(correlation[:window])) > errors * sqrt(window / size) for window in _WINDOWS):
            return True
    return False


def estimate_memory(times: Sequence[Floats], most: int = 1_000) -> float:
    """Estimate after how many mini-batches the autocorrelation is 1/e of that at lag 1; at least 1."""
    correlation = _correlate(times, most)
    start = float(np.mean(correlation[:3]))
    smooth = np.convolve(correlation, np.ones(5) / 5, mode="valid")
    below = np.flatnonzero(smooth < start / np.e)
    return float(max(below[0] + 2 if len(below) else most, 1))


def _correlate(values: Sequence[Floats], most: int) -> Floats:
    centred = [one - np.mean(one) for one in values]
    variance = sum(float(np.sum(one * one)) for one in centred)
    if variance <= 0.0:
        return np.zeros(most)
    return np.array([sum(float(np.sum(one[lag:] * one[:-lag])) for one in centred) / variance for lag in range(1, most + 1)])
