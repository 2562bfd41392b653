"""Compute times: moments of every law, independence of the block size, and exactness of the arithmetic below them."""

from __future__ import annotations

import hashlib
import math
from itertools import islice

import numpy as np
import pytest

from simasgd import exact
from simasgd.cluster import compute

LAWS = [
    (compute.Constant(), 0.0),
    (compute.Exponential(), 1.0),
    (compute.Gamma(0.1), 0.1),
    (compute.Gamma(1.0), 1.0),
    (compute.Gamma(2.0), 2.0),
    (compute.LogNormal(0.2), 0.2),
    (compute.LogNormal(1.0), 1.0),
]
names = pytest.mark.parametrize(("law", "cv"), LAWS, ids=lambda value: str(value))


@names
def test_mean_and_coefficient_of_variation(law, cv):
    draws = np.array(list(islice(compute.times(3.0, law, seed=1, learner=5), 200_000)))
    assert (draws > 0).all()
    assert draws.mean() == pytest.approx(3.0, rel=5 * max(cv, 1e-12) / math.sqrt(len(draws)))
    assert draws.std() / 3.0 == pytest.approx(cv, rel=0.05, abs=1e-12)


@names
def test_streams_of_learners_and_seeds_differ(law, cv):
    def first(seed, learner):
        return tuple(islice(compute.times(1.0, law, seed, learner), 8))

    assert first(0, 1) == first(0, 1)
    distinct = {first(0, 0), first(0, 1), first(1, 0), first(2**32 - 1, 0)}
    assert len(distinct) == (1 if cv == 0.0 else 4)


def test_gamma_tail_probabilities():
    """Against the exact law: the Erlang distribution of shape 4, P(X > x) = e^{−4x}·Σ_{k<4} (4x)^k/k!."""
    draws = np.array(list(islice(compute.times(1.0, compute.Gamma(0.5), 3, 0), 200_000)))
    for x in (0.3, 1.0, 2.0):
        law = math.exp(-4 * x) * sum((4 * x) ** k / math.factorial(k) for k in range(4))
        assert (draws > x).mean() == pytest.approx(law, abs=5 * math.sqrt(law * (1 - law) / len(draws)))


def test_log_and_exp_are_accurate():
    x = np.exp(np.random.default_rng(0).uniform(-700, 700, 100_000))
    assert exact.log(x) == pytest.approx(np.log(x), rel=5e-16, abs=5e-16)
    y = np.random.default_rng(1).uniform(-690, 690, 100_000)
    assert exact.exp(y) == pytest.approx(np.exp(y), rel=5e-16)


def test_golden_draws():
    """These bits may never change, on any machine or with any release of NumPy: a seed fixes the tape."""
    parts = [law.block(exact.stream(0, exact.Purpose.COMPUTE, 0), 512) for law, _ in LAWS]
    digest = hashlib.sha256(b"".join(part.astype("<f8").tobytes() for part in parts)).hexdigest()
    assert digest == "c14d1111aec6be617e0dd3c5b9546aa0ce9f76f63131c78d69bfd8c03c462d8e"
