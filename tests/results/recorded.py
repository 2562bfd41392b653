"""Runs as if real processes had recorded them: the simulated clock's times and operations, and a system by hand."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from simasgd.assembly import assemble
from simasgd.measured.exporting import build_log
from simasgd.results.origin import RecordedMachine, RecordedSystem
from simasgd.results.run import Run
from simasgd.scenario.record import Record
from simasgd.scenario.schema import Scenario
from simasgd.timing import simulate_timing

SYSTEM = RecordedSystem(
    engine="ray",
    engine_version="2.60.0",
    machines=(RecordedMachine(cpu="Xeon Gold 6338", cores=2, python="3.11.7"),),
    processes=5,
    pace="paced",
    overruns=12,
    largest_excess=0.0032,
    clock_bound=0.0,
    weights_difference=3.1e-07,
    payload_bytes=10_000,
    padding_bytes=360,
)
NOTE = (
    "Measured, not simulated. "
    "Recorded by ray 2.60.0 with 5 processes on one machine (Xeon Gold 6338, 2 cores, Python 3.11.7). "
    "Each mini-batch had a time drawn for it; 12 took longer, by at most 0.0032 s. "
    "A message of weights has 10,000 bytes, 360 of which are padding. "
    "The final weights differ from those of the compiled player on the recorded tape by 3.1e-07 of their norm."
)


def record(scenario: Scenario, system: RecordedSystem = SYSTEM, *, until: Scenario | None = None) -> Run:
    """Return the run of a scenario, which learns nothing, as a recorded one: no links, no critical path, but operations.

    With `until` it ends as that scenario does.
    """
    whole = (until or scenario).model_copy(update={"record": Record(kind="timeline")})
    timing = simulate_timing(whole, lambda phase, fraction: None)
    columns, _ = build_log(assemble(whole, timing, None, 1.0))
    spans = timing.clock.spans if scenario.record.kind == "timeline" else None
    seen = replace(timing, clock=replace(timing.clock, links=(), critical_path=(), spans=spans))
    table = pd.DataFrame(dict(columns))
    return replace(assemble(scenario, seen, None, 1.0, system), read_operations=lambda: table)
