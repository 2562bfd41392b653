"""The published measurements of Rudra on a P775 against the profile `p775` (docs/rudra.md).

The published numbers are recalled, unverified. The tests hold the documented figures of the
profile, not the papers.
"""

from __future__ import annotations

from functools import cache

import pytest

from simasgd import Scenario
from tests.build import clock

EPOCHS = 3  # of 140; the clock is steady, so times are in proportion


@cache
def seconds(learners, mini_batch, protocol):
    """Of 140 epochs of CIFAR-10."""
    chosen = Scenario.load(
        "rudra-speedup",
        "variants=null",
        f"learners={learners}",
        f"mini_batch={mini_batch}",
        f"protocol={protocol}",
        f"stop.epochs={EPOCHS}",
    )
    clocked, _ = clock(chosen)
    return clocked.simulated_seconds * 140 / EPOCHS


def softsync(n):
    return f"{{kind: n-softsync, n: {n}}}"


@pytest.mark.parametrize(
    ("learners", "mini_batch", "protocol", "published", "ratio"),
    [
        (1, 128, "async", 22_392, 1.01),  # calibrated: per_sample
        (30, 4, softsync(1), 1_573, 1.07),  # calibrated: the efficiency's exponent
        (30, 4, "hardsync", 2_235, 0.99),
        (30, 8, "hardsync", 1_995, 0.90),
        (18, 8, softsync(18), 2_488, 0.97),
        (30, 4, softsync(30), 2_073, 1.00),  # calibrated: the update
    ],
)
def test_six_published_times(learners, mini_batch, protocol, published, ratio):
    assert seconds(learners, mini_batch, protocol) / published == pytest.approx(ratio, abs=0.015)


def test_the_speed_up_and_the_price_of_the_barrier():
    """Published: 22 to 28 over benchmarks and mini-batches, and 2,235 ÷ 2,073 s."""
    assert seconds(1, 4, "async") / seconds(30, 4, "async") == pytest.approx(25.3, abs=0.3)
    assert seconds(30, 4, "hardsync") / seconds(30, 4, softsync(30)) == pytest.approx(1.07, abs=0.01)


def test_thirty_softsync_is_as_fast_as_the_server():
    """1.75 million updates of 1.18 ms."""
    assert seconds(30, 4, softsync(30)) == pytest.approx(140 * 12_500 * 1.18e-3, rel=0.005)
