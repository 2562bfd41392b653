"""Logs that the simulator writes itself, of learners that only compute."""

from __future__ import annotations

import tempfile
from pathlib import Path

from simasgd.measured.exporting import export_log
from simasgd.operations.log import OperationLog
from simasgd.operations.reading import read_log
from simasgd.scenario.reading import yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.simulator import simulate


def write_log(
    folder: Path, compute: str, cluster: str = "", *, learners: int = 4, gradients: int = 2000, seed: int = 0
) -> Path:
    """Simulate learners with these compute times, and write their log."""
    yaml = (
        f"{{name: x, seed: {seed}, record: timeline, cluster: {{learners: {learners}, compute: {compute}, "
        "network: {latency: 0 s, bandwidth: unlimited}, server: {bandwidth: unlimited, update: 0 s}"
        f"{cluster}}}, workload: {{mini_batch: 8, payload: 1 kB}}, protocol: async, stop: {{gradients: {gradients}}}}}"
    )
    path = folder / f"log-{seed}.parquet"
    export_log(simulate(Scenario.from_layer(yaml_layer.parse_layer(yaml, "s.yaml"))), path)
    return path


def simulate_log(compute: str, cluster: str = "", *, learners: int = 4, gradients: int = 2000, seed: int = 0) -> OperationLog:
    """Simulate learners with these compute times, and read their log."""
    with tempfile.TemporaryDirectory() as folder:
        return read_log([write_log(Path(folder), compute, cluster, learners=learners, gradients=gradients, seed=seed)])
