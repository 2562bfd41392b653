"""Run all benchmarks, or the named ones."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Sequence

import jax

from benchmarks import (
    adviser,
    against,
    ahead,
    clock_speed,
    collectives,
    fit_coverage,
    gpu,
    gpu_runs,
    protocols,
    pytorch,
    replay,
    scaling,
    testbed_overhead,
    testbed_prediction,
    testbed_staleness,
)
from benchmarks.measured import bytedance, diloco, pai

BENCHMARKS: dict[str, Callable[[], None]] = {
    "clock": clock_speed.main,
    "cluster": scaling.main,
    "replay": replay.main,
    "protocols": protocols.main,
    "collectives": collectives.main,
    "peers": pytorch.main,
    "gpu": gpu.main,
}
COMPARISONS: dict[str, Callable[[], None]] = {
    "adviser": adviser.main,
    "ahead": ahead.main,
    "diloco": diloco.main,
    "pai": pai.main,
    "bytedance": bytedance.main,
    "fit": fit_coverage.main,
    "test-bed": testbed_prediction.main,
    "staleness": testbed_staleness.main,
    "overhead": testbed_overhead.main,
}
"""Comparisons, which run only if they are named: of advice with the exhaustive grid (minutes), of studies with and without
clocks that are simulated ahead, with measured clusters (they
need public data), of `fit` with the truth, and of the test-bed's recorded runs with simulated ones (they need Ray)."""

PROGRAMS: dict[str, Callable[[Sequence[str]], None]] = {"against": against.main, "gpu-runs": gpu_runs.main}
"""Benchmarks with arguments of their own, which measure fresh processes: `against REV` compares this commit with another one,
and `gpu-runs` times whole commands on a GPU. This process leaves the device to them."""


def main() -> None:
    """Run the benchmarks that the command line names, or all."""
    if sys.argv[1:2] and sys.argv[1] in PROGRAMS:
        PROGRAMS[sys.argv[1]](sys.argv[2:])
        return
    names = sys.argv[1:] or list(BENCHMARKS)
    known = BENCHMARKS | COMPARISONS
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"unknown benchmark {unknown[0]!r}; choose from {', '.join([*known, *PROGRAMS])}")
    print(f"Python {platform.python_version()}, JAX {jax.__version__} on {jax.devices()[0].platform}")
    for name in names:
        print(f"--- {name}")
        known[name]()


main()
