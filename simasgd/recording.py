"""From a scenario to its recorded runs: real processes write the tape, and the compiled player plays it again."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import final

import pandas as pd

from simasgd.assembly import assemble, timeline, update_table
from simasgd.cluster.job import Job
from simasgd.errors import RunFailed
from simasgd.measured.exporting import build_log
from simasgd.results.origin import RecordedMachine, RecordedSystem
from simasgd.results.run import Run
from simasgd.results.study import Study, name_variants
from simasgd.scenario.schema import Scenario
from simasgd.simulator import list_singles, replay
from simasgd.stages.progress import BESIDE_PROCESSES, ShareOfWork, silent
from simasgd.testbed.comparison import TOLERANCE, KeepingPlayer
from simasgd.testbed.driver.driver import AbstractDriver, Interrupted, RecordedRun
from simasgd.testbed.driver.selection import make_driver
from simasgd.testbed.ending import EndRequest
from simasgd.testbed.engine.abstract import AbstractEngine
from simasgd.testbed.support import describe_real, require_support
from simasgd.testbed.system.pacing import AbstractPacing, DrawnPacing, Lateness
from simasgd.timing import ReportPart, fraction_done


def _keep_nothing(study: Study) -> None:
    del study


@final
class EndedEarly(KeyboardInterrupt):
    """The user has ended a recording. `study` has what was recorded until then; None if that is nothing."""

    def __init__(self, study: Study | None) -> None:
        super().__init__()
        self.study = study


def record(
    scenario: Scenario,
    engine: AbstractEngine,
    *,
    pacing: type[AbstractPacing],
    command: str = "",
    progress: ReportPart = silent,
    keep: Callable[[Study], None] = _keep_nothing,
    ending: EndRequest | None = None,
) -> Study:
    """Run all variants of a scenario (itself, if it has none) at all their seeds on the processes of an engine.

    With the pacing `DrawnPacing`, a mini-batch takes the time that the scenario's law draws. Otherwise it takes what the
    machine needs. `keep` is called after each run, with the study of the runs so far; a later run may fail.

    Raises UsageError before anything starts if the test-bed cannot do what the scenario asks for; RunFailed if a process
    fails; the errors of `simasgd.simulate`; and EndedEarly after Ctrl-C, or when `ending` says so.
    """
    require_support(scenario)
    ending = EndRequest() if ending is None else ending
    runs: dict[str, list[Run]] = {}
    singles = list_singles(scenario)
    for number, (variant, single) in enumerate(singles):
        share = ShareOfWork.of_runs(progress, single, number, 1, len(singles), learning=BESIDE_PROCESSES)
        if ending.is_asked:
            raise EndedEarly(_collect_study(scenario, runs, command) if runs else None)
        try:
            with ending.watching(driver := make_driver(engine, single, pacing)):
                recorded = _record_one(single, driver, share.report)
        except Interrupted as early:
            if early.recorded is not None:
                run = _finish(single, engine, early.recorded, pacing, share.report, early=True)
                runs.setdefault(variant, []).append(run)
            raise EndedEarly(_collect_study(scenario, runs, command) if runs else None) from None
        runs.setdefault(variant, []).append(_finish(single, engine, recorded, pacing, share.report))
        keep(_collect_study(scenario, runs, command))
        progress("done", (number + 1) / len(singles))
    return Study(scenario, runs, command, _collect_notes(runs))


def _collect_study(scenario: Scenario, runs: Mapping[str, Sequence[Run]], command: str) -> Study:
    """Return the study of the runs so far, without variants that have none."""
    variants = {name: variant for name, variant in scenario.variants.items() if name in runs}
    kept = {name: tuple(of_variant) for name, of_variant in runs.items()}
    return Study(scenario.model_copy(update={"variants": variants}), kept, command, _collect_notes(runs))


def is_whole(study: Study, scenario: Scenario) -> bool:
    """Return whether a study has all runs of a scenario, and each of them reached its stop."""
    runs = [(variant, run.seed) for variant, of_variant in study.runs.items() for run in of_variant]
    planned = [(variant, single.seed) for variant, single in list_singles(scenario)]
    ends = {run.summary.stopped_by for of_variant in study.runs.values() for run in of_variant}
    return sorted(runs) == sorted(planned) and "interrupt" not in ends


def _record_one(scenario: Scenario, driver: AbstractDriver, progress: ReportPart) -> RecordedRun:
    job = Job.of(scenario)
    progress("record", 0.0)
    try:
        return driver.record(lambda *reached: progress("record", fraction_done(job, *reached)))
    except RunFailed as error:
        raise RunFailed(f"{scenario.name}: {error}") from None


def _finish(
    scenario: Scenario,
    engine: AbstractEngine,
    recorded: RecordedRun,
    pacing: type[AbstractPacing],
    progress: ReportPart,
    *,
    early: bool = False,
) -> Run:
    """Play a recorded tape, and return the run. The user ended an `early` one."""
    began = time.perf_counter()
    learned, difference, timing = None, None, recorded.timing
    if scenario.learning is not None:
        assert timing.tape is not None
        player = KeepingPlayer()
        learned = replay(scenario, timing.tape, player=player, progress=progress)
        difference = player.difference(recorded.final)
    system = _describe_system(scenario, engine, recorded, pacing, difference)
    run = assemble(scenario, timing, learned, timing.seconds + time.perf_counter() - began, recorded=system)
    warnings = (
        _describe_early_end(timing.clock.simulated_seconds) if early else "",
        _describe_late_faults(recorded.late_faults),
        _describe_difference(scenario, difference),
    )
    return _with_remarks(_with_operations(run, recorded), [warning for warning in warnings if warning], pacing)


def _describe_system(
    scenario: Scenario, engine: AbstractEngine, recorded: RecordedRun, pacing: type[AbstractPacing], difference: float | None
) -> RecordedSystem:
    software, _, version = engine.name.partition(" ")
    python = platform.python_version()  # Ray demands the same of all machines
    machines = {about.machine.boot: about.machine for about in recorded.processes}
    return RecordedSystem(
        engine=software,
        engine_version=version,
        machines=tuple(RecordedMachine(cpu=one.processor, cores=one.cores, python=python) for one in machines.values()),
        processes=len(recorded.processes),
        pace=pacing.pace,
        overruns=recorded.late.number,
        largest_excess=recorded.late.excess,
        clock_bound=recorded.clock_bound,
        weights_difference=None if difference == inf else difference,
        payload_bytes=scenario.payload,
        padding_bytes=scenario.payload - (scenario.learning.model_bytes if scenario.learning is not None else 0.0),
    )


def _with_operations(run: Run, recorded: RecordedRun) -> Run:
    """Return the run with the operations that were recorded, as the rows of a log, and a time line if it was asked for."""
    scenario, timing = run.scenario, recorded.timing
    assert timing.tape is not None
    assert timing.clock.spans is not None
    whole = replace(run, updates=update_table(timing.tape), timeline=timeline(timing.clock.spans))
    columns, _ = build_log(whole)
    table = pd.DataFrame(columns)
    sizes = {"push": scenario.gradient_payload, "pull": scenario.payload}
    operations = table.assign(bytes=table["operation"].map(sizes).astype(float))
    return replace(
        run, timeline=whole.timeline if scenario.record.kind == "timeline" else None, read_operations=lambda: operations
    )


def _describe_early_end(seconds: float) -> str:
    return f"the user ended the run at {seconds:.4g} s, before its stop; the results are those until then"


def _describe_late_faults(late: Lateness) -> str:
    """Return a warning if crashes or returns were made late, else ""."""
    if not late.number:
        return ""
    return (
        f"{late.number:,} crashes or returns of learners were made over 0.1 s after their times (at most {late.excess:.3g} s); "
        "processes start too slowly for so many returns"
    )


def _describe_difference(scenario: Scenario, difference: float | None) -> str:
    """Return a warning if the final weights differ from the player's by more than rounding explains, else ""."""
    if difference is None or scenario.learning is None:
        return ""
    expected = TOLERANCE[scenario.learning.precision]
    if difference <= expected:
        return ""
    if difference == inf:
        return "the final weights of the real run are not finite, but those of the player on the recorded tape are"
    return (
        f"the final weights of the real run differ from those of the player on the recorded tape by {difference:.1e} of "
        f"their norm, and rounding explains {expected:.0e}; so the learned numbers are the player's, and the real ones differ"
    )


def _with_remarks(run: Run, new: Sequence[str], pacing: type[AbstractPacing]) -> Run:
    summary = run.summary
    note = f"{summary.note} {describe_real(run.scenario, follows_law=pacing is DrawnPacing)}"
    warnings = (*summary.warnings, *new)
    return replace(run, summary=summary.model_copy(update={"note": note, "warnings": warnings}))


def _collect_notes(runs: Mapping[str, Sequence[Run]]) -> tuple[str, ...]:
    """Collect the note of each variant's first run, and the warnings of all runs, each once."""
    texts = {
        variant: [of_variant[0].summary.note, *(warning for run in of_variant for warning in run.summary.warnings)]
        for variant, of_variant in runs.items()
    }
    return name_variants(texts)
