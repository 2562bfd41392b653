"""The cost of a barrier with exponential compute times of mean 1: order statistics (claims 30–32)."""

from __future__ import annotations

from itertools import islice
from math import fsum

import numpy as np
import pytest

from simasgd import laws
from simasgd.cluster.clock import compute
from simasgd.scenario.vocabulary.merge import merge
from tests.build import TIMING, clock, scenario

EXPONENTIAL = merge(
    TIMING, {"cluster": {"profile": "ideal", "compute": {"per_sample": "250 ms", "distribution": "exponential", "cv": None}}}
)


def harmonic(n):
    return fsum(1.0 / k for k in range(1, n + 1))


def seconds_an_update(learners, protocol, gradients):
    chosen = scenario(EXPONENTIAL, {"cluster": {"learners": learners}, "protocol": protocol, "stop": {"gradients": gradients}})
    clocked, _ = clock(chosen)
    return clocked.simulated_seconds / clocked.updates


@pytest.mark.parametrize(("learners", "cost"), [(8, 21.7), (30, 119.8)])
def test_a_barrier_round_takes_p_times_h_p_of_the_time_that_async_takes_for_a_gradient(learners, cost):
    round_, gradient = (seconds_an_update(learners, protocol, 5000 * learners) for protocol in ("hardsync", "async"))
    assert learners * harmonic(learners) == pytest.approx(cost, abs=0.05)
    assert round_ == pytest.approx(harmonic(learners), rel=0.02)
    assert gradient == pytest.approx(1 / learners, rel=0.02)
    assert round_ / gradient == pytest.approx(cost, rel=0.02)


@pytest.mark.parametrize(("learners", "k"), [(8, 1), (8, 4), (8, 8), (30, 10)])
def test_the_kth_of_p_compute_times_is_h_p_less_h_p_minus_k(learners, k):
    """Their streams are as if a K-sync server cancelled what is late: 0.6345 for 4 of 8."""
    law = laws.Exponential()
    rounds = np.array([list(islice(compute.times(1.0, law, 11, learner), 40_000)) for learner in range(learners)])
    found = np.sort(rounds, axis=0)[k - 1].mean()
    assert found == pytest.approx(harmonic(learners) - harmonic(learners - k), rel=0.01)
    if (learners, k) == (8, 4):
        assert found == pytest.approx(0.6345, rel=0.01)


@pytest.mark.parametrize(("n", "c"), [(8, 1), (4, 2), (2, 4), (1, 8)])
def test_an_update_for_every_c_gradients_comes_every_c_pths(n, c):
    """Nobody waits for those who are late, nor are they cancelled."""
    assert seconds_an_update(8, {"kind": "n-softsync", "n": n}, 60_000) == pytest.approx(c / 8, rel=0.01)
