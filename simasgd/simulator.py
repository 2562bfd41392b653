"""From a scenario to its runs: the clock writes the tape, a player plays it.

This module alone calls both the clock and the players.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, final

from simasgd.assembly import assemble
from simasgd.errors import RunFailed
from simasgd.results.run import Run
from simasgd.results.study import Study
from simasgd.results.summary import Summary
from simasgd.results.unfinished import UnfinishedWork
from simasgd.scenario.alike import clock_of, together
from simasgd.scenario.schema import Scenario
from simasgd.signals import done_last
from simasgd.timing import ReportPart, Timing, TimingCache, cut_timing, simulate_timing, timing_name
from simasgd.what_if import Answers, count_compared, what_if

if TYPE_CHECKING:
    from simasgd.learning.own import Task
    from simasgd.learning.players.player import AbstractPlayer
    from simasgd.learning.train import Learned
    from simasgd.tape.tape import Tape

_WORTH_KEEPING = 10.0  # seconds; a run that took less is repeated after an interruption


def _silent(phase: str, fraction: float) -> None:
    del phase, fraction


def simulate(
    scenario: Scenario, *, task: Task | None = None, player: AbstractPlayer | None = None, progress: ReportPart = _silent
) -> Run:
    """Run a scenario once, at its own seed: first the cluster, then the learning, if there is any.

    Variants and repeats are ignored; `study` runs them. A `task` replaces the scenario's model and
    data. Without a `player` the compiled one is used. Raises simasgd.DataMissing, and
    simasgd.RunFailed if the memory does not suffice.
    """
    scenario = scenario if task is None else task.described(scenario)
    _require_devices(scenario, compiled=player is None)
    (run,) = _run_group([scenario], simulate_timing(scenario, progress), progress, task=task, player=player)
    return run


def simulate_together(scenarios: Sequence[Scenario]) -> list[Run]:
    """Run a group of scenarios with one clock and one loop.

    `simasgd.scenario.alike.together` makes such groups. Raises the same errors as `simulate`.
    """
    _require_devices(scenarios[0])
    return _run_group(scenarios, simulate_timing(scenarios[0], _silent), _silent)


def replay(
    scenario: Scenario,
    tape: Tape,
    *,
    task: Task | None = None,
    player: AbstractPlayer | None = None,
    progress: ReportPart = _silent,
) -> Learned:
    """Learn a scenario from a tape that some other clock wrote, perhaps a real system's.

    The arguments and the errors raised are as in `simulate`.
    """
    _require_devices(scenario, compiled=player is None)
    (learned,) = _learned([scenario], tape, progress, task, player, None)
    return learned


def study(
    scenario: Scenario,
    *,
    task: Task | None = None,
    command: str = "",
    progress: ReportPart = _silent,
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
    runs = _run_all([single for _, single in singles], progress, task, work)
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
        _require_devices(scenario)
    finished: dict[int, Run] = {}
    groups = together(scenarios)
    timings = TimingCache([scenarios[group[0]] for group in groups])
    for group in _by_timing(groups, scenarios):
        members = [scenarios[number] for number in group]
        part = _GroupProgress(progress, len(finished), len(group), len(scenarios), members[0].learning is not None)
        runs = None if work is None else work.find(members)
        if runs is None:
            runs = _run_group(members, timings.get(members[0], part.report), part.report, task=task, work=work)
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


@final
@dataclass(frozen=True)
class _GroupProgress:
    """The progress of a group of `size` runs, which follows `before` of `total` runs."""

    progress: ReportPart
    before: int
    size: int
    total: int
    learns: bool

    def report(self, phase: str, fraction: float) -> None:
        """Report the progress of the group; with learning, the clock counts as its first tenth."""
        if self.learns:
            fraction = 0.1 * fraction if phase == "simulate" else 0.1 + 0.9 * fraction
        self.progress(phase, (self.before + fraction * self.size) / self.total)


def _with_answers(summary: Summary, scenario: Scenario, answers: Answers) -> Summary:
    """Add the speed-ups of faster clusters, and the effect of the start, to a summary."""
    start = answers.start
    warnings = (start.sentence(scenario.cluster.least_variation),) if start is not None and start.decides else ()
    lock_step = None if start is None else start.comparison()
    return summary.model_copy(
        update={"what_if": answers.rows, "lock_step": lock_step, "warnings": (*summary.warnings, *warnings)}
    )


def _notes(of_variants: Mapping[str, Sequence[Run]]) -> tuple[str, ...]:
    """Collect notes about the data, and warnings with the names of their variants, each once."""
    notes = dict.fromkeys(run.summary.note for runs in of_variants.values() for run in runs if run.summary.note)
    variants_of: dict[str, list[str]] = {}
    for variant, runs in of_variants.items():
        for warning in runs[0].summary.warnings:
            variants_of.setdefault(warning, []).append(variant)
    warnings = [f"{', '.join(names)}: {warning}" if any(names) else warning for warning, names in variants_of.items()]
    return (*notes, *warnings)


def describe_plans(scenario: Scenario) -> str:
    """Explain how the learning of each variant would be computed, one paragraph each.

    The clock is simulated; nothing is learned and no data is read. If seeds have tapes of their
    own, the first seed's is used.
    """
    singles = list_singles(scenario)
    paragraphs: dict[str, str] = {}
    for group in together([single for _, single in singles]):
        variants = dict.fromkeys(singles[number][0] or scenario.name for number in group)
        title = " and ".join(variants) if len(group) == 1 else f"{', '.join(variants)}: {len(group)} runs at once"
        if title not in paragraphs:
            paragraphs[title] = "\n  ".join([title, *_plan(singles[group[0]][1], len(group))])
    return "\n\n".join(paragraphs.values())


def list_singles(scenario: Scenario) -> list[tuple[str, Scenario]]:
    """List the single runs of all variants ("" for a scenario without any) at all seeds."""
    variants = scenario.variants or {"": scenario}
    return [(variant, single) for variant, chosen in variants.items() for single in chosen.repeated()]


def _plan(scenario: Scenario, members: int) -> list[str]:
    if scenario.learning is None:
        return ["timing only: there is nothing to plan"]
    _require_devices(scenario)
    from simasgd.learning.explain import describe_plan

    tape = simulate_timing(scenario, _silent).tape
    assert tape is not None
    return describe_plan(scenario, tape, members)


def _require_devices(scenario: Scenario, *, compiled: bool = True) -> None:
    """Raise UsageError, before the clock is simulated, if the machine cannot learn."""
    if scenario.learning is not None:
        from simasgd.learning.devices import require_devices

        require_devices(compiled=compiled)


def _run_group(
    scenarios: Sequence[Scenario],
    timing: Timing,
    progress: ReportPart,
    *,
    task: Task | None = None,
    player: AbstractPlayer | None = None,
    work: UnfinishedWork | None = None,
) -> list[Run]:
    began = time.perf_counter()
    learned: Sequence[Learned | None] = [None] * len(scenarios)
    if scenarios[0].learning is not None:
        assert timing.tape is not None
        learned = _learned(scenarios, timing.tape, progress, task, player, work)
    seconds = timing.seconds + time.perf_counter() - began  # of the whole group
    runs = []
    for scenario, result in zip(scenarios, learned, strict=True):
        until = timing if result is None or result.cut is None else cut_timing(scenario, timing, result.cut)
        runs.append(assemble(scenario, until, result, seconds + until.seconds - timing.seconds))
    if work is not None and seconds > _WORTH_KEEPING:
        work.put(runs)
    return runs


def _learned(
    scenarios: Sequence[Scenario],
    tape: Tape,
    progress: ReportPart,
    task: Task | None,
    player: AbstractPlayer | None,
    work: UnfinishedWork | None,
) -> Sequence[Learned]:
    from simasgd.learning.players.checkpoint import FileCheckpoint, NoCheckpoint
    from simasgd.learning.train import train

    progress("compile", 0.0)
    checkpoint: FileCheckpoint | NoCheckpoint = NoCheckpoint()
    if work is not None:
        path = work.checkpoint(scenarios)
        checkpoint = FileCheckpoint(path, path.stem, work.checkpoint_seconds)
    try:
        with done_last(checkpoint.save):
            return train(
                scenarios,
                tape,
                task=task,
                player=player,
                checkpoint=checkpoint,
                progress=lambda done: progress("replay", done / max(1, tape.num_steps)),
            )
    except MemoryError:
        raise RunFailed("the memory does not suffice for this run") from None
