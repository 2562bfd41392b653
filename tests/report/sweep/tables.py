"""Sweeps whose numbers are written by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from simasgd.results.outcome import Outcome
from simasgd.sweeps.axes import Axis
from simasgd.sweeps.table import COLUMNS, Sweep
from tests.build import TIMING, scenario

LEARNERS, RATE, LATENCY = "cluster.learners", "learning.optimizer.learning_rate", "cluster.network.latency"
BATCH = "workload.mini_batch"
MIXED = f"{BATCH}:{LATENCY}"
TOGETHER = f"{LEARNERS}:{BATCH}"
AXES = {
    LEARNERS: Axis(LEARNERS, ("2", "4", "8"), (2, 4, 8)),
    RATE: Axis(RATE, ("0.1", "0.2"), (0.1, 0.2)),
    BATCH: Axis(BATCH, ("4", "16"), (4, 16)),
    TOGETHER: Axis(TOGETHER, ("2:16", "4:8", "8:4"), parts=((2, 4, 8), (16, 8, 4))),
    MIXED: Axis(MIXED, ("4:25 us", "16:5 ms"), parts=((4, 16), (25e-6, 5e-3))),
    LATENCY: Axis(LATENCY, ("25 us", "5 ms"), (25e-6, 5e-3)),
    "protocol": Axis("protocol", ("async", "{kind: n-softsync, n: 2}")),
}


def point(outcome: Outcome = Outcome.FINISHED, **numbers: Any) -> dict[str, Any]:
    """Return a point's columns; the numbers that are not given follow from `seconds`, 100 samples and 4 learners."""
    seconds = numbers.pop("seconds", 1.0)
    learners = numbers.pop("count", 4)
    known: dict[str, Any] = {
        "variant": "",
        "seed": 0,
        "outcome": str(outcome),
        "reason": "",
        "test_error": math.nan,
        "test_loss": math.nan,
        "seconds_to_target": math.nan,
        "samples": 100.0,
        "simulated_seconds": seconds,
        "gradients_per_simulated_second": 25.0 / seconds,
        "samples_per_simulated_second": 100.0 / seconds,
        "speedup": float(learners),
        "mean_staleness": learners - 1.0,
        "learners": float(learners),
        "learner_hours": learners * seconds / 3600.0,
        "diverged": outcome is Outcome.DIVERGED,
        "folder": "points/0123456789abcdef",
        "error": "",
    }
    return known | numbers


def sweep(keys: Sequence[str], rows: Sequence[tuple[tuple[str, ...], Mapping[str, Any]]]) -> Sweep:
    """Return a sweep over axes of AXES; each row has the values as written, and a point's columns."""
    axes = tuple(AXES[key] for key in keys)
    table = [
        {**{axis.key: axis.read(value) for axis, value in zip(axes, values, strict=True)}, **columns}
        for values, columns in rows
    ]
    assert set(table[0]) == {*keys, *COLUMNS}
    return Sweep(scenario(TIMING), axes, pd.DataFrame(table), "simasgd sweep test")
