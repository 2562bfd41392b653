"""From a scenario to the study of all its runs, and from a study to one of more epochs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.results.summary import Summary
from simasgd.results.unfinished import UnfinishedWork
from simasgd.scenario.alike import clock_of, together
from simasgd.scenario.schema import Scenario
from simasgd.simulator import list_singles, require_learning, run_group, run_last_part
from simasgd.stages.parts import continued_scenario, require_end
from simasgd.stages.progress import Progress, ShareOfWork, reporting
from simasgd.timing import ReportPart, TimingCache, timing_name
from simasgd.what_if import Answers, count_compared, what_if

if TYPE_CHECKING:
    from simasgd.learning.own import Task

Result = TypeVar("Result", Run, Study)


def study(
    scenario: Scenario,
    *,
    task: Task | None = None,
    command: str = "",
    progress: Progress = False,
    unfinished: Path | None = None,
    checkpoint_seconds: float = 60.0,
) -> Study:
    """Run all variants of a scenario (itself, if it has none) at all their seeds.

    The first seed of each variant is also simulated on faster clusters. A `task` and the errors
    raised are as in `simulate`.

    The folder `unfinished` keeps finished runs that took long and, every `checkpoint_seconds`, the
    state of the learning under way. After an interruption the same study resumes from it. A study
    with a task cannot be resumed.
    """
    if task is not None and unfinished is not None:
        raise ValueError("a study with a task cannot be resumed, so it takes no folder for unfinished work")
    scenario = scenario if task is None else task.described(scenario)
    singles = list_singles(scenario)
    work = None if unfinished is None else UnfinishedWork(unfinished, checkpoint_seconds)
    with reporting(progress, scenario.name) as report:
        runs = _run_all([single for _, single in singles], report, task, work)
    return _collect(scenario, singles, runs, command)


def extend(
    result: Result,
    epochs: float,
    *,
    task: Task | None = None,
    command: str = "",
    progress: Progress = False,
    unfinished: Path | None = None,
    checkpoint_seconds: float = 60.0,
) -> Result:
    """Go on with a run, or with all runs of a study, for so many epochs more, and return the whole.

    The runs begin where their `weights` were kept (`record.weights`). The cluster begins anew: no
    gradient is in flight. Samples, updates, times and mini-batches count on. The whole run is that
    of its scenario, which has `epochs` added to `stop.continued`.

    The other arguments are as in `study`. Raises simasgd.UsageError if a run cannot be continued,
    and the errors of `simulate`.
    """
    before = [result] if isinstance(result, Run) else [run for runs in result.runs.values() for run in runs]
    for run in before:
        require_end(run)
    scenario = continued_scenario(result.scenario, epochs)
    require_learning(scenario)
    if isinstance(result, Run):
        with reporting(progress, scenario.name) as report:
            part = ShareOfWork(report, 0, 1, 1, scenario.learning is not None)
            return run_last_part(result, scenario, part.report, task)
    singles = list_singles(scenario)
    work = None if unfinished is None else UnfinishedWork(unfinished, checkpoint_seconds)
    runs = []
    with reporting(progress, scenario.name) as report:
        for number, (run, (_, single)) in enumerate(zip(before, singles, strict=True)):
            share = ShareOfWork(report, number, 1, len(before), single.learning is not None)
            found = None if work is None else work.find([single])
            runs.append(found[0] if found else run_last_part(run, single, share.report, task, work=work))
            report("done", (number + 1) / len(before))
    return _collect(scenario, singles, runs, command)


def _collect(scenario: Scenario, singles: Iterable[tuple[str, Scenario]], runs: Iterable[Run], command: str) -> Study:
    """Return the study of these runs, the first of each variant with the speed-ups of faster clusters."""
    of_variants: dict[str, list[Run]] = {}
    answers: dict[tuple[str, int], Answers] = {}
    for (variant, single), run in zip(singles, runs, strict=True):
        if variant not in of_variants:
            asked = clock_of(single), count_compared(single, run.summary.gradients.applied)
            if asked not in answers:
                answers[asked] = what_if(single, run.summary.gradients.applied)
            run = replace(run, summary=_with_answers(run.summary, single, answers[asked]))
        of_variants.setdefault(variant, []).append(run)
    return Study(scenario, of_variants, command, _notes(of_variants))


def _run_all(scenarios: Sequence[Scenario], progress: ReportPart, task: Task | None, work: UnfinishedWork | None) -> list[Run]:
    """Run scenarios in groups that share a loop, or find their runs in unfinished work."""
    for scenario in scenarios:
        require_learning(scenario)
    finished: dict[int, Run] = {}
    groups = together(scenarios)
    timings = TimingCache([scenarios[group[0]] for group in groups])
    for group in _by_timing(groups, scenarios):
        members = [scenarios[number] for number in group]
        part = ShareOfWork(progress, len(finished), len(group), len(scenarios), members[0].learning is not None)
        runs = None if work is None else work.find(members)
        if runs is None:
            runs = run_group(members, timings.get(members[0], part.report), part.report, task=task, work=work)
        timings.release(members[0])
        finished.update(zip(group, runs, strict=True))
        progress("done", len(finished) / len(scenarios))
    return [finished[number] for number in range(len(scenarios))]


def _by_timing(groups: Sequence[Sequence[int]], scenarios: Sequence[Scenario]) -> list[Sequence[int]]:
    """Sort groups by their timing, so that few tapes are held at a time."""
    first_of: dict[str, int] = {}
    for group in groups:
        first_of.setdefault(timing_name(scenarios[group[0]]), group[0])
    return sorted(groups, key=lambda group: first_of[timing_name(scenarios[group[0]])])


def _with_answers(summary: Summary, scenario: Scenario, answers: Answers) -> Summary:
    """Add the speed-ups of faster clusters, and the effect of the start, to a summary."""
    start = answers.start
    warnings = (start.sentence(scenario.cluster.least_variation),) if start is not None and start.decides else ()
    lock_step = None if start is None else start.comparison()
    return summary.model_copy(
        update={"what_if": answers.rows, "lock_step": lock_step, "warnings": (*summary.warnings, *warnings)}
    )


def _notes(of_variants: Mapping[str, Sequence[Run]]) -> tuple[str, ...]:
    """Collect notes about the data, and warnings, each once.

    A warning of some variants begins with their names.
    """
    notes = dict.fromkeys(run.summary.note for runs in of_variants.values() for run in runs if run.summary.note)
    variants_of: dict[str, list[str]] = {}
    for variant, runs in of_variants.items():
        for warning in runs[0].summary.warnings:
            variants_of.setdefault(warning, []).append(variant)
    warnings = []
    for warning, names in variants_of.items():
        whose = f"{', '.join(names)}: " if len(names) < len(of_variants) else ""
        warnings.append(whose + warning)
    return (*notes, *warnings)
