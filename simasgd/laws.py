"""Laws of random numbers of mean 1, drawn with exact arithmetic: the same bit for bit on every machine."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from math import fsum
from typing import Literal, final

import numpy as np

from simasgd import exact
from simasgd.tape.arrays import Floats

_FIRST_BLOCK, _LARGEST_BLOCK = 32, 512


class AbstractDistribution(abc.ABC):
    """A law of positive random factors with mean 1."""

    @abc.abstractmethod
    def block(self, bits: np.random.Philox, count: int) -> Floats:
        """Draw about `count` factors, the next of this stream; at least one for count ≥ 32."""

    def factors(self, bits: np.random.Philox) -> Iterator[float]:
        """Return an endless stream of factors.

        Blocks grow, so that few draws are cheap and many are fast.
        """

        def blocks() -> Iterator[list[float]]:
            count = _FIRST_BLOCK
            while True:
                yield self.block(bits, count).tolist()
                count = min(2 * count, _LARGEST_BLOCK)

        return chain.from_iterable(blocks())


@final
@dataclass(frozen=True)
class Constant(AbstractDistribution):
    """Always 1."""

    def block(self, bits: np.random.Philox, count: int) -> Floats:
        return np.ones(count)

    def factors(self, bits: np.random.Philox) -> Iterator[float]:
        return repeat(1.0)


@final
@dataclass(frozen=True)
class Exponential(AbstractDistribution):
    """Memoryless: −ln U, with coefficient of variation 1."""

    def block(self, bits: np.random.Philox, count: int) -> Floats:
        return -exact.log(exact.uniforms(bits, count))


@final
@dataclass(frozen=True)
class LogNormal(AbstractDistribution):
    """exp(sZ − s²/2) with s² = ln(1 + cv²)."""

    cv: float

    def block(self, bits: np.random.Philox, count: int) -> Floats:
        variance = exact.log(np.array([1.0 + self.cv * self.cv]))
        return exact.exp(np.sqrt(variance) * exact.normals(bits, count) - variance / 2.0)


@final
@dataclass(frozen=True)
class Gamma(AbstractDistribution):
    """Gamma with shape k = 1/cv² and scale 1/k, by Marsaglia and Tsang's method (ACM TOMS 26, 2000).

    For k < 1 a draw of shape k + 1 is multiplied by U^(1/k), as they propose.
    """

    cv: float

    def block(self, bits: np.random.Philox, count: int) -> Floats:
        shape = 1.0 / (self.cv * self.cv)
        boosted = shape + 1.0 if shape < 1.0 else shape
        d = boosted - 1.0 / 3.0
        c = 1.0 / (3.0 * np.sqrt(d))
        z = exact.normals(bits, count)
        u = exact.uniforms(bits, len(z))
        root = 1.0 + c * z
        positive = root > 0.0
        z, u, root = z[positive], u[positive], root[positive]
        v = root * root * root
        accepted = exact.log(u) < 0.5 * z * z + d - d * v + d * exact.log(v)
        draws = d * v[accepted]
        if shape < 1.0:
            # The floor keeps U^(1/k) a positive number where it would underflow (reached only for cv > 4).
            draws = draws * exact.exp(np.maximum(exact.log(exact.uniforms(bits, len(draws))) / shape, -700.0))
        result: Floats = draws / shape
        return result


@final
@dataclass(frozen=True)
class ShiftedExponential(AbstractDistribution):
    """(1 − cv) + cv·E with E exponential: no factor is less than 1 − cv (0 < cv ≤ 1)."""

    cv: float

    def block(self, bits: np.random.Philox, count: int) -> Floats:
        result: Floats = (1.0 - self.cv) - self.cv * exact.log(exact.uniforms(bits, count))
        return result


@final
@dataclass(frozen=True)
class Pareto(AbstractDistribution):
    """A heavy tail: P(X > x) = (m/x)^a from m = (a − 1)/a on, which makes the mean 1.

    a = 1 + √(1 + 1/cv²), since the squared coefficient of variation is 1/(a(a − 2)). Drawn as
    m·U^(−1/a).
    """

    cv: float

    @property
    def shape(self) -> float:
        """a, always more than 2."""
        return float(1.0 + np.sqrt(1.0 + 1.0 / (self.cv * self.cv)))

    def block(self, bits: np.random.Philox, count: int) -> Floats:
        a = self.shape
        result: Floats = (a - 1.0) / a * exact.exp(-exact.log(exact.uniforms(bits, count)) / a)
        return result


@final
@dataclass(frozen=True)
class Empirical(AbstractDistribution):
    """Measured times (s) over their mean, drawn with replacement."""

    measured: tuple[float, ...]

    @cached_property
    def _factors(self) -> Floats:
        return np.array(self.measured) / (fsum(self.measured) / len(self.measured))

    def block(self, bits: np.random.Philox, count: int) -> Floats:
        size = len(self.measured)
        # u·n may round up to n.
        chosen = np.minimum(np.floor(exact.uniforms(bits, count) * size), size - 1).astype(np.int64)
        return self._factors[chosen]


def member_factors(
    distribution: Literal["gamma", "lognormal"], cv: float, seed: int, purpose: exact.Purpose, members: int
) -> list[float]:
    """Draw a factor of mean 1 for each member, a function of the seed, the purpose and the member's number only."""
    law = {"gamma": Gamma, "lognormal": LogNormal}[distribution](cv)
    return [next(law.factors(exact.stream(seed, purpose, member))) for member in range(members)]
