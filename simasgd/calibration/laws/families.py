"""Families of laws that `fit` tries for times: those of the scenario's `distribution`.

Every family has two parameters, the mean (s) and the coefficient of variation (cv). The exponential
family has the mean only. A density is the one that `simasgd.laws` draws from. So a log of the
simulator's own can be fitted exactly.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from math import log, pi, sqrt
from typing import final

import numpy as np
from scipy import special

from simasgd.tape.arrays import Floats

LEAST_CV, LARGEST_CV = 1e-6, 10.0  # the scenario's own bounds
_ROUNDED = 1 - 1e-12  # keeps the least time inside a law that starts there, whatever the rounding


class AbstractFamily(abc.ABC):
    """A family of laws of positive times."""

    name: str
    """The word for it in `cluster.compute.distribution`."""
    has_cv = True
    """Whether the coefficient of variation is a parameter."""
    largest_cv = LARGEST_CV
    """The largest cv that a scenario may give it."""
    has_bound = False
    """Whether the law has a least time, on which its likelihood depends as a step."""

    @abc.abstractmethod
    def guess_cv(self, factors: Floats) -> float:
        """Return the cv from which a search starts, for times over their mean."""

    @abc.abstractmethod
    def mean_given(self, times: Floats, cv: float) -> float:
        """Compute the most likely mean (s) for these times where the cv is known."""

    @abc.abstractmethod
    def log_density(self, times: Floats, mean: float, cv: float) -> Floats:
        """Compute the natural logarithm of the density (1/s) at each time (s); −inf where it is 0."""

    @abc.abstractmethod
    def cumulative(self, times: Floats, mean: float, cv: float) -> Floats:
        """Compute the probability that a time is at most each of these (s)."""

    @abc.abstractmethod
    def quantiles(self, probabilities: Floats, mean: float, cv: float) -> Floats:
        """Compute the times (s) below which a draw falls with these probabilities."""


def _clipped(cv: float, largest: float = LARGEST_CV) -> float:
    return float(np.clip(cv, LEAST_CV, largest))


@final
@dataclass(frozen=True)
class GammaFamily(AbstractFamily):
    """Shape k = 1/cv², scale mean·cv²."""

    name: str = "gamma"

    def guess_cv(self, factors: Floats) -> float:
        # ln(mean) − mean(ln) = ln k − ψ(k), which is about 1/(2k) for large k (Minka, 2002, for the rest).
        s = max(log(float(np.mean(factors))) - float(np.mean(np.log(factors))), 1e-13)
        shape = (3 - s + sqrt((s - 3) ** 2 + 24 * s)) / (12 * s)
        return _clipped(1 / sqrt(shape))

    def mean_given(self, times: Floats, cv: float) -> float:
        return float(np.mean(times))

    def log_density(self, times: Floats, mean: float, cv: float) -> Floats:
        shape, scale = 1 / cv**2, mean * cv**2
        constant = -float(special.gammaln(shape)) - shape * log(scale)
        result: Floats = (shape - 1) * np.log(times) - times / scale + constant
        return result

    def cumulative(self, times: Floats, mean: float, cv: float) -> Floats:
        result: Floats = special.gammainc(1 / cv**2, times / (mean * cv**2))
        return result

    def quantiles(self, probabilities: Floats, mean: float, cv: float) -> Floats:
        result: Floats = special.gammaincinv(1 / cv**2, probabilities) * (mean * cv**2)
        return result


@final
@dataclass(frozen=True)
class LogNormalFamily(AbstractFamily):
    """exp(N(ln mean − s²/2, s²)) with s² = ln(1 + cv²)."""

    name: str = "lognormal"

    def guess_cv(self, factors: Floats) -> float:
        return _clipped(sqrt(float(np.expm1(min(float(np.var(np.log(factors))), 4.6)))))

    def mean_given(self, times: Floats, cv: float) -> float:
        return float(np.exp(np.mean(np.log(times)) + log(1 + cv * cv) / 2))

    def log_density(self, times: Floats, mean: float, cv: float) -> Floats:
        s, middle = self._natural(mean, cv)
        logs = np.log(times)
        result: Floats = -(((logs - middle) / s) ** 2) / 2 - logs - log(s * sqrt(2 * pi))
        return result

    def cumulative(self, times: Floats, mean: float, cv: float) -> Floats:
        s, middle = self._natural(mean, cv)
        result: Floats = special.ndtr((np.log(times) - middle) / s)
        return result

    def quantiles(self, probabilities: Floats, mean: float, cv: float) -> Floats:
        s, middle = self._natural(mean, cv)
        result: Floats = np.exp(middle + s * special.ndtri(probabilities))
        return result

    @staticmethod
    def _natural(mean: float, cv: float) -> tuple[float, float]:
        """Return the standard deviation and the mean of the logarithm."""
        variance = float(np.log1p(cv * cv))
        return sqrt(variance), log(mean) - variance / 2


@final
@dataclass(frozen=True)
class ExponentialFamily(AbstractFamily):
    """Memoryless, cv 1."""

    name: str = "exponential"
    has_cv = False

    def guess_cv(self, factors: Floats) -> float:
        return 1.0

    def mean_given(self, times: Floats, cv: float) -> float:
        return float(np.mean(times))

    def log_density(self, times: Floats, mean: float, cv: float) -> Floats:
        return -times / mean - log(mean)

    def cumulative(self, times: Floats, mean: float, cv: float) -> Floats:
        return -np.expm1(-times / mean)

    def quantiles(self, probabilities: Floats, mean: float, cv: float) -> Floats:
        return -mean * np.log1p(-probabilities)


@final
@dataclass(frozen=True)
class ShiftedExponentialFamily(AbstractFamily):
    """mean·((1 − cv) + cv·E) with E exponential: no time is less than mean·(1 − cv)."""

    name: str = "shifted-exponential"
    largest_cv = 1.0
    has_bound = True

    def guess_cv(self, factors: Floats) -> float:
        # The least of n times lies mean·cv/n above the bound, on average.
        size, mean = len(factors), float(np.mean(factors))
        return _clipped((mean - float(np.min(factors))) * size / max(size - 1, 1) / mean, 1.0)

    def mean_given(self, times: Floats, cv: float) -> float:
        return _ROUNDED * float(np.min(times)) / max(1 - cv, 1e-12)

    def log_density(self, times: Floats, mean: float, cv: float) -> Floats:
        scale = mean * cv
        above = times - mean * (1 - cv)
        return np.where(above >= 0.0, -above / scale - log(scale), -np.inf)

    def cumulative(self, times: Floats, mean: float, cv: float) -> Floats:
        return -np.expm1(-np.maximum(times - mean * (1 - cv), 0.0) / (mean * cv))

    def quantiles(self, probabilities: Floats, mean: float, cv: float) -> Floats:
        return mean * ((1 - cv) - cv * np.log1p(-probabilities))


@final
@dataclass(frozen=True)
class ParetoFamily(AbstractFamily):
    """P(X > x) = (m/x)^a from m = mean·(a − 1)/a on, with a = 1 + √(1 + 1/cv²)."""

    name: str = "pareto"
    has_bound = True

    def guess_cv(self, factors: Floats) -> float:
        least = float(np.min(factors))
        shape = 1 / max(float(np.mean(np.log(factors / least))), 1e-12)
        return _clipped(1 / sqrt(max((shape - 1) ** 2 - 1, 1e-2)))

    def mean_given(self, times: Floats, cv: float) -> float:
        a, _ = self._natural(1.0, cv)
        return _ROUNDED * float(np.min(times)) * a / (a - 1)

    def log_density(self, times: Floats, mean: float, cv: float) -> Floats:
        a, least = self._natural(mean, cv)
        return np.where(times >= least, log(a) + a * log(least) - (a + 1) * np.log(times), -np.inf)

    def cumulative(self, times: Floats, mean: float, cv: float) -> Floats:
        a, least = self._natural(mean, cv)
        result: Floats = 1 - np.minimum(least / times, 1.0) ** a
        return result

    def quantiles(self, probabilities: Floats, mean: float, cv: float) -> Floats:
        a, least = self._natural(mean, cv)
        result: Floats = least * (1 - probabilities) ** (-1 / a)
        return result

    @staticmethod
    def _natural(mean: float, cv: float) -> tuple[float, float]:
        """Return the exponent a and the least time (s)."""
        a = 1 + sqrt(1 + 1 / (cv * cv))
        return a, mean * (a - 1) / a


FAMILIES: tuple[AbstractFamily, ...] = (
    GammaFamily(),
    LogNormalFamily(),
    ExponentialFamily(),
    ShiftedExponentialFamily(),
    ParetoFamily(),
)
