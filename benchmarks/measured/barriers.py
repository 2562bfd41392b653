"""Barrier factors of a fitted profile: from a table of times to a profile, and from there to simulated rounds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from simasgd import Scenario, simulate
from simasgd.calibration.fit import Calibration, calibrate
from simasgd.calibration.profile import build_profile
from simasgd.scenario.reading import yaml_layer

Times = npt.NDArray[np.float64]
"""Seconds, of shape (rounds, learners)."""


def factor(times: Times) -> float:
    """Return how much longer a round with a barrier takes than a mini-batch: mean of the longest ÷ mean of all."""
    return float(times.max(axis=1).mean() / times.mean())


def fit_rounds(times: Times) -> tuple[Calibration, dict[str, Any]]:
    """Fit rounds that begin when the one before has ended, and return the fit and the profile."""
    begins = np.concatenate([[0.0], np.cumsum(times.max(axis=1))[:-1]])
    rounds, learners = times.shape
    log = pd.DataFrame(
        {
            "learner": np.tile(np.arange(learners), rounds),
            "seconds": times.ravel(),
            "start": np.repeat(begins, learners),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.parquet"
        log.to_parquet(file, index=False)
        fit = calibrate([file])
    return fit, build_profile(fit, "list")


def simulate_rounds(compute: dict[str, Any], learners: int, rounds: int, seed: int) -> Times:
    """Simulate hardsync on a cluster without other costs, and return its compute times.

    `compute` is what the cluster section has besides the network and the server.
    """
    run = _simulate(compute, learners, rounds * learners, seed, "hardsync", "timeline")
    rows = run.timeline.query("group == 'learners' and activity == 'compute'")
    place = rows.groupby("learner", observed=True).cumcount()
    table = (rows["end"] - rows["start"]).groupby([place, rows["learner"]]).first().unstack().dropna()
    return np.asarray(table, np.float64)


def simulate_throughput(compute: dict[str, Any], learners: int, gradients: int, seed: int, protocol: str) -> float:
    """Return the gradients that a cluster without other costs applies in a second."""
    run = _simulate(compute, learners, gradients, seed, protocol, "summary")
    return float(run.summary.gradients.applied / run.simulated_seconds)


def _simulate(compute: dict[str, Any], learners: int, gradients: int, seed: int, protocol: str, record: str) -> Any:
    free = {"network": {"latency": "0 s", "bandwidth": "unlimited"}, "server": {"bandwidth": "unlimited", "update": "0 s"}}
    tree = {
        "name": "rounds",
        "seed": seed,
        "record": record,
        "cluster": {**compute, **free, "learners": learners},
        "workload": {"mini_batch": 1, "payload": "1 B"},
        "protocol": protocol,
        "stop": {"gradients": gradients},
    }
    return simulate(Scenario.from_layer(yaml_layer.parse_layer(yaml_layer.dump_yaml(tree), "rounds.yaml")))


def compute_part(profile: dict[str, Any]) -> dict[str, Any]:
    """Return what a profile says of computing."""
    return {key: value for key, value in profile["cluster"].items() if key not in ("network", "server")}
