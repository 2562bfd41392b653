"""How long a mini-batch takes: a mean from the scenario, times a random factor of mean 1 and given coefficient of variation."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import final

import numpy as np

from simasgd import exact
from simasgd.tape import Floats

_FIRST_BLOCK, _LARGEST_BLOCK = 32, 512


class AbstractDistribution(abc.ABC):
    """A law of positive random factors with mean 1."""

    @abc.abstractmethod
    def block(self, bits: np.random.Philox, count: int) -> Floats:
        """About `count` factors, the next of this stream; at least one for count ≥ 32."""

    def factors(self, bits: np.random.Philox) -> Iterator[float]:
        """An endless stream of factors, drawn in growing blocks so that few draws are cheap and many are fast."""

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


def times(mean: float, law: AbstractDistribution, seed: int, learner: int) -> Iterator[float]:
    """The endless stream of a learner's compute times (s): the k-th is a function of the seed, the learner and k only, so
    two protocols at one seed meet the same stragglers."""
    return (mean * factor for factor in law.factors(exact.stream(seed, exact.Purpose.COMPUTE, learner)))
