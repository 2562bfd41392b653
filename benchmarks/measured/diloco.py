"""Local SGD and DiLoCo on four machines at 50 Mbit/s to 5 Gbit/s: measured beside simulated.

Two constants are calibrated, on the runs at 1 Gbit/s only: the start of a collective operation, and
the time that the first collective of a run takes longer than the others (the library connects the
machines). The compute time of a step is the mean of the steady steps at 1 Gbit/s.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple, final

from benchmarks.measured.folder import measured_folder
from simasgd import Scenario, simulate

SCENARIO = Path(__file__).with_name("diloco.yaml")
LEARNERS = 4
BANDWIDTHS = {"50m": "50 Mbit/s", "200m": "200 Mbit/s", "1g": "1 Gbit/s", "5g": "5 Gbit/s"}
CALIBRATED_AT = "1g"
ROUNDS = 4  # simulated; all are alike, because nothing is random


@final
class Point(NamedTuple):
    """A point of the grid: algorithm, H and bandwidth."""

    algorithm: str
    steps: int
    bandwidth: str


@final
class Measured(NamedTuple):
    """One run. Seconds, of the steps after the warm-up, but for `first`, the run's first synchronization."""

    compute: float
    synchronizations: tuple[float, ...]
    first: float
    steps: int
    utilization: float


@final
class Constants(NamedTuple):
    """The constants of one algorithm, calibrated at 1 Gbit/s: seconds."""

    start: float
    first: float


def main() -> None:
    """Print measured and simulated seconds of a synchronization and compute utilization at every point."""
    runs = read_runs(measured_folder("diloco-measured"))
    constants = {name: calibrate(runs, name) for name in ("localsgd", "diloco")}
    for name, one in constants.items():
        print(f"{name}: start of a collective {one.start * 1e3:.1f} ms, first collective {one.first * 1e3:.0f} ms longer")
    goodputs = {bandwidth: calibrate_goodput(runs, bandwidth, constants["localsgd"].start) for bandwidth in BANDWIDTHS}
    shown = ", ".join(f"{BANDWIDTHS[bandwidth]} {goodput:.3f}" for bandwidth, goodput in goodputs.items())
    print(f"goodput, found on local SGD with H = 1: {shown}")
    print("| algorithm | H | bandwidth | synchronization | simulated | with goodput | utilization | simulated | with goodput |")
    print("|---|---|---|---|---|---|---|---|---|")
    for point, repeats in runs.items():
        compute, own = steady_compute(runs, point), constants[point.algorithm]
        print(
            row(
                point, repeats, [predict(point, repeats, compute, own, goodput) for goodput in (1.0, goodputs[point.bandwidth])]
            )
        )


def read_runs(folder: Path) -> dict[Point, list[Measured]]:
    """Read all runs, in order of algorithm, H and bandwidth."""
    found: dict[Point, list[Measured]] = defaultdict(list)
    for path in sorted(folder.glob("*cu_grid-*.json")):
        match = re.search(r"cu_grid-(\w+)-30m-h(\d+)-bw(\w+)-r\d", path.stem)
        assert match is not None, path
        found[Point(match[1], int(match[2]), match[3])].append(_measured(json.loads(path.read_text())))
    rates = list(BANDWIDTHS)
    order = {point: (point.algorithm != "localsgd", point.steps, rates.index(point.bandwidth)) for point in found}
    return {point: found[point] for point in sorted(found, key=lambda point: order[point])}


def _measured(run: Mapping[str, Any]) -> Measured:
    records = run["step_records"]
    steady = records[run["warmup_steps"] :]
    blocked = [record["sync_blocked_ms"] / 1e3 for record in records if record["did_outer_step"]]
    return Measured(
        compute=fmean(record["compute_time_ms"] for record in steady) / 1e3,
        synchronizations=tuple(record["sync_blocked_ms"] / 1e3 for record in steady if record["did_outer_step"]),
        first=blocked[0],
        steps=len(steady),
        utilization=sum(record["compute_time_ms"] for record in steady) / sum(record["wall_time_ms"] for record in steady),
    )


def calibrate(runs: Mapping[Point, Sequence[Measured]], algorithm: str) -> Constants:
    """Find the two constants from the runs with H = 1 at 1 Gbit/s."""
    repeats = runs[Point(algorithm, 1, CALIBRATED_AT)]
    steady = fmean(fmean(run.synchronizations) for run in repeats)
    first = fmean(run.first for run in repeats)
    without = synchronization(1, CALIBRATED_AT, fmean(run.compute for run in repeats), 0.0)
    return Constants(steady - without, first - steady)


def calibrate_goodput(runs: Mapping[Point, Sequence[Measured]], bandwidth: str, start: float) -> float:
    """Find the fraction of a bandwidth that local SGD with H = 1 gets of it."""
    repeats = runs[Point("localsgd", 1, bandwidth)]
    compute = fmean(run.compute for run in repeats)
    moving = synchronization(1, bandwidth, compute, 0.0)
    return min(1.0, moving / (fmean(fmean(run.synchronizations) for run in repeats) - start))


def steady_compute(runs: Mapping[Point, Sequence[Measured]], point: Point) -> float:
    """Return the compute time (s) of a step that a run of this algorithm and H has at 1 Gbit/s."""
    return fmean(run.compute for run in runs[point._replace(bandwidth=CALIBRATED_AT)])


def synchronization(steps: int, bandwidth: str, compute: float, start: float, goodput: float = 1.0) -> float:
    """Simulate some rounds of local SGD and return the seconds of one synchronization."""
    scenario = Scenario.load(
        str(SCENARIO),
        f"compute.per_batch={compute!r} s",
        f"network.bandwidth={BANDWIDTHS[bandwidth]}",
        f"costs.collective_start={start!r} s",
        f"network.goodput={goodput!r}",
        f"protocol.steps={steps}",
        f"stop.gradients={LEARNERS * (ROUNDS * steps + 1)}",
    )
    # The run ends with the mini-batch after the last synchronization.
    return (simulate(scenario).summary.simulated_seconds - compute) / ROUNDS - steps * compute


def predict(
    point: Point, repeats: Sequence[Measured], compute: float, constants: Constants, goodput: float
) -> tuple[float, float]:
    """Simulate a point; return the seconds of a synchronization, and the utilization over the steps that were measured."""
    seconds = synchronization(point.steps, point.bandwidth, compute, constants.start, goodput)
    seconds += constants.first if synchronizes_once(repeats) else 0.0
    steps, times = repeats[0].steps, len(repeats[0].synchronizations)
    return seconds, steps * compute / (steps * compute + times * seconds)


def synchronizes_once(repeats: Sequence[Measured]) -> bool:
    """Return whether the runs synchronize once after their warm-up steps, and for the first time."""
    return all(run.synchronizations == (run.first,) for run in repeats)


def row(point: Point, repeats: Sequence[Measured], predictions: Sequence[tuple[float, float]]) -> str:
    """Return one line of the table: measured values, and how much each prediction misses them."""
    seconds = fmean(fmean(run.synchronizations) for run in repeats)
    used = fmean(run.utilization for run in repeats)
    first = " (first)" if synchronizes_once(repeats) else ""
    simulated = [f"{one:.3f} s, {one / seconds - 1:+.1%}" for one, _ in predictions]
    utilized = [f"{one:.2%}, {one / used - 1:+.1%}" for _, one in predictions]
    cells = [
        "local SGD" if point.algorithm == "localsgd" else "DiLoCo",
        str(point.steps),
        BANDWIDTHS[point.bandwidth],
        f"{seconds:.3f} s{first}",
        *simulated,
        f"{used:.2%}",
        *utilized,
    ]
    return f"| {' | '.join(cells)} |"
