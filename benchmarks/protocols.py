"""What each protocol costs at λ = 30: its clock, and the compiled player's time for a gradient against that of async."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from benchmarks.made import problem
from benchmarks.measure import Ratio, rate, ratio
from benchmarks.replay import compiled
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
WANTED = dict.fromkeys(SERVED, 1.5) | dict.fromkeys(SERVERLESS, 2.0)
GRADIENTS = 100_000
REPLAYED = 20_000


def scenario(protocol: str, *overrides: str) -> Scenario:
    return Scenario.load("quickstart", "variants=null", "cluster.profile=p775", f"protocol={protocol}", *overrides)


def simulated(protocol: str) -> None:
    """Its clock with a line: mini-batches computed, which are more than the applied ones where some are dropped or given up."""
    chosen = scenario(protocol, "learning=null", "workload.samples_per_epoch=1437")
    computed = 0

    def go() -> None:
        nonlocal computed
        clocked = run(replace(Job.of(chosen), seed=0, limit=Limit(gradients=GRADIENTS)), SummaryRecorder())
        computed = clocked.gradients_computed

    go()
    median, least, greatest = rate(computed, go, 3)
    applied = GRADIENTS / computed
    print(
        f"{protocol:44} {median:9,.0f} mini-batches/s ({least:,.0f} to {greatest:,.0f}), {applied:4.0%} applied"
        "  wanted: 20,000",
        flush=True,
    )


def replayed(protocol: str) -> None:
    stop = ("stop.epochs=null", f"stop.gradients={REPLAYED}")
    plain = problem(scenario("async", *stop))
    posed = problem(scenario(protocol, *stop))
    found: Ratio = ratio(compiled(posed), compiled(plain))
    scale = plain.tape.num_gradients / posed.tape.num_gradients
    print(
        f"{protocol:44} {found.median * scale:5.2f} of async's time for a gradient "
        f"({found.least * scale:.2f} to {found.greatest * scale:.2f})  wanted: ≤ {WANTED[protocol]}{_models(posed)}",
        flush=True,
    )


def _models(posed: Problem) -> str:
    """How many models are kept, where learners have some of their own."""
    if posed.tape.mixing is None:
        return ""
    kept = lay_out(posed.recipe, posed.tape, posed.sample, []).num_slots
    return f"; {kept} models kept, {kept - posed.tape.mixing.learners} more than learners"


def main() -> None:
    kinds = {scenario(protocol, "learning=null", "workload.samples_per_epoch=1").protocol.kind for protocol in CASES}
    assert kinds == {one.model_fields["kind"].default for one in get_args(Protocol) if one is not InjectedStaleness}
    for measured in (simulated, replayed):
        for protocol in CASES:
            measured(protocol)
