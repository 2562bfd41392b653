"""Estimates: a number that was fitted, and its standard error."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import final

import numpy as np

from simasgd.tape.arrays import Floats


@final
@dataclass(frozen=True)
class Estimate:
    """A number and its standard error."""

    value: float
    error: float
    """Infinite where the log does not tell it."""

    @classmethod
    def mean_of(cls, values: Floats) -> Estimate:
        """Return the mean of independent values."""
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else inf
        return cls(float(np.mean(values)), spread / sqrt(len(values)) if isfinite(spread) else inf)

    @classmethod
    def of_lengths(cls, value: float, count: float) -> Estimate:
        """Return the estimate `value` of the mean of `count` exponential lengths; the count need not be whole.

        The error is the standard deviation of the mean given the lengths, under the prior 1 ÷ mean (an
        inverse gamma law): n·value ÷ ((n − 1)·√(n − 2)). With few lengths it is larger than value ÷ √n,
        and infinite for two or fewer.
        """
        return cls(value, count * value / ((count - 1.0) * sqrt(count - 2.0)) if count > 2.0 else inf)

    def times(self, factor: float) -> Estimate:
        """Return the estimate of a multiple of the number."""
        return Estimate(self.value * factor, self.error * abs(factor))

    def describe(self, unit: str = "") -> str:
        """Write the number with its standard error, in a unit that both share."""
        error = f"± {self.error:.2g}" if isfinite(self.error) else "with unknown error"
        return f"{self.value:.6g} {error}{f' {unit}' if unit else ''}"
