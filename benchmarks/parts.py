"""The parts of `benchmarks against` that run in one process of one commit.

This file is run with the package of this commit or of another one, so it uses public names only. It
prints one JSON object: the CPU time of each case (s), and for the clock also the time of a bare
SimPy time-out.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice

import simpy
from simpy.events import Timeout

from simasgd import Scenario, simulate

CLOCKS = {
    # protocol, profile, λ, gradients of the short and the long run
    "async, p775, λ = 30": ("async", "p775", 30, 1_000, 11_000),
    "async, ideal, λ = 30": ("async", "ideal", 30, 1_000, 11_000),
    "n-softsync 4, p775, λ = 30": ("{kind: n-softsync, n: 4}", "p775", 30, 1_000, 11_000),
    "n-softsync 4, ideal, λ = 30": ("{kind: n-softsync, n: 4}", "ideal", 30, 1_000, 11_000),
    "hardsync, p775, λ = 30": ("hardsync", "p775", 30, 1_000, 11_000),
    "hardsync, ideal, λ = 30": ("hardsync", "ideal", 30, 1_000, 11_000),
    "async, p775, λ = 10,000": ("async", "p775", 10_000, 20_000, 120_000),
}
PROTOCOLS = (
    "{kind: ssp, slack: 1}",
    "{kind: bounded-delay, delay: 10}",
    "{kind: backup-workers, backups: 2}",
    "{kind: k-sync, k: 20}",
    "{kind: k-batch-sync, k: 20}",
    "{kind: k-async, k: 5}",
    "{kind: k-batch-async, k: 5}",
    "{kind: ringmaster, threshold: 20}",
    "{kind: rennala, batch: 20}",
    "{kind: downpour, n_fetch: 5, n_push: 5}",
    "{kind: fedbuff, buffer: 5, local_steps: 4}",
    "dynsgd",
    "all-reduce",
    "{kind: local-sgd, steps: 8}",
    "{kind: easgd, period: 1}",
    "{kind: gossip-pull, period: 1}",
    "{kind: gossip-push, period: 1}",
    "{kind: elastic-gossip, period: 1}",
    "ad-psgd",
    "sgp",
    "overlap-sgp",
)
TIMEOUTS = 30_000
TRIES = 4


def _load(protocol: str, profile: str, learners: int, gradients: int) -> Scenario:
    return Scenario.load(
        "quickstart",
        "variants=null",
        "learning=null",
        f"protocol={protocol}",
        f"cluster.profile={profile}",
        f"cluster.learners={learners}",
        "workload.samples_per_epoch=1437",
        "stop.epochs=null",
        f"stop.gradients={gradients}",
        "record=summary",
    )


def _cpu_time(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _clock(protocol: str, profile: str, learners: int, short: int, long: int) -> float:
    """Return the CPU time of a gradient (s), from the difference of a long and a short run; the best of some tries."""
    few, many = (_load(protocol, profile, learners, gradients) for gradients in (short, long))
    simulate(_load(protocol, profile, min(learners, 30), 100))
    tries = TRIES if learners < 1_000 else 1
    before = min(_cpu_time(lambda: simulate(few)) for _ in range(tries))
    return (min(_cpu_time(lambda: simulate(many)) for _ in range(tries)) - before) / (long - short)


def bare_timeout(learners: int) -> float:
    """Return the CPU time (s) of a SimPy time-out, where so many processes do nothing but wait."""
    env = simpy.Environment()

    def wait(number: int) -> simpy.events.ProcessGenerator:
        for seconds in islice(cycle(waits), number, None):
            yield Timeout(env, seconds)

    waits = [1.0 + number * 0.618034 % 1.0 for number in range(1_000)]
    for number in range(learners):
        env.process(wait(number % 1_000))

    def go() -> None:
        for _ in range(TIMEOUTS):
            env.step()

    return _cpu_time(go) / TIMEOUTS


def measure_clocks() -> dict[str, float]:
    """Measure a gradient of each case of the clock, and a bare time-out of as many processes."""
    found = {}
    for name, case in CLOCKS.items():
        found[name] = _clock(*case)
        found[f"time-out of {name}"] = min(bare_timeout(case[2]) for _ in range(TRIES))
    return found


def measure_protocols() -> dict[str, float]:
    """Measure a gradient of the other protocols at λ = 30."""
    return {protocol: _clock(protocol, "p775", 30, 1_000, 6_000) for protocol in PROTOCOLS}


def measure_replay() -> dict[str, float]:
    """Measure an update of the quickstart's learning with its clock, from a long and a short run."""
    found = {}
    for variant in ("async", "hardsync"):
        few, many = (
            Scenario.load("quickstart", "stop.epochs=null", f"stop.gradients={number}", "learning.schedule=null").variants[
                variant
            ]
            for number in (3_000, 33_000)
        )
        before = _cpu_time(lambda few=few: simulate(few))
        found[f"learning of {variant}, a gradient"] = (_cpu_time(lambda many=many: simulate(many)) - before) / 30_000
    return found


PARTS = {"clock": measure_clocks, "protocols": measure_protocols, "replay": measure_replay}

if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[1]]()))
