"""The speed of collective operations at λ = 30.

Shared links carry messages one at a time, unshared ones all at once.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.protocols import load
from benchmarks.timing import measure_rate
from simasgd import Scenario
from simasgd.cluster.clock.recording import Limit
from simasgd.cluster.collectives.patterns import reduction
from simasgd.cluster.job import Job
from simasgd.cluster.simulation import run
from simasgd.protocols import AllReduce
from simasgd.scenario.cluster.collective import Collective
from simasgd.scenario.reading.keys import find_sections
from simasgd.tape.recorder import SummaryRecorder

STEPS = 300
TOPOLOGIES = {"one by one": "ring", "at once": "star"}


def main() -> None:
    """Print messages per second of each collective operation."""
    for kind in [section.model_fields["kind"].default for section in find_sections(Collective)]:
        for how, topology in TOPOLOGIES.items():
            scenario = load(
                f"{{kind: all-reduce, collective: {kind}}}",
                "learning=null",
                "workload.samples_per_epoch=1437",
                f"cluster.network.topology={topology}",
            )
            assert isinstance(scenario.protocol, AllReduce)
            rounds = reduction(scenario.protocol.collective, scenario.cluster.learners, 1)
            messages = STEPS * sum(len(one.source) for one in rounds)

            def go(scenario: Scenario = scenario) -> None:
                run(replace(Job.of(scenario), seed=0, limit=Limit(updates=STEPS)), SummaryRecorder())

            go()
            median, least, greatest = measure_rate(messages, go, 3)
            print(
                f"{kind:20} {how:12} {median:11,.0f} messages/s ({least:,.0f} to {greatest:,.0f})  target: 80,000", flush=True
            )
