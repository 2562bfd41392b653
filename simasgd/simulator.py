"""From a scenario to its runs: the clock writes the tape, a player plays it.

This module and `preparation.py` alone call both the clock and the learning.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from simasgd.ahead.latest import LatestTiming
from simasgd.ahead.timings import Timings
from simasgd.assembly import assemble
from simasgd.errors import RunFailed
from simasgd.learning.devices import capacity_for
from simasgd.preparation import Preparation
from simasgd.results.run import Run
from simasgd.results.unfinished import UnfinishedWork
from simasgd.scenario.alike import together
from simasgd.scenario.schema import Scenario, ScenarioSource
from simasgd.signals import done_last
from simasgd.stages.joining import as_whole, join
from simasgd.stages.parts import ended_for_good, fraction_before, plan_part, share_of_first, without_last_part
from simasgd.stages.progress import Progress, ShareOfWork, reporting, silent
from simasgd.timing import ReportPart, Timing, cut_timing, simulate_timing

if TYPE_CHECKING:
    from simasgd.learning.early import EarlyLearning
    from simasgd.learning.own import Task
    from simasgd.learning.players.player import AbstractPlayer
    from simasgd.learning.train import Learned
    from simasgd.results.kept.weights import KeptWeights
    from simasgd.tape.tape import Tape

_WORTH_KEEPING = 10.0  # seconds; a run that took less is repeated after an interruption


def simulate(
    scenario: ScenarioSource,
    *overrides: str,
    task: Task | None = None,
    player: AbstractPlayer | None = None,
    progress: Progress = False,
) -> Run:
    """Run a scenario once, at its own seed: first the cluster, then the learning, if there is any.

    The scenario and the overrides are what `Scenario.load` takes, which may raise
    simasgd.ScenarioError. Variants and repeats are ignored; `study` runs them. A `task` replaces the scenario's model and
    data. Without a `player` the compiled one is used.

    With progress=True a bar shows how much is done, on a terminal and in a notebook. A function is
    called with the phase (`simulate`, `compile`, `replay`, `done`) and the fraction of all work that is
    done. Raises simasgd.DataMissing, and simasgd.RunFailed if the memory does not suffice.
    """
    scenario = Scenario.load(scenario, *overrides)
    scenario = scenario if task is None else task.described(scenario)
    require_learning(scenario, compiled=player is None)
    with reporting(progress, scenario.name, learns=scenario.learning is not None) as told:
        share = ShareOfWork.whole(told, scenario)
        report = share_of_first(scenario, share).report
        preparation = Preparation([scenario], report, task, player)
        with Timings([scenario]) as timings:
            timing = timings.get(scenario, report, None if scenario.learning is None else preparation)
        (run,) = run_group([scenario], timing, share, task=task, player=player, early=preparation.early)
        told("done", 1.0)
    return run


def simulate_together(
    scenarios: Sequence[Scenario],
    latest: LatestTiming | None = None,
    memory: float | None = None,
    following: Sequence[Scenario] = (),
) -> list[Run]:
    """Run a group of scenarios with one clock, perhaps the `latest`, and one loop.

    `simasgd.scenario.alike.together` makes such groups. `memory` is as in `run_group`. Scenarios of
    `following` groups may be simulated meanwhile, if there is a `latest`. Raises the same errors as
    `simulate`.
    """
    require_learning(scenarios[0])
    timing = simulate_timing(scenarios[0], silent) if latest is None else latest.get(scenarios[0], silent, following)
    return run_group(scenarios, timing, ShareOfWork.unseen(), memory=memory)


def replay(
    scenario: Scenario,
    tape: Tape,
    *,
    task: Task | None = None,
    player: AbstractPlayer | None = None,
    progress: ReportPart = silent,
) -> Learned:
    """Learn a scenario from a tape that some other clock wrote, perhaps a real system's.

    The arguments and the errors raised are as in `simulate`.
    """
    require_learning(scenario, compiled=player is None)
    (learned,) = _learned([scenario], tape, progress, task, player)
    return learned


def describe_plans(scenario: Scenario) -> str:
    """Explain how the learning of each variant would be computed, one paragraph each.

    The clock is simulated; nothing is learned and no data is read. If seeds have tapes of their
    own, the first seed's is used.
    """
    singles = list_singles(scenario)
    paragraphs: dict[str, str] = {}
    scenarios = [single for _, single in singles]
    for group in together(scenarios, capacity_for(scenarios)):
        variants = dict.fromkeys(singles[number][0] or scenario.name for number in group)
        title = " and ".join(variants) if len(group) == 1 else f"{', '.join(variants)}: {len(group)} runs at once"
        if title not in paragraphs:
            paragraphs[title] = "\n  ".join([title, *_plan(singles[group[0]][1], len(group))])
    return "\n\n".join(paragraphs.values())


def list_singles(scenario: Scenario) -> list[tuple[str, Scenario]]:
    """List the single runs of all variants ("" for a scenario without any) at all seeds."""
    variants = scenario.by_variant
    return [(variant, single) for variant, chosen in variants.items() for single in chosen.repeated()]


def _plan(scenario: Scenario, members: int) -> list[str]:
    if scenario.learning is None:
        return ["timing only: there is nothing to plan"]
    require_learning(scenario)
    from simasgd.learning.explain import describe_plan

    tape = simulate_timing(scenario, silent).tape
    assert tape is not None
    return describe_plan(scenario, tape, members)


def require_learning(scenario: Scenario, *, compiled: bool = True) -> None:
    """Raise UsageError, before the clock is simulated, if the machine cannot learn."""
    if scenario.learning is not None:
        from simasgd.learning.devices import require_devices

        require_devices(compiled=compiled)


def run_group(
    scenarios: Sequence[Scenario],
    timing: Timing,
    share: ShareOfWork,
    *,
    task: Task | None = None,
    player: AbstractPlayer | None = None,
    work: UnfinishedWork | None = None,
    memory: float | None = None,
    early: EarlyLearning | None = None,
) -> list[Run]:
    """Learn runs of one clock in one loop, and return them; a scenario that is continued runs part by part.

    A group that takes more than the `memory` (bytes; None: what the device has for groups) goes
    through several loops, one after the other. `work` keeps what took long, for the case of an interruption. A group in one
    loop goes on with its `early` learning. Raises the errors of `simulate`.
    """
    if scenarios[0].stop.continued:
        return [_run_in_parts(scenarios[0], timing, share, task, player, work)]
    most = _most_that_fit(scenarios, timing, task, memory)
    if early is not None and most < len(scenarios):
        early.forget()
    runs: list[Run] = []
    for begin in range(0, len(scenarios), most):
        members = scenarios[begin : begin + most]
        part = share.split(begin / len(scenarios))[1].split(len(members) / (len(scenarios) - begin))[0]
        found = None if work is None or len(members) == len(scenarios) else work.find(members)
        runs += found or _run_loop(members, timing, part, task, player, work, early)
    return runs


def _run_loop(
    scenarios: Sequence[Scenario],
    timing: Timing,
    share: ShareOfWork,
    task: Task | None,
    player: AbstractPlayer | None,
    work: UnfinishedWork | None,
    early: EarlyLearning | None,
) -> list[Run]:
    """Learn runs of one clock that fit into one loop."""
    began = time.perf_counter()
    learned: Sequence[Learned | None] = [None] * len(scenarios)
    if scenarios[0].learning is not None:
        assert timing.tape is not None
        learned = _learned(scenarios, timing.tape, share.report, task, player, work, early=early)
    seconds = timing.seconds + time.perf_counter() - began  # of the whole group
    runs = []
    for scenario, result in zip(scenarios, learned, strict=True):
        until = timing if result is None or result.cut is None else cut_timing(scenario, timing, result.cut)
        runs.append(assemble(scenario, until, result, seconds + until.seconds - timing.seconds))
    if work is not None and seconds > _WORTH_KEEPING:
        work.put(runs)
    return runs


def _most_that_fit(scenarios: Sequence[Scenario], timing: Timing, task: Task | None, memory: float | None) -> int:
    """Return how many of the runs of one clock fit into one loop on the device."""
    if len(scenarios) == 1 or scenarios[0].learning is None:
        return len(scenarios)
    from simasgd.learning.players.fitting import most_that_fit

    assert timing.tape is not None
    return most_that_fit(scenarios, timing.tape, task, memory)


def _run_in_parts(
    scenario: Scenario,
    timing: Timing,
    share: ShareOfWork,
    task: Task | None,
    player: AbstractPlayer | None,
    work: UnfinishedWork | None,
) -> Run:
    """Run a scenario that is continued, whose first part has this timing."""
    earlier = without_last_part(scenario)
    before, last = share.split(fraction_before(scenario))
    found = None if work is None else work.find([earlier])
    (run,) = found or run_group([earlier], timing, before, task=task, player=player, work=work)
    if ended_for_good(run):
        return as_whole(run, scenario)
    return run_last_part(run, scenario, last, task, player, work)


def run_last_part(
    run: Run,
    scenario: Scenario,
    share: ShareOfWork,
    task: Task | None = None,
    player: AbstractPlayer | None = None,
    work: UnfinishedWork | None = None,
) -> Run:
    """Run the last part of a scenario, and join it to the run of its earlier parts."""
    began, part, learned = time.perf_counter(), plan_part(run, scenario), None
    timing = simulate_timing(scenario, share.report, part=part)
    until = timing
    if scenario.learning is not None:
        assert timing.tape is not None
        (learned,) = _learned([scenario], timing.tape, share.report, task, player, work, kept=run.weights)
        if learned.cut is not None:
            until = cut_timing(scenario, timing, learned.cut, part)
    whole = join(run, assemble(scenario, until, learned, time.perf_counter() - began), scenario)
    if work is not None and whole.summary.wall.total > _WORTH_KEEPING:
        work.put([whole])
    return whole


def _learned(
    scenarios: Sequence[Scenario],
    tape: Tape,
    progress: ReportPart,
    task: Task | None,
    player: AbstractPlayer | None,
    work: UnfinishedWork | None = None,
    *,
    kept: KeptWeights | None = None,
    early: EarlyLearning | None = None,
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
                kept=kept,
                early=early,
            )
    except MemoryError:
        raise RunFailed("the memory does not suffice for this run") from None
