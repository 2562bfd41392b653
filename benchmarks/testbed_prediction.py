"""The simulator's predictions against recorded runs: fitted on one and two learners, predicted for more.

RUNS sets the recorded runs of each point (5), GRADIENTS those of each learner in a run (50; six times as many in the runs
that are fitted), PAYLOAD bytes (350e3), MEAN the mean mini-batch (100 ms), LEARNERS the predicted numbers (4,8,16). FIGURE
names a file for the figure, and KEEP a folder for what was recorded; REUSE=1 predicts from that folder and records nothing.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from simasgd.calibration.fit import calibrate
from simasgd.calibration.profile import build_profile
from simasgd.recording import record
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer
from simasgd.tape.tape import Tape
from simasgd.testbed.driver.driver import Driver
from simasgd.testbed.engine.abstract import AbstractEngine
from simasgd.testbed.system.pacing import DrawnPacing
from simasgd.timing import simulate_timing
from simasgd.validation.validating import total_variation

RUNS = int(os.environ.get("RUNS", "5"))
GRADIENTS = int(os.environ.get("GRADIENTS", "50"))
PAYLOAD = float(os.environ.get("PAYLOAD", "350e3"))
MEAN = os.environ.get("MEAN", "100 ms")
LEARNERS = tuple(map(int, os.environ.get("LEARNERS", "4,8,16").split(",")))
_FITTED = 6
_WARM_UP = 0.2  # of a run's steps
PROTOCOLS: dict[str, dict[str, Any]] = {
    "async": {"kind": "async"},
    "n-softsync, n = 4": {"kind": "n-softsync", "n": 4},
    "hardsync": {"kind": "hardsync"},
    "ssp, slack 2": {"kind": "ssp", "slack": 2},
    "backup-workers, 1": {"kind": "backup-workers", "backups": 1},
}


class Recorded(NamedTuple):
    """The recorded runs of a protocol at a number of learners."""

    protocol: str
    learners: int
    throughputs: list[float]
    """Gradients a second, of each run."""
    staleness: list[list[int]]
    """The staleness of each run's gradients, in order."""
    overruns: int
    """Mini-batches that took longer than the time drawn for them."""


class Point(NamedTuple):
    """The recorded runs of a point, and their prediction."""

    recorded: Recorded
    predicted: float
    """Gradients a second."""
    distance: float
    """Total variation between the recorded and the predicted staleness."""
    halves: float
    """Total variation between the two halves of the recorded runs."""

    @property
    def error(self) -> float:
        """The relative error of the predicted throughput."""
        return self.predicted / fmean(self.recorded.throughputs) - 1


def main() -> None:
    """Print a row for each point."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(os.environ.get("KEEP", temporary))
        if not os.environ.get("REUSE"):
            record_all(folder)
        cluster = fit_profile(folder)
        points = [predict(Recorded(*row), cluster) for row in json.loads((folder / "recorded.json").read_text())]
    print(
        f"{'protocol':20}{'λ':>4}{'measured 1/s':>14}{'range':>16}{'predicted':>11}{'error':>8}{'TV':>7}"
        f"{'halves':>8}{'late':>6}"
    )
    for point in points:
        recorded = point.recorded
        lowest, highest = min(recorded.throughputs), max(recorded.throughputs)
        print(
            f"{recorded.protocol:20}{recorded.learners:4}{fmean(recorded.throughputs):14.1f}{lowest:9.1f}–{highest:<6.1f}"
            f"{point.predicted:11.1f}{100 * point.error:+7.1f}%{point.distance:7.3f}{point.halves:8.3f}{recorded.overruns:6}"
        )
    if (figure := os.environ.get("FIGURE")) is not None:
        draw(points, Path(figure))


def record_all(folder: Path) -> None:
    """Record the runs that are fitted and those that are predicted, and write them into a folder."""
    from simasgd.testbed.engine.ray_engine import RayEngine  # which the other benchmarks do without

    folder.mkdir(parents=True, exist_ok=True)
    with RayEngine() as engine:
        Driver(engine, make_scenario("async", max(LEARNERS), 0, None, 2), pacing=DrawnPacing).record()  # starts all processes
        record_fitted(engine, folder)
        rows = [record_point(engine, name, learners) for learners in LEARNERS for name in PROTOCOLS]
    (folder / "recorded.json").write_text(json.dumps(rows))


def make_scenario(
    name: str, learners: int, seed: int, cluster: Mapping[str, Any] | None, gradients: int = GRADIENTS
) -> Scenario:
    """Return a scenario without learning, on the measured cluster or on the fitted one."""
    compute = {"per_batch": MEAN, "per_sample": "0 s", "distribution": "gamma", "cv": 0.3}
    own: dict[str, Any] = {"compute": compute} if cluster is None else dict(cluster)
    tree = {
        "name": "prediction",
        "seed": seed,
        "cluster": {"learners": learners, "start": "spread", **({"profile": "ideal"} if cluster is None else {}), **own},
        "workload": {"mini_batch": 4, "payload": f"{PAYLOAD:.0f} B"},
        "protocol": PROTOCOLS[name],
        "stop": {"gradients": gradients * learners},
        "record": "timeline",
    }
    return Scenario.from_layer(Layer(tree))


def record_fitted(engine: AbstractEngine, folder: Path) -> None:
    """Record runs of one and two learners, and write their operations, one run after another, as one log."""
    parts, begin = [], 0.0
    for learners in (1, 2):
        for name in ("async", "hardsync"):
            scenario = make_scenario(name, learners, learners, None, _FITTED * GRADIENTS)
            run = record(scenario, engine, pacing=DrawnPacing).runs[""][0]
            table = run.operations.copy()
            table = table[table["operation"].isin(["compute", "push", "pull", "update"])]
            named = table["learner"].notna()
            table.loc[named, "learner"] = f"{name} {learners} " + table.loc[named, "learner"].astype(str)
            table["start"] += begin
            begin += run.simulated_seconds + 1.0
            parts.append(table[["learner", "operation", "start", "seconds", "bytes"]])
    pd.concat(parts, ignore_index=True).to_parquet(folder / "log.parquet")


def fit_profile(folder: Path) -> Mapping[str, Any]:
    """Fit a cluster to the log, and print the sources of its numbers."""
    profile = build_profile(calibrate([folder / "log.parquet"]), "law")
    print("\n".join(f"  {key}: {text}" for key, text in profile["sources"].items()))
    cluster: dict[str, Any] = profile["cluster"]
    return cluster


def record_point(engine: AbstractEngine, name: str, learners: int) -> Recorded:
    """Record a point's runs."""
    found = Recorded(name, learners, [], [], 0)
    for seed in range(RUNS):
        recorded = Driver(engine, make_scenario(name, learners, seed, None), pacing=DrawnPacing).record()
        tape = recorded.timing.tape
        assert tape is not None
        found.throughputs.append(throughput(tape))
        found.staleness.append(tape.staleness.tolist())
        found = found._replace(overruns=found.overruns + recorded.late.number)
    return found


def predict(recorded: Recorded, cluster: Mapping[str, Any]) -> Point:
    """Predict a point's runs on the fitted cluster."""
    rates: list[float] = []
    simulated: list[int] = []
    for seed in range(len(recorded.throughputs)):
        scenario = make_scenario(recorded.protocol, recorded.learners, seed + 1000, cluster)
        timing = simulate_timing(scenario, lambda phase, fraction: None)
        assert timing.tape is not None
        rates.append(throughput(timing.tape))
        simulated += timing.tape.staleness.tolist()
    halves: tuple[list[int], list[int]] = [], []
    for run in recorded.staleness:
        for half, part in zip(halves, np.array_split(run, 2), strict=True):
            half.extend(part.tolist())
    return Point(recorded, fmean(rates), distance(halves[0] + halves[1], simulated), distance(*halves))


def throughput(tape: Tape) -> float:
    """Return the gradients a second after the warm-up."""
    first = int(_WARM_UP * tape.num_steps)
    return float((tape.offsets[-1] - tape.offsets[first]) / (tape.stepped_at[-1] - tape.stepped_at[first - 1]))


def distance(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the total variation distance of two samples of staleness."""
    least = max(*one, *other) + 1
    return total_variation(np.bincount(one, minlength=least), np.bincount(other, minlength=least))


def draw(points: Sequence[Point], file: Path) -> None:
    """Draw measured over predicted throughput."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    sns.set_theme(style="whitegrid")
    table = pd.DataFrame(
        [
            (point.recorded.protocol, f"λ = {point.recorded.learners}", point.predicted, rate)
            for point in points
            for rate in point.recorded.throughputs
        ],
        columns=["protocol", "learners", "predicted (gradients/s)", "measured (gradients/s)"],
    )
    figure, axes = plt.subplots(figsize=(6.4, 4.8))
    sns.scatterplot(
        table, x="predicted (gradients/s)", y="measured (gradients/s)", hue="protocol", style="learners", ax=axes, s=50
    )
    most = 1.05 * max(max(point.predicted, *point.recorded.throughputs) for point in points)
    axes.plot([0, most], [0, most], color="0.4", linewidth=1, zorder=0)
    axes.set(xlim=(0, most), ylim=(0, most))
    axes.legend(loc="upper left", fontsize=8)
    axes.set_title(f"Fitted on 1 and 2 learners; {PAYLOAD / 1e3:.0f} kB messages, mini-batches of {MEAN}", fontsize=10)
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)
