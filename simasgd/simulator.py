"""From a scenario to a run: the clock writes the tape, a player plays it. The only file that knows both worlds."""

from __future__ import annotations

import platform
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import simasgd
from simasgd.cluster.diary import Activity
from simasgd.cluster.log import ACTIVITIES, SpanLog, Spans
from simasgd.cluster.simulation import Clocked, Limit
from simasgd.cluster.simulation import run as run_cluster
from simasgd.cluster.trail import PARTS
from simasgd.errors import RunFailed
from simasgd.results import Run, Study, finite, staleness_summary
from simasgd.scenario.schema import Scenario
from simasgd.tape import SummaryRecorder, Tape, TapeRecorder
from simasgd.what_if import what_if

if TYPE_CHECKING:
    from simasgd.learning.player import AbstractPlayer

Progress = Callable[[str, float], None]
"""Is told now and then which phase a run is in and which fraction of it is done."""


def _silent(phase: str, fraction: float) -> None:
    del phase, fraction


def simulate(scenario: Scenario, *, player: AbstractPlayer | None = None, progress: Progress = _silent) -> Run:
    """Run a scenario once, at its own seed: first the cluster, then, if it has a learning section, the gradients.

    Its variants and repeats are for `study`. The player is the compiled one unless another is given. Raises
    simasgd.DataMissing, and simasgd.RunFailed where the memory does not suffice.
    """
    try:
        return _simulate(scenario, player, progress)
    except MemoryError:
        raise RunFailed("the memory does not suffice for this run") from None


def _simulate(scenario: Scenario, player: AbstractPlayer | None, progress: Progress) -> Run:
    began = time.perf_counter()
    keep_tape = scenario.learning is not None or scenario.record != "summary"
    recorder = TapeRecorder() if keep_tape else SummaryRecorder()
    limit = Limit(scenario.gradients_to_stop, scenario.stop.updates, scenario.stop.simulated_time)
    clocked = run_cluster(
        scenario.cluster,
        scenario.protocol,
        seed=scenario.cluster_seed,
        mini_batch=scenario.workload.mini_batch,
        payload=scenario.payload,
        limit=limit,
        recorder=recorder,
        samples_per_epoch=scenario.samples_per_epoch,
        log=SpanLog() if scenario.record == "timeline" else None,
        progress=lambda gradients, seconds: progress("simulate", _fraction(limit, clock=(gradients, seconds))),
    )
    simulated = time.perf_counter()
    tape = recorder.tape(scenario.workload.mini_batch) if isinstance(recorder, TapeRecorder) else None
    learned = _Learned()
    if scenario.learning is not None:
        assert tape is not None
        learned = _learn(scenario, tape, player, progress)
    total = time.perf_counter() - began
    wall = {
        "simulate": simulated - began,
        "compile": learned.compile_seconds,
        "replay": learned.replay_seconds,
        "total": total,
    }
    summary = {
        **_identity(scenario),
        "diverged": learned.diverged,
        **_clock_summary(scenario, clocked),
        **_time_summary(clocked),
        "what_if": None,
        "staleness": staleness_summary(recorder.staleness_counts()),
        "evaluations": learned.evaluations.to_dict("records") if learned.evaluations is not None else [],
        "test_error": learned.test_error,
        "note": learned.note,
        "wall": wall,
    }
    return Run(
        scenario=scenario,
        summary=summary,
        learners=_learner_table(clocked),
        updates=_update_table(tape) if tape is not None and scenario.record != "summary" else None,
        evaluations=learned.evaluations,
        timeline=_timeline(clocked.spans) if clocked.spans is not None else None,
    )


def study(scenario: Scenario, *, command: str = "", progress: Progress = _silent) -> Study:
    """Run all variants of a scenario (itself, if it has none) at all their seeds, and the first seed of each on faster clusters
    as well. Raises what `simulate` does."""
    plans = [
        (variant, single) for variant, chosen in (scenario.variants or {"": scenario}).items() for single in chosen.repeated()
    ]
    runs: dict[str, list[Run]] = {}
    for done, (variant, single) in enumerate(plans):

        def part(phase: str, fraction: float, done: int = done) -> None:
            progress(phase, (done + fraction) / len(plans))

        finished = simulate(single, progress=part)
        if variant not in runs:
            answers = what_if(single, finished.summary["gradients"]["applied"])
            finished = replace(finished, summary={**finished.summary, "what_if": answers})
        runs.setdefault(variant, []).append(finished)
        progress("done", (done + 1) / len(plans))
    notes = dict.fromkeys(run.summary["note"] for many in runs.values() for run in many if run.summary["note"])
    return Study(scenario, runs, command, tuple(notes))


@dataclass(frozen=True, eq=False)
class _Learned:
    """What a player made of a tape; nothing by default."""

    evaluations: pd.DataFrame | None = None
    diverged: dict[str, Any] | None = None
    test_error: float | None = None
    note: str = ""
    compile_seconds: float = 0.0
    replay_seconds: float = 0.0


def _learn(scenario: Scenario, tape: Tape, player: AbstractPlayer | None, progress: Progress) -> _Learned:
    import jax

    from simasgd.learning.compiled import Compiled
    from simasgd.learning.problem import pose

    learning, samples_per_epoch = scenario.learning, scenario.samples_per_epoch
    assert learning is not None
    assert samples_per_epoch is not None
    player = Compiled() if player is None else player
    epochs, steps = _evaluation_points(tape, samples_per_epoch)
    with jax.enable_x64(learning.precision == "float64"), _on_the_device():
        problem = pose(scenario, tape)
        progress("compile", 0.0)
        compile_seconds = player.prepare(problem)
        began = time.perf_counter()
        found: dict[int, tuple[float, float]] = {}
        diverged = None
        for moment in player.play(problem, sorted(set(steps)), lambda done: progress("replay", done / max(1, tape.num_steps))):
            if moment.diverged:
                samples = int(tape.samples_before[moment.steps])
                diverged = {"update": moment.steps, "epoch": samples / samples_per_epoch}
            else:
                found[moment.steps] = problem.evaluate(moment.weights)
        replay_seconds = time.perf_counter() - began
    times = np.concatenate([[0.0], tape.stepped_at])
    rows = [
        {
            "epoch": epoch,
            "samples": int(tape.samples_before[step]),
            "updates": step,
            "simulated_seconds": float(times[step]),
            "test_loss": finite(found[step][0]),
            "test_error": found[step][1],
        }
        for epoch, step in zip(epochs, steps, strict=True)
        if step in found
    ]
    return _Learned(
        evaluations=pd.DataFrame(rows),
        diverged=diverged,
        test_error=None if diverged else rows[-1]["test_error"],
        note=problem.note,
        compile_seconds=compile_seconds,
        replay_seconds=replay_seconds,
    )


@contextmanager
def _on_the_device() -> Iterator[None]:
    """JAX's complaints in our words: too little memory fails the run, and numbers that overflow are found as divergence."""
    import jax

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            yield
        except jax.errors.JaxRuntimeError as error:
            # XLA says it as RESOURCE_EXHAUSTED or, where it notices later, as INTERNAL.
            if "out of memory" not in str(error).lower():
                raise
            raise RunFailed(f"the device's memory does not suffice for this run: {str(error).splitlines()[0]}") from None


def _evaluation_points(tape: Tape, samples_per_epoch: int) -> tuple[list[float], list[int]]:
    """Epochs and the numbers of steps at which they are evaluated: the first at or after each epoch, and the last of all."""
    total = float(tape.samples_before[-1]) / samples_per_epoch
    epochs = [float(epoch) for epoch in range(int(total) + 1)]
    steps = tape.first_step_after([epoch * samples_per_epoch for epoch in epochs]).tolist()
    if steps[-1] < tape.num_steps:
        epochs.append(total)
        steps.append(tape.num_steps)
    return epochs, steps


def _identity(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "seed": scenario.seed,
        "version": simasgd.__version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("simpy", "jax", "optax", "numpy")},
        "scenario_hash": scenario.hash(),
        "learners": scenario.cluster.learners,
        "mini_batch": scenario.workload.mini_batch,
        "protocol": scenario.protocol.kind,
        "architecture": scenario.cluster.architecture.kind,
    }


def _clock_summary(scenario: Scenario, clocked: Clocked) -> dict[str, Any]:
    samples = clocked.gradients_applied * scenario.workload.mini_batch
    return {
        "simulated_seconds": clocked.simulated_seconds,
        "gradients": {
            "computed": clocked.gradients_computed,
            "applied": clocked.gradients_applied,
            "dropped": clocked.gradients_dropped,
            "cancelled": 0,
            "lost": clocked.gradients_lost,
            "in_flight": clocked.gradients_in_flight,
        },
        "updates": clocked.updates,
        "stopped_by": _stopped_by(scenario, clocked),
        "hang": None if clocked.hang is None else {"at": clocked.hang.at, "reason": clocked.hang.reason},
        "samples": samples,
        "epochs": samples / scenario.samples_per_epoch if scenario.samples_per_epoch else None,
        "gradients_per_simulated_second": clocked.gradients_applied / (clocked.simulated_seconds or 1.0),
    }


def _time_summary(clocked: Clocked) -> dict[str, Any]:
    """Where the time goes."""
    spent = dict(zip(Activity, np.asarray(clocked.learner_seconds).sum(axis=0).tolist(), strict=True))
    working = sum(seconds for activity, seconds in spent.items() if activity is not Activity.IDLE)
    mishaps, sent = clocked.mishaps, clocked.bytes
    return {
        "learner_time": _fractions(clocked.learner_seconds, clocked.simulated_seconds),
        "threads": {name: _fractions(seconds, clocked.simulated_seconds) for name, seconds in clocked.thread_seconds.items()},
        "overlap": spent[Activity.COMPUTE] / working if working > 0.0 else None,
        "critical_path": dict(zip(PARTS, clocked.critical_path, strict=True)),
        "servers": [{"name": s.name, "busy": s.busy, "mean_queue": s.mean_queue} for s in clocked.servers],
        "links": [link._asdict() for link in clocked.links],
        "bytes": {
            "sent": sent.sent,
            "received": sent.received,
            "lost": sent.lost,
            "in_flight": sent.sent - sent.received - sent.lost,
        },
        "faults": {
            "crashes": mishaps.crashes,
            "rejoins": mishaps.rejoins,
            "down": mishaps.down_seconds,
            "barrier_timeouts": mishaps.barrier_timeouts,
            "members_dropped": mishaps.members_dropped,
            "messages_lost": mishaps.messages_lost,
            "server_paused": mishaps.server_paused,
        },
    }


def _fractions(seconds: Sequence[Sequence[float]], whole: float) -> dict[str, float]:
    """What part of the time each activity took, in the mean over the learners."""
    spent = np.asarray(seconds).sum(axis=0) / ((whole or 1.0) * len(seconds))
    return {activity.name.lower(): float(spent[activity]) for activity in Activity}


def _stopped_by(scenario: Scenario, clocked: Clocked) -> str:
    """The key of `stop` that ended the run."""
    stop, applied = scenario.stop, clocked.gradients_applied
    if clocked.hang is not None and (stop.simulated_time is None or clocked.simulated_seconds < stop.simulated_time):
        return "hang"
    if stop.updates is not None and clocked.updates >= stop.updates:
        return "updates"
    if stop.gradients is not None and applied >= stop.gradients:
        return "gradients"
    if scenario.gradients_to_stop is not None and applied >= scenario.gradients_to_stop:
        return "epochs"
    return "simulated_time"


def _learner_table(clocked: Clocked) -> pd.DataFrame:
    seconds = np.asarray(clocked.learner_seconds)
    columns = {activity.name.lower(): seconds[:, activity] for activity in Activity}
    return pd.DataFrame({"learner": range(len(seconds)), "gradients": clocked.learner_gradients, **columns})


def _update_table(tape: Tape) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": tape.stepped_at[tape.step],
            "timestamp": tape.step + 1,
            "learner": tape.learner,
            "batch": tape.batch,
            "staleness": tape.staleness,
            "read_at": tape.read_at,
            "computed_at": tape.computed_at,
        }
    )


def _timeline(spans: Spans) -> pd.DataFrame:
    tracks = pd.DataFrame(spans.tracks, columns=["group", "name"])
    return pd.DataFrame(
        {
            "group": pd.Categorical(tracks["group"].to_numpy()[spans.track]),
            "track": pd.Categorical(tracks["name"].to_numpy()[spans.track], categories=tracks["name"]),
            "activity": pd.Categorical.from_codes(spans.activity, categories=list(ACTIVITIES)),
            "start": spans.start,
            "end": spans.end,
            "learner": spans.learner,
        }
    )


def _fraction(limit: Limit, clock: tuple[int, float]) -> float:
    gradients, seconds = clock
    parts = [0.0]
    if limit.gradients is not None:
        parts.append(gradients / limit.gradients)
    if limit.seconds is not None:
        parts.append(seconds / limit.seconds)
    return min(1.0, max(parts))
