"""The test-bed's own study: test error against injected staleness, recorded on real processes and simulated.

UPDATES sets the updates of a run (1500), SEEDS the runs of a point (3), DELAYS the delays. Where SIMASGD_DATA has MNIST it
is used, else the digits that scikit-learn made known. FIGURE names a file for the figure.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from simasgd.recording import record
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer
from simasgd.simulator import simulate
from simasgd.testbed.system.pacing import DrawnPacing

UPDATES = int(os.environ.get("UPDATES", "1500"))
SEEDS = int(os.environ.get("SEEDS", "3"))
DELAYS = tuple(map(int, os.environ.get("DELAYS", "0,2,4,8,16,32").split(",")))
DATA = "mnist" if (Path(os.environ.get("SIMASGD_DATA", "")) / "mnist").is_dir() else "digits"


def main() -> None:
    """Print the test errors at each delay."""
    rows = []
    print(f"{DATA}: {'delay':>6}{'recorded':>12}{'simulated':>12}{'largest ‖Δw‖/‖w‖':>20}{'staleness recorded':>20}")
    from simasgd.testbed.engine.ray_engine import RayEngine  # which the other benchmarks do without

    with RayEngine() as engine:
        for delay in DELAYS:
            errors: dict[str, list[float]] = {"recorded": [], "simulated": []}
            difference, stale = 0.0, 0.0
            for seed in range(SEEDS):
                scenario = make_scenario(delay, seed)
                real = record(scenario, engine, pacing=DrawnPacing).runs[""][0].summary
                assert real.recorded is not None
                for name, summary in (("recorded", real), ("simulated", simulate(scenario).summary)):
                    error = 0.9 if summary.test_error is None else summary.test_error  # it diverged: as good as guessing
                    errors[name].append(error)
                    rows.append((delay, name, 100 * error))
                difference = max(difference, real.recorded.weights_difference or 0.0)
                stale = real.staleness.mean or 0.0
            means = {name: 100 * fmean(found) for name, found in errors.items()}
            print(
                f"{'':{len(DATA)}}  {delay:6}{means['recorded']:11.2f}%{means['simulated']:11.2f}%"
                f"{difference:20.1e}{stale:20.2f}"
            )
    if (figure := os.environ.get("FIGURE")) is not None:
        draw(pd.DataFrame(rows, columns=["delay (updates)", "run", "test error (%)"]), Path(figure))


def make_scenario(delay: int, seed: int) -> Scenario:
    """Return a scenario of a lone learner that computes on weights `delay` updates old."""
    tree: dict[str, Any] = {
        "name": "staleness",
        "seed": seed,
        "cluster": {"learners": 1, "profile": "ideal", "compute": {"per_batch": "2 ms", "per_sample": "0 s"}},
        "workload": {"mini_batch": 32},
        "protocol": {"kind": "injected-staleness", "delay": delay},
        "learning": {
            "data": DATA,
            "model": {"kind": "mlp", "hidden": [32]},
            "optimizer": {"kind": "sgd", "learning_rate": 0.1},
        },
        "stop": {"updates": UPDATES},
    }
    return Scenario.from_layer(Layer(tree))


def draw(table: pd.DataFrame, file: Path) -> None:
    """Draw the test error over the delay: a line for simulated runs, crosses for recorded ones."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    sns.set_theme(style="whitegrid")
    figure, axes = plt.subplots(figsize=(6.4, 4.0))
    x, y = "delay (updates)", "test error (%)"
    sns.lineplot(table[table["run"] == "simulated"], x=x, y=y, ax=axes, label="simulated (band: seeds)", errorbar=("pi", 100))
    sns.scatterplot(
        table[table["run"] == "recorded"], x=x, y=y, ax=axes, label="recorded", color="black", marker="x", s=40, zorder=3
    )
    axes.set_title(f"{DATA}, {UPDATES:,} updates, α = 0.1, µ = 32", fontsize=10)
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)
