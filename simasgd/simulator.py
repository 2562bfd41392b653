"""From a scenario to a run: the clock writes the tape, a player plays it. The only file that knows both worlds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.clock.recording import Limit
from simasgd.cluster.job import Job
from simasgd.cluster.result import ClockResult
from simasgd.cluster.simulation import run as run_cluster
from simasgd.errors import RunFailed
from simasgd.results.outcome import outcome_of
from simasgd.results.run import MOST_EVALUATIONS, Run, Study, mixing_summary, records, staleness_summary, thinned
from simasgd.results.unfinished import UnfinishedWork
from simasgd.scenario.alike import clock_of, together
from simasgd.scenario.schema import Scenario
from simasgd.signals import done_last
from simasgd.summary import clock_summary, identity, learner_table, time_summary, timeline, update_table, with_bytes
from simasgd.tape import SummaryRecorder, Tape, TapeRecorder
from simasgd.what_if import Answers, what_if

if TYPE_CHECKING:
    from simasgd.learning.own import Task
    from simasgd.learning.players.player import AbstractPlayer
    from simasgd.learning.train import Learned

Progress = Callable[[str, float], None]
"""Is told now and then which phase a run is in and which fraction of it is done."""

_WORTH_KEEPING = 10.0  # seconds that a run took; a shorter one is made again after an interruption


def _silent(phase: str, fraction: float) -> None:
    del phase, fraction


def simulate(
    scenario: Scenario, *, task: Task | None = None, player: AbstractPlayer | None = None, progress: Progress = _silent
) -> Run:
    """Run a scenario once, at its own seed: first the cluster, then, if it has a learning section, the gradients.

    Its variants and repeats are for `study`. A task takes the place of its model and data. The player is the compiled one
    unless another is given. Raises simasgd.DataMissing, and simasgd.RunFailed where the memory does not suffice.
    """
    scenario = scenario if task is None else task.described(scenario)
    _require_devices(scenario, compiled=player is None)
    (run,) = _runs([scenario], _clock(scenario, progress), progress, task=task, player=player)
    return run


def simulate_together(scenarios: Sequence[Scenario]) -> list[Run]:
    """Runs that `simasgd.scenario.alike.together` puts into one group: one clock, one loop. Raises what `simulate` does."""
    _require_devices(scenarios[0])
    return _runs(scenarios, _clock(scenarios[0], _silent), _silent)


def study(
    scenario: Scenario,
    *,
    task: Task | None = None,
    command: str = "",
    progress: Progress = _silent,
    unfinished: Path | None = None,
    checkpoint_seconds: float = 60.0,
) -> Study:
    """Run all variants of a scenario (itself, if it has none) at all their seeds, and the first seed of each on faster clusters
    as well. A task is as in `simulate`, and what is raised.

    With a folder `unfinished` what is done is kept there, and found there by the same study after an interruption: runs that
    took long, and of the one under way, every so many seconds, how far its learning has come. That cannot be had with a task.
    """
    if task is not None and unfinished is not None:
        raise ValueError("a task's functions cannot be named, so a study of one cannot be gone on with")
    scenario = scenario if task is None else task.described(scenario)
    singles = _singles(scenario)
    for _, single in singles:
        _require_devices(single)
    kept = None if unfinished is None else UnfinishedWork(unfinished, checkpoint_seconds)
    finished: dict[int, Run] = {}
    groups = together([single for _, single in singles])
    clocks = _Clocks([singles[group[0]][1] for group in groups])
    first_of: dict[str, int] = {}
    for group in groups:
        first_of.setdefault(_tape_of(singles[group[0]][1]), group[0])
    # Those of one clock one after the other, so that few tapes are held at a time.
    for group in sorted(groups, key=lambda group: first_of[_tape_of(singles[group[0]][1])]):
        chosen, before = [singles[number][1] for number in group], len(finished)

        def part(
            phase: str,
            fraction: float,
            before: int = before,
            size: int = len(group),
            learns: bool = chosen[0].learning is not None,
        ) -> None:
            progress(phase, (before + _of_run(phase, fraction, learns) * size) / len(singles))

        runs = None if kept is None else kept.find(chosen)
        if runs is None:
            runs = _runs(chosen, clocks.of(chosen[0], part), part, task=task, kept=kept)
        clocks.done(chosen[0])
        finished.update(zip(group, runs, strict=True))
        progress("done", len(finished) / len(singles))
    of_variants: dict[str, list[Run]] = {}
    answers: dict[str, Answers] = {}
    for number, (variant, single) in enumerate(singles):
        run = finished[number]
        if variant not in of_variants:
            clock = clock_of(single)
            if clock not in answers:
                answers[clock] = what_if(single, run.summary["gradients"]["applied"])
            run = replace(run, summary={**run.summary, **_answered(single, answers[clock])})
        of_variants.setdefault(variant, []).append(run)
    return Study(scenario, of_variants, command, _notes(of_variants))


def _answered(scenario: Scenario, answers: Answers) -> dict[str, Any]:
    """The keys of run.json that say what another cluster would do."""
    start = answers.start
    return {
        "what_if": answers.rows,
        "lock_step": None if start is None else start.plain(),
        "warnings": [start.sentence(scenario.cluster.compute.variation)] if start is not None and start.decides else [],
    }


def _notes(of_variants: Mapping[str, Sequence[Run]]) -> tuple[str, ...]:
    """What a reader must know, each once: of the data, and the warnings, with the names of the variants that they are about."""
    found = dict.fromkeys(run.summary["note"] for runs in of_variants.values() for run in runs if run.summary["note"])
    about: dict[str, list[str]] = {}
    for variant, runs in of_variants.items():
        for warning in runs[0].summary["warnings"]:
            about.setdefault(warning, []).append(variant)
    warnings = [f"{', '.join(names)}: {warning}" if any(names) else warning for warning, names in about.items()]
    return (*found, *warnings)


def plans(scenario: Scenario) -> str:
    """How the learning of each variant would be computed, a paragraph each: the clock is simulated, nothing learned and no data
    read. Where seeds have tapes of their own it is the first one's."""
    singles = _singles(scenario)
    paragraphs: dict[str, str] = {}
    for group in together([single for _, single in singles]):
        variants = dict.fromkeys(singles[number][0] or scenario.name for number in group)
        title = " and ".join(variants) if len(group) == 1 else f"{', '.join(variants)}: {len(group)} runs at once"
        if title not in paragraphs:
            paragraphs[title] = "\n  ".join([title, *_plan(singles[group[0]][1], len(group))])
    return "\n\n".join(paragraphs.values())


def _singles(scenario: Scenario) -> list[tuple[str, Scenario]]:
    """The single runs of all variants ("" for a scenario without any) at all seeds."""
    variants = scenario.variants or {"": scenario}
    return [(variant, single) for variant, chosen in variants.items() for single in chosen.repeated()]


def _plan(scenario: Scenario, members: int) -> list[str]:
    if scenario.learning is None:
        return ["timing only: there is nothing to plan"]
    _require_devices(scenario)
    from simasgd.learning.explain import describe_plan

    tape = _clock(scenario, _silent).tape
    assert tape is not None
    return describe_plan(scenario, tape, members)


def _require_devices(scenario: Scenario, *, compiled: bool = True) -> None:
    """Raise UsageError before the clock is simulated where nothing can be learned."""
    if scenario.learning is not None:
        from simasgd.learning.devices import require_devices

        require_devices(compiled=compiled)


def _of_run(phase: str, fraction: float, learns: bool) -> float:
    """Which fraction of a run is done: with learning the clock is the first tenth."""
    if not learns:
        return fraction
    return 0.1 * fraction if phase == "simulate" else 0.1 + 0.9 * fraction


@final
@dataclass(frozen=True, eq=False)
class _Clock:
    """What the cluster did. `tape` is None where nobody wants it; it took `seconds` to simulate."""

    clocked: ClockResult
    tape: Tape | None
    staleness: Counter[int]
    ages: Counter[int]
    seconds: float


def _clock(scenario: Scenario, progress: Progress) -> _Clock:
    began = time.perf_counter()
    keep_tape = scenario.learning is not None or scenario.record != "summary"
    recorder = TapeRecorder() if keep_tape else SummaryRecorder()
    job = Job.of(scenario)
    try:
        clocked = run_cluster(
            job,
            recorder,
            log=SpanLog() if scenario.record == "timeline" else None,
            progress=lambda gradients, seconds: progress("simulate", _fraction(job.limit, clock=(gradients, seconds))),
        )
        tape = recorder.tape(scenario.workload.mini_batch) if isinstance(recorder, TapeRecorder) else None
        counts = recorder.staleness_counts(), recorder.age_counts()
        return _Clock(clocked, tape, *counts, time.perf_counter() - began)
    except MemoryError:
        raise RunFailed("the memory does not suffice for this run") from None


@final
class _Clocks:
    """The clocks of scenarios that come one after the other, each simulated once and kept until its last one is done."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._left = Counter(_tape_of(scenario) for scenario in scenarios)
        self._kept: dict[str, _Clock] = {}

    def of(self, scenario: Scenario, progress: Progress) -> _Clock:
        name = _tape_of(scenario)
        if name not in self._kept:
            self._kept[name] = _clock(scenario, progress)
        return self._kept[name]

    def done(self, scenario: Scenario) -> None:
        name = _tape_of(scenario)
        self._left[name] -= 1
        if not self._left[name]:
            self._kept.pop(name, None)


def _tape_of(scenario: Scenario) -> str:
    return f"{scenario.learning is not None} {clock_of(scenario)}"


def _runs(
    scenarios: Sequence[Scenario],
    clock: _Clock,
    progress: Progress,
    *,
    task: Task | None = None,
    player: AbstractPlayer | None = None,
    kept: UnfinishedWork | None = None,
) -> list[Run]:
    began = time.perf_counter()
    learned: Sequence[Learned | None] = [None] * len(scenarios)
    if scenarios[0].learning is not None:
        learned = _learned(scenarios, clock, progress, task, player, kept)
    seconds = clock.seconds + time.perf_counter() - began  # of all of them, as those of their clock and their loop are
    runs = [_run(scenario, clock, found, seconds) for scenario, found in zip(scenarios, learned, strict=True)]
    if kept is not None and seconds > _WORTH_KEEPING:
        kept.put(runs)
    return runs


def _learned(
    scenarios: Sequence[Scenario],
    clock: _Clock,
    progress: Progress,
    task: Task | None,
    player: AbstractPlayer | None,
    kept: UnfinishedWork | None,
) -> Sequence[Learned]:
    from simasgd.learning.players.checkpoint import FileCheckpoint, NoCheckpoint
    from simasgd.learning.train import train

    tape = clock.tape
    assert tape is not None
    progress("compile", 0.0)
    checkpoint: FileCheckpoint | NoCheckpoint = NoCheckpoint()
    if kept is not None:
        path = kept.checkpoint(scenarios)
        checkpoint = FileCheckpoint(path, path.stem, kept.checkpoint_seconds)
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


def _run(scenario: Scenario, clock: _Clock, learned: Learned | None, seconds: float) -> Run:
    evaluations = None if learned is None else with_bytes(learned.evaluations, clock.clocked)
    divergence = None if learned is None else learned.divergence
    diverged = None if divergence is None else {"update": divergence.update, "epoch": divergence.epoch}
    evaluated = [] if evaluations is None else records(thinned(evaluations, MOST_EVALUATIONS))
    last = evaluated[-1] if evaluated and diverged is None else {"test_error": None, "test_loss": None}
    summary = {
        **identity(scenario),
        "diverged": diverged,
        **clock_summary(scenario, clock.clocked),
        **time_summary(clock.clocked),
        "what_if": None,
        "lock_step": None,
        "warnings": [],
        "staleness": staleness_summary(clock.staleness),
        "mixing": mixing_summary(clock.ages) if scenario.protocol.has_own_models else None,
        "evaluations": evaluated,
        "test_error": last["test_error"],
        "test_loss": last["test_loss"],
        "note": "" if learned is None else learned.note,
        "wall": {
            "simulate": clock.seconds,
            "compile": 0.0 if learned is None else learned.compile_seconds,
            "replay": 0.0 if learned is None else learned.replay_seconds,
            "total": seconds,
        },
    }
    tape = clock.tape
    return Run(
        scenario=scenario,
        summary={"outcome": str(outcome_of(summary, scenario.learning)), **summary},
        learners=learner_table(clock.clocked),
        updates=update_table(tape) if tape is not None and scenario.record != "summary" else None,
        evaluations=evaluations,
        timeline=timeline(clock.clocked.spans) if clock.clocked.spans is not None else None,
    )


def _fraction(limit: Limit, clock: tuple[int, float]) -> float:
    gradients, seconds = clock
    parts = [0.0]
    if limit.gradients is not None:
        parts.append(gradients / limit.gradients)
    if limit.seconds is not None:
        parts.append(seconds / limit.seconds)
    return min(1.0, max(parts))
