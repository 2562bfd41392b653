"""From a scenario to the study of all its runs, and from a study to one of more epochs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from simasgd.ahead.timings import Timings
from simasgd.learning.devices import capacity_for
from simasgd.preparation import Preparation
from simasgd.results.run import Run
from simasgd.results.study import Study, name_variants
from simasgd.results.summary import Summary
from simasgd.results.unfinished import UnfinishedWork
from simasgd.scenario.alike import clock_of, together
from simasgd.scenario.reading.load import require_variants
from simasgd.scenario.schema import Scenario, ScenarioSource
from simasgd.simulator import list_singles, require_learning, run_group, run_last_part
from simasgd.stages.joining import as_whole
from simasgd.stages.parts import continued_scenario, ended_for_good, require_end, require_ends, share_of_first
from simasgd.stages.progress import Progress, ShareOfWork, reporting
from simasgd.tape.arrays import Floats
from simasgd.timing import ReportPart, timing_name
from simasgd.what_if.answers import Answers, what_if
from simasgd.what_if.question import Question

if TYPE_CHECKING:
    from simasgd.learning.own import Task

Result = TypeVar("Result", Run, Study)


TimesOfFirst: TypeAlias = Floats | None
"""The simulated seconds of as many first gradients of a run as its question is about; None if they are not kept."""


def study(
    scenario: ScenarioSource,
    *overrides: str,
    task: Task | None = None,
    command: str = "",
    progress: Progress = False,
    unfinished: Path | None = None,
    checkpoint_seconds: float = 60.0,
) -> Study:
    """Run all variants of a scenario (itself, if it has none) at all their seeds.

    The first seed of each variant is also simulated on faster clusters. The scenario, the
    overrides, a `task` and the errors raised are as in `simulate`.

    The folder `unfinished` keeps finished runs that took long and, every `checkpoint_seconds`, the
    state of the learning under way. After an interruption the same study resumes from it. A study
    with a task cannot be resumed.
    """
    _refuse_task(task, unfinished)
    scenario = Scenario.load(scenario, *overrides)
    scenario = scenario if task is None else task.described(scenario)
    singles = list_singles(scenario)
    work = None if unfinished is None else UnfinishedWork(unfinished, checkpoint_seconds)
    with reporting(progress, scenario.name, learns=_learns(singles)) as report:
        first_of = dict(reversed([(variant, number) for number, (variant, _) in enumerate(singles)]))
        runs, times = _run_all([single for _, single in singles], report, task, work, {*first_of.values()})
    return _collect(scenario, singles, runs, command, times)


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
    """Continue a run, or all runs of a study, for `epochs` more epochs, and return the whole.

    The runs begin where their `weights` were kept (`record.weights`). The cluster begins anew: no
    gradient is in flight. Samples, updates, times and mini-batches count on. The whole run is that
    of its scenario, which has `epochs` added to `stop.continued`.

    A run of a study that hung, diverged, applied nothing or reached its target stays as it is, and
    the others go on. The study keeps its target and its notes about the command.

    The other arguments are as in `study`. Raises simasgd.UsageError if a run lacks its weights, or
    no run can be continued, and the errors of `simulate`.
    """
    _refuse_task(task, unfinished)
    if isinstance(result, Run):
        require_end(result)
    else:
        require_ends(result)
    scenario = continued_scenario(result.scenario, epochs)
    require_learning(scenario)
    if isinstance(result, Run):
        with reporting(progress, scenario.name, learns=scenario.learning is not None) as report:
            whole = run_last_part(result, scenario, ShareOfWork.whole(report, scenario), task)
            report("done", 1.0)
            return whole
    with reporting(progress, scenario.name, learns=_learns(list_singles(scenario))) as report:
        work = None if unfinished is None else UnfinishedWork(unfinished, checkpoint_seconds)
        return _extend_all(result, scenario, report, command, task, work)


def _extend_all(
    first: Study, scenario: Scenario, report: ReportPart, command: str, task: Task | None, work: UnfinishedWork | None
) -> Study:
    """Go on with all runs of a study that can go on. It keeps its target, and its notes about the command."""
    before = [run for of_variant in first.runs.values() for run in of_variant]
    singles = list_singles(scenario)
    runs: list[Run] = []
    for number, (run, (_, single)) in enumerate(zip(before, singles, strict=True)):
        share = ShareOfWork.of_runs(report, single, number, 1, len(before))
        if ended_for_good(run):
            runs.append(as_whole(run, single))
        else:
            found = None if work is None else work.find([single])
            runs.append(found[0] if found else run_last_part(run, single, share, task, work=work))
        report("done", (number + 1) / len(before))
    whole = _collect(scenario, singles, runs, command)
    return replace(whole, notes=(*_own_notes(first), *whole.notes), target=first.target)


def choose_variants(whole: Study, names: Sequence[str]) -> Study:
    """Return the study of some variants of a study; one alone becomes the study itself. Raises simasgd.ScenarioError."""
    require_variants(names, list(whole.scenario.variants))
    others = tuple(f"{name}: " for name in whole.runs if name not in names)
    own = [note for note in _own_notes(whole) if not note.startswith(others)]
    runs = {name: runs for name, runs in whole.runs.items() if name in names} if len(names) > 1 else {"": whole.runs[names[0]]}
    return replace(whole, scenario=whole.scenario.choose(names), runs=runs, notes=(*own, *_notes(runs)))


def _own_notes(whole: Study) -> list[str]:
    """Return the notes of a study that its runs do not bring along, such as those about its command."""
    brought = _notes(whole.runs)
    return [note for note in whole.notes if note not in brought]


def _learns(singles: Iterable[tuple[str, Scenario]]) -> bool:
    return any(single.learning is not None for _, single in singles)


def _refuse_task(task: Task | None, unfinished: Path | None) -> None:
    if task is not None and unfinished is not None:
        raise ValueError("a study with a task cannot be resumed, so it takes no folder for unfinished work")


def _collect(
    scenario: Scenario,
    singles: Sequence[tuple[str, Scenario]],
    runs: Sequence[Run],
    command: str,
    times: Mapping[int, TimesOfFirst] = MappingProxyType({}),
) -> Study:
    """Return the study of these runs, the first of each variant with the speed-ups of faster clusters.

    `times` are of some runs, by their numbers. They need not be simulated again.
    """
    of_variants: dict[str, list[Run]] = {}
    answers: dict[tuple[str, int], Answers] = {}
    for number, ((variant, single), run) in enumerate(zip(singles, runs, strict=True)):
        if variant not in of_variants:
            applied = run.summary.gradients.applied
            asked = clock_of(single), applied
            if asked not in answers:
                answers[asked] = what_if(single, Question.of_run(single, run.summary), times.get(number))
            run = replace(run, summary=_with_answers(run.summary, single, answers[asked]))
        of_variants.setdefault(variant, []).append(run)
    return Study(scenario, of_variants, command, _notes(of_variants))


def _run_all(
    scenarios: Sequence[Scenario], progress: ReportPart, task: Task | None, work: UnfinishedWork | None, asked: Collection[int]
) -> tuple[list[Run], dict[int, TimesOfFirst]]:
    """Run scenarios in groups that share a loop, or find their runs in unfinished work.

    Also return the times of the first gradients of the runs that are `asked` for, by their numbers.
    """
    for scenario in scenarios:
        require_learning(scenario)
    finished: dict[int, Run] = {}
    times: dict[int, TimesOfFirst] = {}
    groups = _by_timing(together(scenarios, capacity_for(scenarios)), scenarios)
    missing = []
    for group in groups:
        found = None if work is None else work.find([scenarios[number] for number in group])
        if found is None:
            missing.append(group)
        else:
            finished.update(zip(group, found, strict=True))
    if finished:
        progress("done", len(finished) / len(scenarios))
    with Timings([scenarios[group[0]] for group in missing]) as timings:
        for group in missing:
            members = [scenarios[number] for number in group]
            share = ShareOfWork.of_runs(progress, members[0], len(finished), len(group), len(scenarios))
            report = share_of_first(members[0], share).report
            preparation = Preparation(members, report, task, work=work)
            timing = timings.get(members[0], report, None if members[0].learning is None else preparation)
            runs = run_group(members, timing, share, task=task, work=work, early=preparation.early)
            timings.release(members[0])
            for number, run in zip(group, runs, strict=True):
                finished[number] = run
                if number in asked:
                    times[number] = timing.times_of_first(Question.of_run(scenarios[number], run.summary).gradients)
            progress("done", len(finished) / len(scenarios))
    return [finished[number] for number in range(len(scenarios))], times


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
    """Collect notes about the data, and the warnings of each variant's first run, each once."""
    notes = dict.fromkeys(run.summary.note for runs in of_variants.values() for run in runs if run.summary.note)
    return (*notes, *name_variants({variant: runs[0].summary.warnings for variant, runs in of_variants.items()}))
