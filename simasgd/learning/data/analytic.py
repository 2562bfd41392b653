"""Generated data sets with a known law: the same bit for bit on every machine and for every seed of a run."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simasgd import exact
from simasgd.scenario.learning.data import AbstractRegression, LinearRegression, LogisticRegression, Noise
from simasgd.tape.arrays import Floats

BYTES_A_NUMBER = 12
"""Memory for generating one number: it is drawn in double precision and kept in single precision."""
_BLOCK = 4096  # candidates at a time, always the same number, so that fewer samples are the first ones of more


class _Part(IntEnum):
    """The purposes of the streams of random numbers. The stream of a test part has the next number."""

    WEIGHTS = 0
    INPUTS = 1
    LABELS = 3
    NOISE = 5


class GeneratedSamples(NamedTuple):
    """Inputs, shape (samples, features), and labels, shape (samples,): numbers, or int32 classes (0 without labels)."""

    train_inputs: npt.NDArray[np.float32]
    train_labels: npt.NDArray[np.float32] | npt.NDArray[np.int32]
    test_inputs: npt.NDArray[np.float32]
    test_labels: npt.NDArray[np.float32] | npt.NDArray[np.int32]


def hidden_weights(features: int) -> Floats:
    """Return w*, shape (features,): standard normal numbers."""
    return _normals(_Part.WEIGHTS, features)


def inputs(spec: AbstractRegression, *, test: bool) -> npt.NDArray[np.float32]:
    """Return x, shape (samples, features). The variance of feature i of d is condition^(−i/(d − 1))."""
    count, features = spec.test if test else spec.samples, spec.features
    place = np.arange(features) / max(1, features - 1)
    variances = exact.exp(-exact.log(np.array([spec.condition])) * place)
    drawn = _normals(_Part.INPUTS + test, count * features).reshape(count, features)
    drawn *= np.sqrt(variances)  # in place: this is the largest array of a run
    return drawn.astype(np.float32)


def chances(spec: LogisticRegression, x: npt.NDArray[np.float32]) -> Floats:
    """Return the probability of class 1 of each sample: 1/(1 + exp(−scale·x·w*/|w*|))."""
    weights = hidden_weights(spec.features)
    length = math.sqrt(math.fsum((weights * weights).tolist()))
    result: Floats = 1.0 / (1.0 + exact.exp(np.clip(-spec.scale * _product(x, weights) / length, -700.0, 700.0)))
    return result


def regression(spec: LinearRegression) -> GeneratedSamples:
    """Generate samples with the labels x·w* + noise."""

    def part(*, test: bool) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        x = inputs(spec, test=test)
        noise = spec.noise * _normals(_Part.LABELS + test, len(x))
        return x, (_product(x, hidden_weights(spec.features)) + noise).astype(np.float32)

    return GeneratedSamples(*part(test=False), *part(test=True))


def two_classes(spec: LogisticRegression) -> GeneratedSamples:
    """Generate samples with labels drawn with the probabilities of `chances`."""

    def part(*, test: bool) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        x = inputs(spec, test=test)
        uniform = exact.uniforms(exact.stream(0, exact.Purpose.ANALYTIC, _Part.LABELS + test), len(x))
        return x, (uniform < chances(spec, x)).astype(np.int32)

    return GeneratedSamples(*part(test=False), *part(test=True))


def noise(spec: Noise) -> GeneratedSamples:
    """Generate pairs of a vector and its negative, so that the mean is exactly 0.

    An odd number of samples ends with a vector of zeros. The test sample is zeros.
    """
    pairs = spec.samples // 2
    numbers = _normals(_Part.NOISE, pairs * spec.features)
    numbers *= spec.deviation
    drawn = numbers.astype(np.float32).reshape(pairs, spec.features)
    train = np.zeros((spec.samples, spec.features), np.float32)
    train[0 : 2 * pairs : 2] = drawn
    train[1 : 2 * pairs : 2] = -drawn
    return GeneratedSamples(
        train, np.zeros(spec.samples, np.int32), np.zeros((1, spec.features), np.float32), np.zeros(1, np.int32)
    )


def _normals(number: int, count: int) -> Floats:
    """Return the first standard normal numbers of a stream, shape (count,)."""
    bits, found, size = exact.stream(0, exact.Purpose.ANALYTIC, number), np.empty(count), 0
    while size < count:
        block = exact.normals(bits, _BLOCK)[: count - size]
        found[size : size + len(block)] = block
        size += len(block)
    return found


def _product(x: npt.NDArray[np.float32], weights: Floats) -> Floats:
    """Return x·w, shape (samples,), added in the order of the features; a BLAS may use another order elsewhere."""
    total = np.zeros(len(x))
    for i, weight in enumerate(weights.tolist()):
        total += x[:, i].astype(np.float64) * weight
    return total
