"""Three training jobs: the first half of the steps is fitted, the barrier factor of the second is predicted."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pandas as pd

from benchmarks.measured.barriers import Times, compute_part, factor, fit_rounds, simulate_rounds
from benchmarks.measured.folder import measured_folder

JOBS = {"ST": "all ranks alike", "SE": "sequences of unequal lengths", "AR": "one slow worker"}
_OPERATIONS = ["forward-compute", "backward-compute"]
_ROUNDS, _SEEDS = 400, 3


def main() -> None:
    """Print the longest ÷ the mean computing of a step over ranks, measured and predicted."""
    print(f"{'job':34}{'first half':>11}{'second half':>12}{'predicted':>10}{'error':>8}  law")
    for name, what in JOBS.items():
        steps = read_steps(name)
        half = len(steps) // 2
        fit, profile = fit_rounds(steps[:half])
        compute, ranks = compute_part(profile), steps.shape[1]
        predicted = fmean(factor(simulate_rounds(compute, ranks, _ROUNDS, seed)) for seed in range(_SEEDS))
        second = factor(steps[half:])
        print(
            f"{f'{name}, {what}':34}{factor(steps[:half]):11.3f}{second:12.3f}{predicted:10.3f}"
            f"{100 * (predicted / second - 1):+7.1f}%  {fit.compute.law}, cv {fit.compute.cv.value:.3f}"
        )


def read_steps(job: str) -> Times:
    """Return the seconds that each rank computes in each step, of shape (steps, ranks)."""
    rows = pd.read_parquet(measured_folder("bytedance-stragglers") / f"trace-{job}.parquet")
    parts = rows[rows["optype"].isin(_OPERATIONS)]
    return np.asarray(parts.groupby(["step", "rank"], observed=True)["duration"].sum().unstack(), np.float64)
