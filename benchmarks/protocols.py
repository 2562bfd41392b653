"""The speed of each protocol at λ = 30: its clock, and the compiled player relative to async."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from benchmarks.problems import make_problem
from benchmarks.replay import prepare_compiled
from benchmarks.timing import Ratio, measure_rate, measure_ratio
from simasgd import Scenario
from simasgd.cluster.clock.recording import Limit
from simasgd.cluster.job import Job
from simasgd.cluster.simulation import run
from simasgd.learning.players.planner import lay_out
from simasgd.learning.problem.problem import Problem
from simasgd.protocols import InjectedStaleness, Protocol
from simasgd.tape.recorder import SummaryRecorder

SERVED = [
    "hardsync",
    "async",
    "{kind: n-softsync, n: 6}",
    "{kind: ssp, slack: 1}",
    "{kind: bounded-delay, delay: 10}",
    "{kind: backup-workers, backups: 2}",
    "{kind: k-sync, k: 20}",
    "{kind: k-batch-sync, k: 20}",
    "{kind: k-async, k: 5}",
    "{kind: k-batch-async, k: 5}",
    "{kind: ringmaster, threshold: 20}",
    "{kind: ringmaster-stop, threshold: 20}",
    "{kind: rennala, batch: 20}",
    "{kind: downpour, n_fetch: 5, n_push: 5}",
    "{kind: fedbuff, buffer: 5, local_steps: 4}",
    "dynsgd",
]
SERVERLESS = [
    "all-reduce",
    "{kind: local-sgd, steps: 1}",
    "{kind: local-sgd, steps: 8}",
    "{kind: easgd, period: 1}",
    "{kind: easgd-sync, period: 1}",
    "{kind: gossip-pull, period: 1}",
    "{kind: gossip-push, period: 1}",
    "{kind: elastic-gossip, period: 1}",
    "ad-psgd",
    "sgp",
    "overlap-sgp",
]
CASES = [*SERVED, *SERVERLESS]
TARGETS = dict.fromkeys(SERVED, 1.5) | dict.fromkeys(SERVERLESS, 2.0)
GRADIENTS = 100_000
REPLAYED = 20_000


def load(protocol: str, *overrides: str) -> Scenario:
    """Load the quickstart under a protocol."""
    return Scenario.load("quickstart", "variants=null", "cluster.profile=p775", f"protocol={protocol}", *overrides)


def measure_clock(protocol: str) -> None:
    """Print the speed of a protocol's clock in computed mini-batches, applied or not."""
    scenario = load(protocol, "learning=null", "workload.samples_per_epoch=1437")
    computed = 0

    def go() -> None:
        nonlocal computed
        clocked = run(replace(Job.of(scenario), seed=0, limit=Limit(gradients=GRADIENTS)), SummaryRecorder())
        computed = clocked.gradients_computed

    go()
    median, least, greatest = measure_rate(computed, go, 3)
    applied = GRADIENTS / computed
    print(
        f"{protocol:44} {median:9,.0f} mini-batches/s ({least:,.0f} to {greatest:,.0f}), {applied:4.0%} applied"
        "  target: 20,000",
        flush=True,
    )


def measure_replay(protocol: str) -> None:
    """Print the compiled player's time for a gradient relative to async."""
    stop = ("stop.epochs=null", f"stop.gradients={REPLAYED}")
    plain = make_problem(load("async", *stop))
    problem = make_problem(load(protocol, *stop))
    found: Ratio = measure_ratio(prepare_compiled(problem), prepare_compiled(plain))
    scale = plain.tape.num_gradients / problem.tape.num_gradients
    print(
        f"{protocol:44} {found.median * scale:5.2f} of async's time for a gradient "
        f"({found.least * scale:.2f} to {found.greatest * scale:.2f})  target: ≤ {TARGETS[protocol]}{_count_models(problem)}",
        flush=True,
    )


def _count_models(problem: Problem) -> str:
    """Return the number of models kept, if learners have their own models."""
    if problem.tape.mixing is None:
        return ""
    kept = lay_out(problem.recipe, problem.tape, problem.sample, []).num_slots
    return f"; {kept} models kept, {kept - problem.tape.mixing.learners} more than learners"


def main() -> None:
    """Print the speed of the clock and of the player for each protocol."""
    kinds = {load(protocol, "learning=null", "workload.samples_per_epoch=1").protocol.kind for protocol in CASES}
    assert kinds == {
        protocol.model_fields["kind"].default for protocol in get_args(Protocol) if protocol is not InjectedStaleness
    }
    for measured in (measure_clock, measure_replay):
        for protocol in CASES:
            measured(protocol)
