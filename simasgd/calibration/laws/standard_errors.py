"""Estimates: a number that was fitted, and its standard error."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, inf, isfinite, log10, sqrt
from typing import Literal, final

import numpy as np

from simasgd.tape.arrays import Floats

Unit = Literal["", "s", "B/s"]
_MULTIPLES: dict[Unit, tuple[tuple[float, str], ...]] = {
    "": ((1.0, ""),),
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "B/s": ((1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")),
}
_ROUNDING = 1e-6  # of a number: the resolution of a clock, below which an error is none


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

    def describe(self, unit: Unit = "") -> str:
        """Write the number and its standard error, both in one multiple of the unit: `1.2695 ± 0.0063 ms`.

        The error has two significant digits, and the number ends at the same place. An error of less than a
        millionth of the number is rounding, and is left out.
        """
        if not isfinite(self.error):
            return f"{write_quantity(self.value, unit)} (standard error unknown)"
        if self.error <= _ROUNDING * abs(self.value):
            return write_quantity(self.value, unit, digits=6)
        size, name = _choose_multiple(self.value or self.error, unit)
        value, error = self.value / size, self.error / size
        suffix = f" {name}" if name else ""
        place = 1 - floor(log10(float(f"{error:.1e}")))
        decimals = max(place, 0)
        return f"{round(value, place):,.{decimals}f} ± {round(error, place):,.{decimals}f}{suffix}"


def write_quantity(value: float, unit: Unit, digits: int = 3) -> str:
    """Write a number with at most `digits` significant digits, in a multiple of the unit that suits it: `9.96 ms`."""
    size, name = _choose_multiple(value, unit)
    return f"{value / size:.{digits}g}{f' {name}' if name else ''}"


def _choose_multiple(number: float, unit: Unit) -> tuple[float, str]:
    """Return the multiple of a unit that suits a number: its size in the unit, and its name."""
    multiples = _MULTIPLES[unit]
    return next((pair for pair in multiples if abs(number) >= pair[0]), multiples[-1] if number else (1.0, unit))
