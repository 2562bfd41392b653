"""Production jobs: barrier factors by replay and by a fitted model, asynchronous ÷ synchronous throughput, variation."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measured.barriers import Times, compute_part, factor, fit_rounds, simulate_rounds, simulate_throughput
from benchmarks.measured.folder import measured_folder

JOBS = (1, 2, 4)
WORKERS = 10
_ROUNDS, _SEEDS = 6_000, 8
_CLOSE = 0.1
_GRID = np.linspace(0.0, 1.0, 21)
_DRAWS = 4_000


def main() -> None:
    """Print the comparisons."""
    print(
        f"{'job':6}{'measured':>9}{'replayed':>10}{'error':>8}{'fitted':>9}{'error':>8}   async ÷ sync: measured, fitted, error"
    )
    for job in JOBS:
        times = read_job(job)
        _, profile = fit_rounds(times)
        compute = compute_part(profile)
        measured = factor(times)
        with tempfile.TemporaryDirectory() as folder:
            replayed = factor(simulate_rounds(_replay(times, Path(folder)), WORKERS, len(times), 0))
        fitted = fmean(factor(simulate_rounds(compute, WORKERS, _ROUNDS, seed)) for seed in range(_SEEDS))
        ratio = float(np.sum(1 / times.mean(axis=0)) * times.max(axis=1).mean() / WORKERS)
        predicted = _ratio(compute)
        print(
            f"{job:<6}{measured:10.4f}{replayed:10.4f}{100 * (replayed / measured - 1):+9.2f}%{fitted:10.4f}"
            f"{100 * (fitted / measured - 1):+9.1f}%   {ratio:.3f}, {predicted:.3f}, {100 * (predicted / ratio - 1):+.1f}%"
        )
    _compare_variation()


def read_job(job: int) -> Times:
    """Return the times of every worker's mini-batches (normalized; as milliseconds), of shape (mini-batches, workers)."""
    rows = pd.read_csv(measured_folder("pai-minibatch-times") / f"job_{job}_norm.csv", index_col=0)
    place = rows.groupby("worker").cumcount()
    table = rows.set_index([place, "worker"])["batch_time_norm"].unstack().dropna()
    return np.asarray(table, np.float64) / 1000


def _replay(times: Times, folder: Path) -> dict[str, Any]:
    """Return a compute section that replays the times, from a file in the folder."""
    rounds, workers = times.shape
    file = folder / "times.parquet"
    table = pd.DataFrame({"learner": np.repeat(np.arange(workers), rounds), "seconds": times.T.ravel()})
    table.to_parquet(file, index=False)
    return {"compute": {"distribution": "trace", "file": str(file)}}


def _ratio(compute: dict[str, Any]) -> float:
    """Return asynchronous ÷ synchronous throughput of a fitted profile, over the same seeds."""
    gradients = _ROUNDS * WORKERS
    rates = [
        [simulate_throughput(compute, WORKERS, gradients, seed, protocol) for seed in range(_SEEDS)]
        for protocol in ("async", "hardsync")
    ]
    # Throughputs over the seeds' times together: harmonic means, as all runs have as many gradients.
    apart, together = (1 / fmean(1 / rate for rate in one) for one in rates)
    return apart / together


def _compare_variation() -> None:
    """Print for how many of 100 jobs two parameters, of speeds and of mini-batches, give the variation over workers."""
    table = pd.read_csv(measured_folder("pai-minibatch-times") / "coefficient_variation.csv", index_col=0)
    model = _tabulate_model()
    same = later = 0
    for _, row in table.iterrows():
        measured = row.dropna().to_numpy(np.float64)
        found = _fit_variation(model, measured)
        quantiles = np.quantile(measured, [0.5, 0.9])
        same += bool(np.all(np.abs(np.quantile(found, [0.5, 0.9]) / quantiles - 1) <= _CLOSE))
        half = len(measured) // 2
        later += abs(_fit_variation(model, measured[:half]).mean() / measured[half:].mean() - 1) <= _CLOSE
    print(f"variation over {WORKERS} workers, {len(table)} jobs: median and 90 % quantile within 10 % for {same};")
    print(f"fitted on the first half, the mean of the second within 10 % for {later}")


def _tabulate_model() -> list[Times]:
    """Draw normal values of workers in many rounds, for each share of the variance that is the worker's own speed."""
    random = np.random.default_rng(0)
    own, drawn = random.standard_normal((1, WORKERS)), random.standard_normal((_DRAWS, WORKERS))
    own = (own - own.mean()) / own.std()
    return [np.sqrt(share) * own + np.sqrt(1 - share) * drawn for share in _GRID.tolist()]


def _fit_variation(model: list[Times], measured: Times) -> Times:
    """Return drawn coefficients of variation of the model whose mean and spread over iterations are nearest."""
    best, least = measured, np.inf
    for normal in model:
        scale = float(measured.mean())
        for _ in range(20):  # of log-normal times, so that the mean coefficient of variation is met
            times = np.exp(scale * normal)
            drawn = times.std(axis=1) / times.mean(axis=1)
            scale *= float(measured.mean() / drawn.mean())
        off = abs(drawn.std() - measured.std())
        if off < least:
            best, least = drawn, off
    return best
