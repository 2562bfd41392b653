"""The training samples that each learner draws from. NumPy only, with the same result on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from simasgd import exact
from simasgd.laws import Gamma, member_factors
from simasgd.learning.data.sets import Labels
from simasgd.scenario.learning.partition import Dirichlet, Shards, Shared, Sizes
from simasgd.tape.arrays import Floats, Ints


@singledispatch
def parts(spec: object, labels: Labels, learners: int, seed: int) -> Sequence[Ints] | None:
    """Return the indices of each learner's training samples, ascending; None if all learners share all samples.

    With at least as many samples as learners every learner has one.
    """
    raise TypeError(f"no partition {spec!r}")


@parts.register
def _(spec: Shared, labels: Labels, learners: int, seed: int) -> Sequence[Ints] | None:
    return None


@parts.register
def _(spec: Shards, labels: Labels, learners: int, seed: int) -> Sequence[Ints] | None:
    shuffled = _shuffled(np.arange(len(labels)), exact.stream(seed, exact.Purpose.PARTITION, 0))
    ends = np.cumsum(part_sizes(_weights(spec, learners, seed), len(labels)))
    return [np.sort(part) for part in np.split(shuffled, ends[:-1])]


@parts.register
def _(spec: Dirichlet, labels: Labels, learners: int, seed: int) -> Sequence[Ints] | None:
    owner = np.empty(len(labels), np.int64)
    for label in np.unique(labels).tolist():
        bits = exact.stream(seed, exact.Purpose.PARTITION, 1 + label)
        mine = _shuffled(np.flatnonzero(labels == label), bits)
        shares = _gammas(spec.concentration, learners, bits)
        ends = np.rint(np.cumsum(shares) / shares.sum() * len(mine)).astype(np.int64)
        owner[mine] = np.searchsorted(ends, np.arange(len(mine)), side="right")
    _feed_the_empty(owner, learners)
    return [np.flatnonzero(owner == learner) for learner in range(learners)]


def part_sizes(weights: Floats, samples: int) -> Ints:
    """Share out `samples` samples in proportion to the weights, shape (λ,), by the largest remainders.

    Of equal remainders the first learners' count. A learner without a sample gets one from a
    learner with most samples.
    """
    exactly = weights / weights.sum() * samples
    sizes: Ints = np.floor(exactly).astype(np.int64)
    by_remainder = np.argsort(sizes - exactly, kind="stable")
    sizes[by_remainder[: samples - int(sizes.sum())]] += 1
    for learner in np.flatnonzero(sizes == 0).tolist():
        sizes[int(sizes.argmax())] -= 1
        sizes[learner] = 1
    return sizes


def _weights(spec: Shards, learners: int, seed: int) -> Floats:
    if isinstance(spec.sizes, Sizes):
        law = spec.sizes
        return np.array(member_factors(law.distribution, law.cv, seed, exact.Purpose.SHARE, learners))
    return np.ones(learners) if spec.sizes is None else np.array(spec.sizes)


def _shuffled(values: Ints, bits: np.random.Philox) -> Ints:
    result: Ints = values[np.argsort(exact.uniforms(bits, len(values)), kind="stable")]
    return result


def _gammas(shape: float, count: int, bits: np.random.Philox) -> Floats:
    """Draw gamma numbers; normalized, they follow a symmetric Dirichlet law."""
    law, drawn = Gamma(shape**-0.5), np.empty(0)
    while len(drawn) < count:
        drawn = np.concatenate([drawn, law.draw(bits, 32)])
    return drawn[:count] + 1e-300  # if all underflow, the classes still have owners


def _feed_the_empty(owner: Ints, learners: int) -> None:
    """Give each learner without a sample one from a learner with most samples."""
    counts = np.bincount(owner, minlength=learners)
    for learner in np.flatnonzero(counts == 0).tolist():
        richest = int(counts.argmax())
        owner[np.flatnonzero(owner == richest)[0]] = learner
        counts[richest] -= 1
        counts[learner] += 1
