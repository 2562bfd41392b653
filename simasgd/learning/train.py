"""Learning from a tape: a player computes the weights, and they are evaluated now and then."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import final

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from simasgd.errors import RunFailed
from simasgd.learning.layout.moment import Moment
from simasgd.learning.players.checkpoint import AbstractCheckpoint
from simasgd.learning.players.compiled import Compiled, CompiledGroup, compile_ahead
from simasgd.learning.players.player import AbstractPlayer
from simasgd.learning.players.results import Divergence, Evaluation
from simasgd.learning.problem.evaluation import evaluate
from simasgd.learning.problem.keeping import keep
from simasgd.learning.problem.points import evaluation_points
from simasgd.learning.problem.precision import products_in
from simasgd.learning.problem.problem import Problem, build_problem, initial_weights, require_data
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
) -> list[Learned]:
    """Train each scenario of a group on their common tape, and return the results.

    The tape of a later part of a run begins with the weights that were `kept` at the end of the
    part before.

    The scenarios differ only in their learning rates and the seeds of their learning. Those that
    reach their `stop.test_error` end there. A `task`
    takes the place of their model and data. A `player`, if given, plays a lone scenario.
    progress(steps) is called from time to time with the steps done.

    Raises simasgd.DataMissing, and simasgd.RunFailed if the memory does not suffice.
    """
    first = scenarios[0]
    assert first.learning is not None
    assert first.samples_per_epoch is not None
    target, begin = first.stop.test_error, tape.past.rows
    epochs, steps = evaluation_points(tape, first.samples_per_epoch, first.learning.evaluate)
    with jax.enable_x64(first.learning.precision == "float64"), _device_errors_translated():
        problems = list(_build_problems(scenarios, tape, task, kept))
        progress(0)
        compile_seconds, moments = _play(problems, sorted(set(steps)), player, checkpoint, progress)
        began = perf_counter()
        weights = _evaluate_moments(moments, problems, first, begin, steps[-1], checkpoint)
        replay_seconds = perf_counter() - began
    results = checkpoint.results
    return [
        Learned(
            evaluations=_table(tape, epochs, steps, results.evaluations_of(member)),
            divergence=results.divergence_of(member),
            cut=_find_cut(results.evaluations_of(member), begin, target),
            weights=weights.get(member),
            note=problem.note,
            compile_seconds=compile_seconds,
            replay_seconds=replay_seconds,
        )
        for member, problem in enumerate(problems)
    ]


def _evaluate_moments(
    moments: Iterable[Sequence[Moment | None]],
    problems: Sequence[Problem],
    scenario: Scenario,
    begin: int,
    stop: int,
    checkpoint: AbstractCheckpoint,
) -> dict[int, KeptWeights]:
    """Evaluate the weights at each stop, into the checkpoint's results, until all problems have ended.

    Return the last weights of each problem if `scenario`, the first of the group, keeps them. The
    tape begins after `begin` steps, and `stop` is the last one.
    """
    assert scenario.learning is not None
    assert scenario.samples_per_epoch is not None
    target = scenario.stop.test_error
    ended: set[int] = set()
    last: dict[int, KeptWeights] = {}
    for number, moment_of_each in enumerate(moments):
        if not number:  # the walk may go on from a checkpoint
            evaluations = map(checkpoint.results.evaluations_of, range(len(problems)))
            ended = {member for member, found in enumerate(evaluations) if _find_cut(found, begin, target) is not None}
        for member, moment in enumerate(moment_of_each):
            if moment is None or member in ended:
                continue
            error = _add_moment(checkpoint, moment, member, problems[member], scenario.samples_per_epoch)
            is_reached = moment.steps > begin and _is_reached(error, target)
            if moment.diverged or is_reached:
                ended.add(member)
            if scenario.record.weights and not moment.diverged and (is_reached or moment.steps == stop):
                last[member] = keep(moment.take_snapshot(), problems[member].recipe, scenario.learning.model)
        if len(ended) == len(problems):
            break
    return last


def prepare(scenario: Scenario, task: AbstractTask | None) -> None:
    """Do what learning a scenario begins with, and what needs no tape: read the data, and compile the test.

    Data that was read and programs that were compiled are kept, so `train` does neither again. The
    errors raised are those of `train`.
    """
    learning = scenario.learning
    assert learning is not None
    chosen = ScenarioTask(learning.model, learning.data) if task is None else task
    with jax.enable_x64(learning.precision == "float64"), _device_errors_translated(), products_in(learning.precision):
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
    with jax.enable_x64(learning.precision == "float64"), _device_errors_translated():
        compile_ahead(list(_build_problems(scenarios, first, task, None)), factor)


def _find_cut(evaluations: Mapping[int, Evaluation], begin: int, target: float | None) -> int | None:
    """Return the number of steps at the first evaluation that reaches the target; None if none does.

    The weights with which a tape begins, after `begin` steps, do not count.
    """
    return min(
        (steps for steps, found in evaluations.items() if steps > begin and _is_reached(found.error, target)), default=None
    )


def _is_reached(error: float | None, target: float | None) -> bool:
    """Return whether a test error is at or below the target."""
    return error is not None and target is not None and error <= target


def _build_problems(
    scenarios: Sequence[Scenario], tape: Tape, task: AbstractTask | None, kept: KeptWeights | None
) -> Iterator[Problem]:
    """Yield the scenarios' problems, with the samples of the first."""
    first = build_problem(scenarios[0], tape, task, kept)
    yield first
    for scenario in scenarios[1:]:
        problem = build_problem(scenario, tape, task)
        yield replace(problem, train=first.train, test=first.test)


def _play(
    problems: Sequence[Problem],
    stops: Sequence[int],
    player: AbstractPlayer | None,
    checkpoint: AbstractCheckpoint,
    progress: ReportGradients,
) -> tuple[float, Iterator[tuple[Moment | None, ...]]]:
    """Return the seconds that compiling took, and the moments of all problems at each stop."""
    if len(problems) == 1:
        alone = Compiled(checkpoint=checkpoint) if player is None else player
        compile_seconds = alone.prepare(problems[0])
        return compile_seconds, ((moment,) for moment in alone.play(problems[0], stops, progress))
    group = CompiledGroup(checkpoint=checkpoint)
    compile_seconds = group.prepare(problems)
    return compile_seconds, group.play(problems, stops, progress)


def _add_moment(
    checkpoint: AbstractCheckpoint, moment: Moment, member: int, problem: Problem, samples_per_epoch: int
) -> float | None:
    """Add the evaluation of a moment, or its divergence, to the results; return its test error, if it has one."""
    if moment.diverged:
        update = int(problem.tape.updates_before[moment.steps])
        epoch = int(problem.tape.samples_before[moment.steps]) / samples_per_epoch
        checkpoint.add_divergence(Divergence(member, update, epoch))
        return None
    loss, error = problem.evaluate(moment.weights)
    distance = None if moment.distance is None else _finite_or_none(moment.distance)
    checkpoint.add_evaluation(Evaluation(member, moment.steps, _finite_or_none(loss), error, distance))
    return error


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


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


@contextmanager
def _device_errors_translated() -> Iterator[None]:
    """Raise RunFailed if the device's memory does not suffice, and ignore warnings of overflow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            yield
        except jax.errors.JaxRuntimeError as error:
            # XLA reports it as RESOURCE_EXHAUSTED or, where it notices later, as INTERNAL.
            if "out of memory" not in str(error).lower():
                raise
            raise RunFailed(f"the device's memory does not suffice for this run: {str(error).splitlines()[0]}") from None
