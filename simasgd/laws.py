"""Laws of random numbers of mean 1, drawn with exact arithmetic: the same bit for bit on every machine."""

from __future__ import annotations

import abc
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, islice, repeat
from math import fsum
from typing import Literal, final

import numpy as np

from simasgd import exact
from simasgd.tape.arrays import Floats

_FIRST_BLOCK, _LARGEST_BLOCK = 32, 512
_DRAWS = 2**14
_TOGETHER = 256  # streams: their blocks fit into a cache


def _uniform(bits: np.random.Philox) -> float:
    return float(exact.uniforms(bits, 1)[0])


class AbstractDistribution(abc.ABC):
    """A law of positive random factors with mean 1."""

    @abc.abstractmethod
    def block(self, streams: exact.Streams) -> Floats:
        """Draw about as many factors as the streams' counts say, the next of each stream, and count them.

        There is at least one for a count ≥ 32.
        """

    def draw(self, bits: np.random.Philox, count: int) -> Floats:
        """Draw about `count` factors, the next of this stream; at least one for count ≥ 32."""
        return self.block(exact.Streams([bits], [count]))

    def factors(self, bits: np.random.Philox) -> Iterator[float]:
        """Return an endless stream of factors.

        Blocks grow, so that few draws are cheap and many are fast.
        """
        return self.times(1.0, bits)

    def times(self, mean: float, bits: np.random.Philox) -> Iterator[float]:
        """Return an endless stream of times with that mean: the factors, times the mean.

        Nobody else may draw from `bits`, except between two of these blocks.
        """
        return self.times_of_all([mean], [bits])[0]

    def times_of_all(self, means: Sequence[float], bits: Sequence[np.random.Philox]) -> list[Iterator[float]]:
        """Return for each stream the times that `times` returns. Several streams are drawn from together."""
        blocks = _Blocks(self, means, bits)
        return [chain.from_iterable(blocks.of(member)) for member in range(len(bits))]

    @abc.abstractmethod
    def longer(self, bits: np.random.Philox) -> float:
        """Draw from the length-biased law, whose density is x·f(x): the interval that a random instant lies in."""

    def rest(self, bits: np.random.Philox) -> float:
        """Draw the rest of the interval that a random instant lies in.

        Its density is P(X > x), as the mean is 1 (D. R. Cox, Renewal Theory, 1962, section 5.3).
        """
        return self.longer(bits) * _uniform(bits)

    def mean_speed(self, slowdown: float) -> float:
        """Return the mean of 1/(1 + (slowdown − 1)·X), over 2¹⁴ draws of a fixed stream.

        Its standard error is below 0.4 %, since the values are between 0 and 1.
        """
        drawn = islice(self.factors(exact.stream(0, exact.Purpose.MEAN, 0)), _DRAWS)
        return fsum(1.0 / (1.0 + (slowdown - 1.0) * factor) for factor in drawn) / _DRAWS


@final
class _Blocks:
    """The next times of several streams, a block of each at a time.

    A stream's first blocks are small, so that few draws are cheap and many are fast. The streams
    beside one that needs a block are drawn from with it, unless they have a block in stock. So no
    stream is ever more than a block ahead.
    """

    def __init__(self, law: AbstractDistribution, means: Sequence[float], bits: Sequence[np.random.Philox]) -> None:
        self._law = law
        self._means = means
        self._bits = bits
        self._counts = [_FIRST_BLOCK] * len(bits)
        self._stock: list[array[float] | None] = [None] * len(bits)

    def of(self, member: int) -> Iterator[array[float]]:
        """Return the blocks of one stream (s), which take a quarter of the memory of lists."""
        stock = self._stock
        while True:
            if stock[member] is None:
                self._draw(member)
            block, stock[member] = stock[member], None
            assert block is not None
            yield block
            del block  # before the next one is drawn

    def _draw(self, member: int) -> None:
        first = member - member % _TOGETHER
        group = range(first, min(first + _TOGETHER, len(self._bits)))
        members = [number for number in group if self._stock[number] is None]
        streams = exact.Streams([self._bits[number] for number in members], [self._counts[number] for number in members])
        factors = self._law.block(streams)
        means = np.repeat([self._means[number] for number in members], streams.counts)
        with np.errstate(over="ignore"):
            blocks = np.split(means * factors, np.cumsum(streams.counts)[:-1])
        for number, block in zip(members, blocks, strict=True):
            self._stock[number] = array("d", block.tobytes())  # a copy: a part of an array would keep the whole of it
            self._counts[number] = min(2 * self._counts[number], _LARGEST_BLOCK)


@final
@dataclass(frozen=True)
class Constant(AbstractDistribution):
    """Always 1."""

    def block(self, streams: exact.Streams) -> Floats:
        return np.ones(sum(streams.counts))

    def times_of_all(self, means: Sequence[float], bits: Sequence[np.random.Philox]) -> list[Iterator[float]]:
        return [repeat(mean) for mean in means]

    def longer(self, bits: np.random.Philox) -> float:
        return 1.0


@final
@dataclass(frozen=True)
class Exponential(AbstractDistribution):
    """Memoryless: −ln U, with coefficient of variation 1."""

    def block(self, streams: exact.Streams) -> Floats:
        return -exact.log(streams.uniforms())

    def longer(self, bits: np.random.Philox) -> float:
        return float(np.sum(self.draw(bits, 2)))  # gamma of shape 2


@final
@dataclass(frozen=True)
class LogNormal(AbstractDistribution):
    """exp(sZ − s²/2) with s² = ln(1 + cv²)."""

    cv: float

    def block(self, streams: exact.Streams) -> Floats:
        variance = exact.log(np.array([1.0 + self.cv * self.cv]))
        return exact.exp(np.sqrt(variance) * streams.normals() - variance / 2.0)

    def longer(self, bits: np.random.Philox) -> float:
        return next(self.factors(bits)) * (1.0 + self.cv * self.cv)  # the mean of ln X is greater by s²


@final
@dataclass(frozen=True)
class Gamma(AbstractDistribution):
    """Gamma with shape k = 1/cv² and scale 1/k, by Marsaglia and Tsang's method (ACM TOMS 26, 2000).

    For k < 1 a draw of shape k + 1 is multiplied by U^(1/k), as they propose.
    """

    cv: float

    def block(self, streams: exact.Streams) -> Floats:
        shape = 1.0 / (self.cv * self.cv)
        boosted = shape + 1.0 if shape < 1.0 else shape
        d = boosted - 1.0 / 3.0
        c = 1.0 / (3.0 * np.sqrt(d))
        z = streams.normals()
        u = streams.uniforms()
        root = 1.0 + c * z
        positive = root > 0.0
        streams.keep(positive)
        z, u, root = z[positive], u[positive], root[positive]
        v = root * root * root
        accepted = exact.log(u) < 0.5 * z * z + d - d * v + d * exact.log(v)
        streams.keep(accepted)
        draws = d * v[accepted]
        if shape < 1.0:
            # The floor keeps U^(1/k) a positive number where it would underflow (reached only for cv > 4).
            draws = draws * exact.exp(np.maximum(exact.log(streams.uniforms()) / shape, -700.0))
        result: Floats = draws / shape
        return result

    def longer(self, bits: np.random.Philox) -> float:
        shape = 1.0 / (self.cv * self.cv)
        return next(Gamma(1.0 / float(np.sqrt(shape + 1.0))).factors(bits)) * (shape + 1.0) / shape  # of shape k + 1


@final
@dataclass(frozen=True)
class ShiftedExponential(AbstractDistribution):
    """(1 − cv) + cv·E with E exponential: no factor is less than 1 − cv (0 < cv ≤ 1)."""

    cv: float

    def block(self, streams: exact.Streams) -> Floats:
        result: Floats = (1.0 - self.cv) - self.cv * exact.log(streams.uniforms())
        return result

    def longer(self, bits: np.random.Philox) -> float:
        # x·f(x) is a mixture: with probability cv the exponential part is a gamma of shape 2.
        parts = 2 if _uniform(bits) <= self.cv else 1
        return (1.0 - self.cv) - self.cv * float(np.sum(exact.log(exact.uniforms(bits, parts))))


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

    def block(self, streams: exact.Streams) -> Floats:
        a = self.shape
        result: Floats = (a - 1.0) / a * exact.exp(-exact.log(streams.uniforms()) / a)
        return result

    def longer(self, bits: np.random.Philox) -> float:
        a = self.shape  # of the length-biased law: a − 1
        return float((a - 1.0) / a * exact.exp(-exact.log(exact.uniforms(bits, 1)) / (a - 1.0))[0])


@final
@dataclass(frozen=True)
class Empirical(AbstractDistribution):
    """Measured times (s) over their mean, drawn with replacement."""

    measured: Sequence[float]

    @cached_property
    def _factors(self) -> Floats:
        return np.array(self.measured) / (fsum(self.measured) / len(self.measured))

    def block(self, streams: exact.Streams) -> Floats:
        size = len(self.measured)
        # u·n may round up to n.
        chosen = np.minimum(np.floor(streams.uniforms() * size), size - 1).astype(np.int64)
        return self._factors[chosen]

    def longer(self, bits: np.random.Philox) -> float:
        reached = np.cumsum(self._factors)
        place = np.searchsorted(reached, _uniform(bits) * reached[-1])
        return float(self._factors[min(int(place), len(reached) - 1)])


@lru_cache(maxsize=8)  # a draw takes 0.1 ms a member, and a run asks for the same ones several times
def member_factors(
    distribution: Literal["gamma", "lognormal"], cv: float, seed: int, purpose: exact.Purpose, members: int
) -> tuple[float, ...]:
    """Draw a factor of mean 1 for each member, a function of the seed, the purpose and the member's number only."""
    law = {"gamma": Gamma, "lognormal": LogNormal}[distribution](cv)
    return tuple(next(law.factors(exact.stream(seed, purpose, member))) for member in range(members))
