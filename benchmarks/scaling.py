"""The scaling of the SimPy side: fair links from 8 to 512 learners, and async from 10 to 10,000."""

from __future__ import annotations

import resource
import time
from functools import partial

from benchmarks.timing import measure_rate, simulate_clock
from simasgd import Scenario

FAIR = (
    "cluster.compute={per_batch: 10 ms, per_sample: 0, distribution: exponential}",
    "cluster.network={latency: 20 us, bandwidth: unlimited, sharing: fair}",
    "cluster.server={bandwidth: 1 GB/s, update: 0.1 ms}",
    "workload.payload=1.2 MB",
)


def _load(learners: int, *overrides: str) -> Scenario:
    return Scenario.load("rudra-speedup", f"cluster.learners={learners}", "variants=null", *overrides)


def _print_table(name: str, sizes: dict[int, int], target: str, *overrides: str) -> None:
    found: dict[int, float] = {}
    for learners, gradients in sizes.items():
        scenario = _load(learners, *overrides)
        median, least, greatest = measure_rate(gradients, partial(simulate_clock, scenario, gradients), rounds=3)
        found[learners] = median
        print(f"{name:24} λ = {learners:6,} {median:9,.0f} gradients/s ({least:,.0f} to {greatest:,.0f})", flush=True)
    print(f"{name:24} slowest ÷ fastest {min(found.values()) / max(found.values()):.2f}{target}")


def main() -> None:
    """Print the speed for each number of learners, and time and memory of the largest run."""
    _print_table(
        "async, fair star",
        dict.fromkeys((8, 16, 32, 64, 128, 256, 512), 100_000),
        "  (target: ≥ 40,000 gradients/s each, ratio ≥ 0.75)",
        *FAIR,
        "cluster.profile=null",
        "learners_per_node=1",
    )
    every = {10: 100_000, 30: 100_000, 100: 100_000, 300: 100_000, 1_000: 100_000, 3_000: 200_000, 10_000: 400_000}
    for profile in ("p775", "ideal"):
        _print_table(
            f"async, {profile}",
            every,
            "  (target: λ = 10,000 at least 1/4 of λ = 100)",
            f"cluster.profile={profile}",
            "learners_per_node=1",
        )
    _measure_ten_thousand()


def _measure_ten_thousand() -> None:
    scenario = _load(10_000, "cluster.profile=ethernet-25g", "learners_per_node=1")
    began = time.perf_counter()
    simulate_clock(scenario, 1_000_000)
    seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"10,000 learners × 1,000,000 gradients: {seconds:.1f} s, {memory:.2f} GB at most in this process", end="")
    print("  (target: < 60 s, < 2 GB)")
