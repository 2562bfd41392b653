"""The speed of the SimPy side without learning, in gradients per second."""

from __future__ import annotations

from functools import partial

from benchmarks.timing import measure_rate, simulate_clock
from simasgd import Scenario
from simasgd.tape.recorder import SummaryRecorder, TapeRecorder

CASES = [
    # protocol, profile, λ, gradients, target
    ("async", "p775", 30, 300_000, 100_000),
    ("async", "p775", 10_000, 500_000, 30_000),
    ("async", "ideal", 30, 300_000, None),
    ("async", "ideal", 10_000, 500_000, None),
    ("async", "ethernet-25g", 30, 300_000, None),
    ("n-softsync", "p775", 30, 300_000, None),
    ("hardsync", "p775", 30, 300_000, None),
    ("hardsync", "p775", 10_000, 500_000, None),
]


def main() -> None:
    """Print the speed for each case."""
    for kind, profile, learners, gradients, target in CASES:
        protocol = "{kind: n-softsync, n: 1}" if kind == "n-softsync" else kind
        scenario = Scenario.load(
            "quickstart",
            "learning=null",
            f"protocol={protocol}",
            f"cluster.profile={profile}",
            f"cluster.learners={learners}",
            "workload.samples_per_epoch=1437",
        )
        for recorder in (SummaryRecorder, TapeRecorder) if learners < 1000 else (SummaryRecorder,):
            median, least, greatest = measure_rate(gradients, partial(simulate_clock, scenario, gradients, recorder))
            bar = f"  (target: {target:,})" if target else ""
            print(
                f"{kind:10} {profile:12} λ = {learners:6,} {recorder.__name__:16} "
                f"{median:9,.0f} gradients/s ({least:,.0f} to {greatest:,.0f}){bar}",
                flush=True,
            )
