"""From a scenario to its recorded runs: real processes write the tape, and the compiled player plays it again."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import pandas as pd

from simasgd.assembly import assemble, timeline, update_table
from simasgd.cluster.job import Job
from simasgd.errors import RunFailed
from simasgd.measured.exporting import build_log
from simasgd.results.origin import Machine, RecordedSystem
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.scenario.schema import Scenario
from simasgd.simulator import list_singles, replay
from simasgd.testbed.comparison import TOLERANCE, KeepingPlayer
from simasgd.testbed.driver.driver import Driver, Recorded
from simasgd.testbed.engine.abstract import AbstractEngine, ProcessLost
from simasgd.testbed.support import describe_real, require_support
from simasgd.timing import ReportPart, fraction_done


def _silent(phase: str, fraction: float) -> None:
    del phase, fraction


def record(
    scenario: Scenario, engine: AbstractEngine, *, paced: bool, command: str = "", progress: ReportPart = _silent
) -> Study:
    """Run all variants of a scenario (itself, if it has none) at all their seeds on the processes of an engine.

    If `paced`, a mini-batch takes the time that the scenario's law draws for it, else what the machine needs.

    Raises UsageError before anything starts if the test-bed cannot do what the scenario asks for; RunFailed if a process
    fails; and the errors of `simasgd.simulate`.
    """
    require_support(scenario)
    runs: dict[str, list[Run]] = {}
    singles = list_singles(scenario)
    for number, (variant, single) in enumerate(singles):
        part = _Part(progress, number, len(singles), single.learning is not None)
        runs.setdefault(variant, []).append(_record_one(single, engine, paced, part.report))
        progress("done", (number + 1) / len(singles))
    return Study(scenario, runs, command, _collect_notes(runs))


@final
@dataclass(frozen=True)
class _Part:
    """The progress of one run, which follows `before` of `total` runs; learning counts as its last tenth."""

    progress: ReportPart
    before: int
    total: int
    learns: bool

    def report(self, phase: str, fraction: float) -> None:
        """Report the progress of the run."""
        if self.learns:
            fraction = 0.9 * fraction if phase == "record" else 0.9 + 0.1 * fraction
        self.progress(phase, (self.before + fraction) / self.total)


def _record_one(scenario: Scenario, engine: AbstractEngine, paced: bool, progress: ReportPart) -> Run:
    began, job = time.perf_counter(), Job.of(scenario)
    progress("record", 0.0)
    try:
        recorded = Driver(engine, scenario, paced=paced).record(
            lambda gradients, seconds: progress("record", fraction_done(job, gradients, seconds))
        )
    except ProcessLost as error:
        raise RunFailed(f"{scenario.name}: a process has ended: {error}") from None
    learned, difference, timing = None, None, recorded.timing
    if scenario.learning is not None:
        assert timing.tape is not None
        player = KeepingPlayer()
        learned = replay(scenario, timing.tape, player=player, progress=progress)
        difference = player.difference(recorded.final)
    system = _describe_system(scenario, engine, recorded, paced, difference)
    run = assemble(scenario, timing, learned, time.perf_counter() - began, recorded=system)
    return _with_remarks(_with_operations(run, recorded), _describe_difference(scenario, difference), paced)


def _describe_system(
    scenario: Scenario, engine: AbstractEngine, recorded: Recorded, paced: bool, difference: float | None
) -> RecordedSystem:
    software, _, version = engine.name.partition(" ")
    python = platform.python_version()  # Ray demands the same of all machines
    machines = {about.machine.boot: about.machine for about in recorded.processes}
    return RecordedSystem(
        engine=software,
        engine_version=version,
        machines=tuple(Machine(cpu=one.processor, cores=one.cores, python=python) for one in machines.values()),
        processes=len(recorded.processes),
        pace="paced" if paced else "free",
        overruns=recorded.late.number,
        largest_excess=recorded.late.excess,
        clock_bound=0.0,
        weights_difference=difference,
        payload_bytes=scenario.payload,
        padding_bytes=scenario.payload - (scenario.learning.model_bytes if scenario.learning is not None else 0.0),
    )


def _with_operations(run: Run, recorded: Recorded) -> Run:
    """Return the run with the operations that were recorded, as the rows of a log, and a time line if it was asked for."""
    scenario, timing = run.scenario, recorded.timing
    assert timing.tape is not None
    assert timing.clock.spans is not None
    whole = replace(run, updates=update_table(timing.tape), timeline=timeline(timing.clock.spans))
    columns, _ = build_log(whole)
    table = pd.DataFrame(columns)
    sizes = {"push": scenario.gradient_payload, "pull": scenario.payload}
    operations = table.assign(bytes=table["operation"].map(sizes).astype(float))
    return replace(run, timeline=whole.timeline if scenario.record == "timeline" else None, read_operations=lambda: operations)


def _describe_difference(scenario: Scenario, difference: float | None) -> str:
    """Return a warning if the final weights differ from the player's by more than rounding explains, else ""."""
    if difference is None or scenario.learning is None:
        return ""
    expected = TOLERANCE[scenario.learning.precision]
    if difference <= expected:
        return ""
    return (
        f"the final weights of the real server differ from those of the player on the recorded tape by {difference:.1e} of "
        f"their norm, and rounding explains {expected:.0e}; so the learned numbers are the player's, and the server's differ"
    )


def _with_remarks(run: Run, warning: str, paced: bool) -> Run:
    summary = run.summary
    note = f"{summary.note} {describe_real(run.scenario, paced=paced)}"
    warnings = (*summary.warnings, *([warning] if warning else []))
    return replace(run, summary=summary.model_copy(update={"note": note, "warnings": warnings}))


def _collect_notes(runs: Mapping[str, Sequence[Run]]) -> tuple[str, ...]:
    """Collect the note of each variant's first run, and the warnings of all runs, each once."""
    found: dict[str, None] = {}
    for variant, of_variant in runs.items():
        texts = [of_variant[0].summary.note, *(warning for run in of_variant for warning in run.summary.warnings)]
        found |= dict.fromkeys(f"{variant}: {text}" if variant else text for text in texts)
    return tuple(found)
