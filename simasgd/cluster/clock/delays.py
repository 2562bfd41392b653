"""Endless streams of injected delays, the same bit for bit on every machine."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import cycle, repeat

import numpy as np

from simasgd import exact
from simasgd.scenario.cluster.delay import Delay
from simasgd.tape.arrays import Floats

_BLOCK = 512


def delays(law: Delay, seed: int, layer: int = 0) -> Iterator[int]:
    """Return a stream of delays (updates); the k-th is a function of the law, the seed, the layer's number and k."""
    return _DRAWN[law.distribution](law, exact.stream(seed, exact.Purpose.DELAY, layer))


def _constant(law: Delay, bits: np.random.Philox) -> Iterator[int]:
    assert law.mean is not None
    return repeat(int(law.mean))


def _measured(law: Delay, bits: np.random.Philox) -> Iterator[int]:
    assert law.measured is not None
    return cycle(law.measured)


def _uniform(law: Delay, bits: np.random.Philox) -> Iterator[int]:
    assert law.low is not None
    assert law.high is not None
    low, high = law.low, law.high
    while True:
        for u in exact.uniforms(bits, _BLOCK).tolist():
            yield min(high, low + int(u * (high - low + 1)))


def _geometric(law: Delay, bits: np.random.Philox) -> Iterator[int]:
    """Draw from P(τ ≥ k) = q^k with mean q/(1 − q), by inversion."""
    assert law.mean is not None
    if law.mean == 0.0:
        yield from repeat(0)
    rate = float(-exact.log(np.array([law.mean / (1.0 + law.mean)]))[0])
    while True:
        yield from np.floor(-exact.log(exact.uniforms(bits, _BLOCK)) / rate).astype(np.int64).tolist()


def _poisson(law: Delay, bits: np.random.Philox) -> Iterator[int]:
    """Draw by inversion in a table of the distribution function."""
    assert law.mean is not None
    term = float(exact.exp(np.array([-law.mean]))[0])
    table = [term]
    while (len(table) <= law.mean or term > 1e-18) and len(table) < 10_000:
        term *= law.mean / len(table)
        table.append(table[-1] + term)
    while True:
        for u in exact.uniforms(bits, _BLOCK).tolist():
            yield min(bisect_left(table, u), len(table) - 1)


def _normal(law: Delay, bits: np.random.Philox) -> Iterator[int]:
    assert law.mean is not None
    assert law.deviation is not None
    while True:
        drawn: Floats = np.rint(law.mean + law.deviation * exact.normals(bits, _BLOCK))
        yield from np.maximum(drawn, 0.0).astype(np.int64).tolist()


_DRAWN: dict[str, Callable[[Delay, np.random.Philox], Iterator[int]]] = {
    "constant": _constant,
    "uniform": _uniform,
    "poisson": _poisson,
    "geometric": _geometric,
    "normal": _normal,
    "measured": _measured,
}
