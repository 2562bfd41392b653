"""Distributions of staleness in a run's summary."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from simasgd import Scenario, simulate
from simasgd.results.distributions import StalenessCounts
from simasgd.scenario.vocabulary.merge import Layer


@pytest.mark.parametrize(
    ("counts", "mean", "largest", "percentiles", "histogram"),
    [
        ({0: 1}, 0.0, 0, (0, 0, 0), [1]),
        ({0: 1, 1: 2, 5: 1}, 7 / 4, 5, (1, 5, 5), [1, 2, 0, 0, 0, 1]),
        ({3: 10}, 3.0, 3, (3, 3, 3), [0, 0, 0, 10]),
        # Of 100, the 50th, 95th and 99th from below.
        ({0: 50, 1: 45, 2: 4, 9: 1}, 62 / 100, 9, (0, 1, 2), [50, 45, 4, 0, 0, 0, 0, 0, 0, 1]),
        ({0: 49, 1: 45, 2: 4, 9: 2}, 71 / 100, 9, (1, 2, 9), [49, 45, 4, 0, 0, 0, 0, 0, 0, 2]),
    ],
)
def test_staleness_by_hand(
    counts: dict[int, int], mean: float, largest: int, percentiles: tuple[int, int, int], histogram: list[int]
) -> None:
    summary = StalenessCounts.of(Counter(counts))
    assert summary.mean == mean
    assert summary.max == largest
    assert (summary.p50, summary.p95, summary.p99) == percentiles
    assert summary.histogram == tuple(histogram)


def test_staleness_of_nothing() -> None:
    nothing = {"mean": None, "max": None, "p50": None, "p95": None, "p99": None, "histogram": ()}
    assert StalenessCounts.of(Counter()).model_dump() == nothing


@pytest.mark.parametrize("size", [1, 2, 7, 100, 1001])
@pytest.mark.parametrize("seed", range(5))
def test_staleness_as_numpy_has_it(size: int, seed: int) -> None:
    drawn = np.random.default_rng(seed).poisson(4.0, size)
    summary = StalenessCounts.of(Counter(drawn.tolist()))
    assert summary.mean == pytest.approx(drawn.mean(), rel=1e-12)
    assert summary.max == drawn.max()
    assert summary.histogram == tuple(np.bincount(drawn).tolist())
    for share in (50, 95, 99):
        assert getattr(summary, f"p{share}") == np.percentile(drawn, share, method="inverted_cdf")


@pytest.mark.parametrize("seed", range(40))
def test_bytes_in_flight_are_not_negative_by_rounding(seed: int) -> None:
    """Thirds of 1.3 MB are rounded, and crashes lose some of them: the sums differ by rounding where nothing is in flight."""
    scenario = Scenario.from_layer(
        Layer(
            {
                "name": "thirds",
                "seed": seed,
                "cluster": {
                    "learners": 2,
                    "compute": {"per_batch": "1 s", "per_sample": "0 s"},
                    "network": {"bandwidth": "1 GB/s", "latency": "0 s"},
                    "server": {"update": "0 s", "bandwidth": "10 MB/s"},
                    "architecture": {"kind": "base", "shards": 3},
                    "faults": {"crashes": {"mtbf": "5 s", "mttr": "1 s"}},
                },
                "workload": {"mini_batch": 4, "payload": "1.3 MB"},
                "protocol": "async",
                "stop": {"simulated_time": "20 s"},
                "record": "summary",
            }
        )
    )
    assert simulate(scenario).summary.bytes.in_flight >= 0.0
