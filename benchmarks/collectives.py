"""What messages of collective operations cost at λ = 30: one by one where links are shared, and at once where none is."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.measure import rate
from benchmarks.protocols import scenario
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
    for kind in [one.model_fields["kind"].default for one in find_sections(Collective)]:
        for how, topology in TOPOLOGIES.items():
            chosen = scenario(
                f"{{kind: all-reduce, collective: {kind}}}",
                "learning=null",
                "workload.samples_per_epoch=1437",
                f"cluster.network.topology={topology}",
            )
            assert isinstance(chosen.protocol, AllReduce)
            rounds = reduction(chosen.protocol.collective, chosen.cluster.learners, 1)
            messages = STEPS * sum(len(one.source) for one in rounds)

            def go(chosen: Scenario = chosen) -> None:
                run(replace(Job.of(chosen), seed=0, limit=Limit(updates=STEPS)), SummaryRecorder())

            go()
            median, least, greatest = rate(messages, go, 3)
            print(
                f"{kind:20} {how:12} {median:11,.0f} messages/s ({least:,.0f} to {greatest:,.0f})  wanted: 80,000", flush=True
            )
