"""Logarithm, exponential and random numbers that are the same bit for bit on every machine.

A seed fixes the tape everywhere. NumPy's `exp`, `log` and its distributions come from the
platform's C library and may differ in the last bit between machines, or in their stream between
releases; one such bit can reorder two events. So the random numbers are drawn here from the raw
bits of a Philox generator (whose stream NumPy guarantees) with nothing but + − × ÷ √ and scaling by
powers of two, which IEEE 754 defines exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import final

import numpy as np
import numpy.typing as npt

from simasgd.tape.arrays import Floats

_LN2_HIGH = 0.6931471803691238  # the first 33 bits of ln 2, so that k·_LN2_HIGH is exact for |k| < 2**20
_LN2_LOW = 1.9082149292705877e-10
_BLOCK = 256  # uniform numbers drawn at a time
_SQRT_HALF = 0.7071067811865476


def log(x: Floats) -> Floats:
    """Return the natural logarithm of positive finite numbers, to about one unit in the last place.

    It is ln m + k·ln 2, with ln m = 2·artanh((m − 1)/(m + 1)) by its series.
    """
    mantissa, exponent = np.frexp(x)
    low = mantissa < _SQRT_HALF
    mantissa = np.where(low, mantissa * 2.0, mantissa)
    exponent = np.where(low, exponent - 1, exponent).astype(np.float64)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    series = np.full_like(s, 1.0 / 23.0)
    for odd in range(21, 0, -2):
        series = series * square + 1.0 / odd
    result: Floats = exponent * _LN2_HIGH + (2.0 * s * series + exponent * _LN2_LOW)
    return result


def exp(x: Floats) -> Floats:
    """Return e^x for −700 ≤ x ≤ 700, to about one unit in the last place: 2^k·e^r, |r| ≤ ln 2 / 2."""
    k = np.rint(x / (_LN2_HIGH + _LN2_LOW))
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    series = np.ones_like(r)
    for n in range(14, 0, -1):
        series = series * r / n + 1.0
    result: Floats = np.ldexp(series, k.astype(np.int32))
    return result


@final
class Streams:
    """Sources of bits that are drawn from together, because an operation on a long array costs little more than on a short one.

    The arrays hold the numbers of one source after those of another; `counts` says how many each
    has. Each source gives the numbers that it would give alone.
    """

    def __init__(self, bits: Sequence[np.random.Philox], counts: Sequence[int]) -> None:
        self._bits = bits
        self.counts = counts

    def uniforms(self) -> Floats:
        """Draw `counts` numbers as `uniforms` does."""
        raw = [bits.random_raw(count) for bits, count in zip(self._bits, self.counts, strict=True)]
        whole = np.concatenate(raw) if len(raw) > 1 else np.asarray(raw[0])
        result: Floats = ((whole >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        return result

    def normals(self) -> Floats:
        """Draw about 0.785·`counts` standard normal numbers, by Marsaglia's polar method, and count them."""
        x = 2.0 * self.uniforms() - 1.0
        y = 2.0 * self.uniforms() - 1.0
        square = x * x + y * y
        inside = square < 1.0
        self.keep(inside)
        x, square = x[inside], square[inside]
        result: Floats = x * np.sqrt(-2.0 * log(square) / square)
        return result

    def keep(self, kept: npt.NDArray[np.bool_]) -> None:
        """Count only those numbers that are kept."""
        before = np.concatenate([[0], np.cumsum(kept)])
        ends = np.cumsum([0, *self.counts])
        self.counts = np.diff(before[ends]).tolist()


def uniforms(bits: np.random.Philox, count: int) -> Floats:
    """Draw `count` numbers in (0, 1]: odd multiples of 2⁻⁵⁴ below one half, multiples of 2⁻⁵³ from there on."""
    return Streams([bits], [count]).uniforms()


def endless_uniforms(bits: np.random.Philox) -> Iterator[float]:
    """Draw the numbers of `uniforms` one by one, without end."""
    while True:
        yield from uniforms(bits, _BLOCK).tolist()


def normals(bits: np.random.Philox, candidates: int) -> Floats:
    """Draw about 0.785·`candidates` standard normal numbers, by Marsaglia's polar method."""
    return Streams([bits], [candidates]).normals()


class Purpose(IntEnum):
    """The purpose of a stream of bits. No two purposes share a stream."""

    COMPUTE = 1
    MINI_BATCH = 2
    UPDATE = 3
    SPEED = 4
    SPELL = 5
    CRASH = 6
    LOSS = 7
    DELAY = 8
    PARTITION = 9
    TEXT = 10
    AUGMENT = 11
    ANALYTIC = 12
    PEER = 13
    PASSAGE = 14
    START = 15
    BANDWIDTH = 16
    MEMBER = 17
    BLOCK = 18
    MEAN = 19
    SLOWDOWN = 20
    SHARE = 30
    SIZE = 31
    RATE = 32
    STEP = 40
    MIXING = 41
    COLLECTIVE_START = 42


_LASTING = frozenset(
    {
        *(Purpose.MINI_BATCH, Purpose.SPEED, Purpose.PARTITION, Purpose.TEXT, Purpose.AUGMENT, Purpose.ANALYTIC),
        *(Purpose.BANDWIDTH, Purpose.MEMBER, Purpose.MEAN, Purpose.SHARE, Purpose.SIZE, Purpose.RATE),
    }
)
"""The purposes of what all parts of a run have in common. Mini-batches are numbered through."""
_PARTS = 2**32


def seed_of_part(seed: int, part: int) -> int:
    """Return the seed of a part of a run: of the same cluster, with other times. Part 0 has the seed itself."""
    return seed + part * _PARTS


def seed_of_run(seed: int) -> int:
    """Return the seed of the run that a part with this seed belongs to."""
    return seed % _PARTS


def stream(seed: int, purpose: Purpose, number: int) -> np.random.Philox:
    """Return an independent source of bits for each seed, purpose and number (a learner's, for example).

    The seeds of a run's parts have the same source for purposes that last, and their own for others.
    """
    part, own = divmod(seed, _PARTS)
    words = [own, purpose, number]
    if part and purpose not in _LASTING:
        words.append(part)
    return np.random.Philox(np.random.SeedSequence(words))
