"""Learning from a tape: a player computes the weights, and they are evaluated now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import final

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from simasgd.learning.early import EarlyLearning
from simasgd.learning.evaluations import evaluate_moments, find_cut
from simasgd.learning.layout.moment import Moment
from simasgd.learning.players.checkpoint import AbstractCheckpoint
from simasgd.learning.players.compiled import CompiledGroup, compile_ahead
from simasgd.learning.players.machine import Machine
from simasgd.learning.players.player import AbstractPlayer
from simasgd.learning.players.results import Divergence, Evaluation
from simasgd.learning.problem.evaluation import evaluate
from simasgd.learning.problem.memory import device_errors_translated
from simasgd.learning.problem.points import evaluation_points
from simasgd.learning.problem.precision import products_in
from simasgd.learning.problem.problem import Problem, build_problems, initial_weights, require_data
from simasgd.learning.problem.task import AbstractTask, ScenarioTask, frame_of, place
from simasgd.results.kept.weights import KeptWeights
from simasgd.scenario.schema import Scenario
from simasgd.tape.tape import Tape

ReportGradients = Callable[[int], None]


@final
@dataclass(frozen=True, eq=False)
class Learned:
    """The results of learning one scenario from a tape."""

    evaluations: pd.DataFrame
    """A row for each evaluation (`simasgd.learning.problem.points`).

    Columns: epoch, samples, updates, simulated_seconds, test_loss, test_error (NaN if outputs
    cannot be wrong) and consensus_distance (the root mean square of the distances of the learners'
    models from their mean; NaN if there is one model only).
    """
    divergence: Divergence | None
    """None if all weights stayed finite."""
    cut: int | None
    """The number of steps at which the run is cut because its test error was reached, or None."""
    weights: KeptWeights | None
    """The last weights, if they are kept; None for a run that diverged, too."""
    note: str
    """A remark on the data for readers of the results."""
    compile_seconds: float
    """For the whole group of scenarios."""
    replay_seconds: float
    """For the whole group of scenarios."""


def train(
    scenarios: Sequence[Scenario],
    tape: Tape,
    *,
    task: AbstractTask | None,
    player: AbstractPlayer | None,
    checkpoint: AbstractCheckpoint,
    progress: ReportGradients,
    kept: KeptWeights | None = None,
    early: EarlyLearning | None = None,
) -> list[Learned]:
    """Train each scenario of a group on their common tape, and return the results.

    The tape of a later part of a run begins with the weights that were `kept` at the end of the
    part before.

    The scenarios differ only in their learning rates and the seeds of their learning. Those that
    reach their `stop.test_error` end there. A `task` takes the place of their model and data. A
    `player`, if given, plays a lone scenario; without one, `early` learning is continued where it may
    be. progress(steps) is called from time to time with the steps done.

    Raises simasgd.DataMissing, and simasgd.RunFailed if the memory does not suffice.
    """
    first = scenarios[0]
    assert first.learning is not None
    assert first.samples_per_epoch is not None
    target, begin = first.stop.test_error, tape.past.rows
    epochs, steps = evaluation_points(tape, first.samples_per_epoch, first.learning.evaluate)
    with jax.enable_x64(first.learning.precision == "float64"), device_errors_translated():
        progress(0)
        stops = sorted(set(steps))

        def pose() -> tuple[list[Problem], CompiledGroup, Machine]:
            """Pose the problems, plan and compile."""
            problems, group = build_problems(scenarios, tape, task, kept), CompiledGroup(checkpoint=checkpoint)
            return problems, group, group.prepare_machine(problems)

        if player is None:
            problems, group, machine = pose() if early is None else early.make_room(pose)
            if early is not None:
                early.hand_over(machine, stops, checkpoint)
            compile_seconds, moments = machine.compile_seconds, group.play(problems, stops, progress)
        else:
            problems = build_problems(scenarios, tape, task, kept)
            compile_seconds, moments = player.prepare(problems[0]), _alone(player.play(problems[0], stops, progress))
        began = perf_counter()
        weights = evaluate_moments(moments, problems, first, begin, steps[-1], checkpoint)
        replay_seconds = perf_counter() - began
    results = checkpoint.results
    return [
        Learned(
            evaluations=_table(tape, epochs, steps, results.evaluations_of(member)),
            divergence=results.divergence_of(member),
            cut=find_cut(results.evaluations_of(member), begin, target),
            weights=weights.get(member),
            note=problem.note,
            compile_seconds=compile_seconds,
            replay_seconds=replay_seconds,
        )
        for member, problem in enumerate(problems)
    ]


def prepare(scenario: Scenario, task: AbstractTask | None) -> None:
    """Do what learning a scenario begins with, and what needs no tape: read the data, and compile the test.

    Data that was read and programs that were compiled are kept, so `train` does neither again. The
    errors raised are those of `train`.
    """
    learning = scenario.learning
    assert learning is not None
    chosen = ScenarioTask(learning.model, learning.data) if task is None else task
    with jax.enable_x64(learning.precision == "float64"), device_errors_translated(), products_in(learning.precision):
        require_data(learning)
        dtype, frame = jnp.dtype(learning.number_format), frame_of(chosen, learning.precision)
        evaluate(frame, initial_weights(chosen, dtype, scenario.learning_seed), place(chosen, dtype).test)


def expect(scenarios: Sequence[Scenario], first: Tape, factor: float, task: AbstractTask | None) -> None:
    """Compile the loop for a tape of which the `first` part is known. It is about `factor` times as long.

    `train` need not compile it again, unless the whole tape has a plan of another shape. The errors
    raised are those of `train`.
    """
    learning = scenarios[0].learning
    assert learning is not None
    with jax.enable_x64(learning.precision == "float64"), device_errors_translated():
        compile_ahead(build_problems(scenarios, first, task), factor)


def _alone(moments: Iterator[Moment]) -> Iterator[tuple[Moment | None, ...]]:
    """Yield the moments of a lone problem as those of a group."""
    return ((moment,) for moment in moments)


def _table(tape: Tape, epochs: Sequence[float], steps: Sequence[int], evaluations: dict[int, Evaluation]) -> pd.DataFrame:
    times = (tape.past.seconds + np.concatenate([[0.0], tape.stepped_at])).tolist()
    return pd.DataFrame(
        [
            {
                "epoch": epoch,
                "samples": int(tape.samples_before[step]),
                "updates": int(tape.updates_before[step]),
                "simulated_seconds": times[step],
                "test_loss": evaluations[step].loss,
                "test_error": evaluations[step].error,
                "consensus_distance": evaluations[step].distance,
            }
            for epoch, step in zip(epochs, steps, strict=True)
            if step in evaluations
        ]
    ).astype({"test_loss": float, "test_error": float, "consensus_distance": float})
