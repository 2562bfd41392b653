"""From a tape to what was learned: the weights played, and looked at after every epoch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, final

import jax
import numpy as np
import pandas as pd

from simasgd.errors import RunFailed
from simasgd.learning.layout.moment import Moment
from simasgd.learning.players.checkpoint import AbstractCheckpoint
from simasgd.learning.players.compiled import Compiled, CompiledGroup
from simasgd.learning.players.player import AbstractPlayer
from simasgd.learning.problem.problem import Problem, build_problem
from simasgd.learning.problem.task import AbstractTask
from simasgd.results.run import finite
from simasgd.scenario.schema import Scenario
from simasgd.tape import Tape

Progress = Callable[[int], None]


@final
@dataclass(frozen=True, eq=False)
class Learned:
    """What a player made of a tape.

    `evaluations` has a row for the first step at or after each epoch and for the last one: epoch, samples, updates,
    simulated_seconds, test_loss, test_error (NaN where nothing can be wrong) and consensus_distance (the root mean square of
    the distances of the learners' models from their mean; NaN where there is one model only). `diverged` says at which update
    and epoch; None if it did not. Compiling and playing took so many seconds, shared by those who were played together.
    """

    evaluations: pd.DataFrame
    diverged: dict[str, Any] | None
    note: str
    compile_seconds: float
    replay_seconds: float


def train(
    scenarios: Sequence[Scenario],
    tape: Tape,
    *,
    task: AbstractTask | None,
    player: AbstractPlayer | None,
    checkpoint: AbstractCheckpoint,
    progress: Progress,
) -> list[Learned]:
    """What scenarios learn from one tape that is theirs all, which differ in nothing but their learning rates and the seeds of
    their learning. A lone one is played by `player`, if that is given; a task takes the place of their model and data.

    `progress` is told the steps done. Raises simasgd.DataMissing, and simasgd.RunFailed where the memory does not suffice.
    """
    first = scenarios[0]
    assert first.learning is not None
    assert first.samples_per_epoch is not None
    epochs, steps = evaluation_points(tape, first.samples_per_epoch)
    stops = sorted(set(steps))
    with jax.enable_x64(first.learning.precision == "float64"), _on_the_device():
        problems = list(_posed(scenarios, tape, task))
        progress(0)
        if len(problems) == 1:
            alone = Compiled(checkpoint=checkpoint) if player is None else player
            compile_seconds = alone.prepare(problems[0], stops)
            moments: Iterator[tuple[Moment | None, ...]] = ((moment,) for moment in alone.play(problems[0], stops, progress))
        else:
            group = CompiledGroup(checkpoint=checkpoint)
            compile_seconds = group.prepare(problems, stops)
            moments = group.play(problems, stops, progress)
        began = perf_counter()
        found = checkpoint.found
        for moment_of_each in moments:
            for member, moment in enumerate(moment_of_each):
                if moment is not None and moment.diverged:
                    epoch = int(tape.samples_before[moment.steps]) / first.samples_per_epoch
                    update = int(tape.updates_before[moment.steps])
                    found[f"diverged {member}"] = {"update": update, "epoch": epoch}
                elif moment is not None:
                    value, error = problems[member].evaluate(moment.weights)
                    distance = None if moment.distance is None else finite(moment.distance)
                    found[f"step {moment.steps} {member}"] = [finite(value), error, distance]
        replay_seconds = perf_counter() - began
    return [
        Learned(
            evaluations=_table(tape, epochs, steps, [found.get(f"step {step} {member}") for step in steps]),
            diverged=found.get(f"diverged {member}"),
            note=problem.note,
            compile_seconds=compile_seconds,
            replay_seconds=replay_seconds,
        )
        for member, problem in enumerate(problems)
    ]


def _posed(scenarios: Sequence[Scenario], tape: Tape, task: AbstractTask | None) -> Iterator[Problem]:
    """The scenarios' problems, with the recipe and the samples of the first: all rules multiply by the learning rate last, so
    another one is another factor of the schedule."""
    first = build_problem(scenarios[0], tape, task)
    yield first
    for scenario in scenarios[1:]:
        problem = build_problem(scenario, tape, task)
        ratio = problem.recipe.optimizer.learning_rate / first.recipe.optimizer.learning_rate
        yield replace(problem, recipe=first.recipe, train=first.train, test=first.test, factors=problem.factors * ratio)


def evaluation_points(tape: Tape, samples_per_epoch: int) -> tuple[list[float], list[int]]:
    """Epochs and the numbers of steps at which they are evaluated: the first at or after each epoch, and the last of all. Of
    epochs that end in one step only the last is evaluated, so that there are no more evaluations than steps."""
    total = float(tape.samples_before[-1]) / samples_per_epoch
    ended = tape.samples_before // samples_per_epoch
    steps = [0, *(np.flatnonzero(np.diff(ended)) + 1).tolist()]
    epochs = ended[steps].astype(float).tolist()
    if steps[-1] < tape.num_steps:
        if epochs[-1] == total:  # nothing was applied since, but models were mixed
            steps[-1] = tape.num_steps
        else:
            epochs.append(total)
            steps.append(tape.num_steps)
    return epochs, steps


def _table(tape: Tape, epochs: Sequence[float], steps: Sequence[int], found: Sequence[Any]) -> pd.DataFrame:
    times = [0.0, *tape.stepped_at.tolist()]
    return pd.DataFrame(
        [
            {
                "epoch": epoch,
                "samples": int(tape.samples_before[step]),
                "updates": int(tape.updates_before[step]),
                "simulated_seconds": times[step],
                "test_loss": values[0],
                "test_error": values[1],
                "consensus_distance": values[2],
            }
            for epoch, step, values in zip(epochs, steps, found, strict=True)
            if values is not None
        ]
    ).astype({"test_loss": float, "test_error": float, "consensus_distance": float})


@contextmanager
def _on_the_device() -> Iterator[None]:
    """JAX's complaints in our words: too little memory fails the run, and numbers that overflow are found as divergence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            yield
        except jax.errors.JaxRuntimeError as error:
            # XLA says it as RESOURCE_EXHAUSTED or, where it notices later, as INTERNAL.
            if "out of memory" not in str(error).lower():
                raise
            raise RunFailed(f"the device's memory does not suffice for this run: {str(error).splitlines()[0]}") from None
