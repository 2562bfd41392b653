"""The description of a plan, for `simasgd show --plan`."""

from __future__ import annotations

import jax
import numpy as np

from simasgd.learning.data.files import locate
from simasgd.learning.players.fitting import most_that_fit
from simasgd.learning.players.planner import lay_out
from simasgd.learning.problem.memory import available_bytes
from simasgd.learning.problem.points import evaluation_points
from simasgd.learning.problem.precision import describe_missing_tf32
from simasgd.learning.problem.problem import generated_bytes
from simasgd.learning.problem.recipe import Recipe, build_recipe
from simasgd.learning.problem.task import sample_type
from simasgd.learning.rules import explicit_momentum
from simasgd.memory import format_bytes
from simasgd.scenario.learning.data import AbstractData, OwnData
from simasgd.scenario.learning.evaluate import EACH_EPOCH
from simasgd.scenario.learning.optimizers import SGD, TotalMomentum
from simasgd.scenario.schema import Scenario
from simasgd.tape.tape import Tape


def describe_plan(scenario: Scenario, tape: Tape, members: int) -> list[str]:
    """Describe what the compiled player would do with a tape, and its need of memory, line by line.

    `members` is the number of runs of a group. Fewer go through one loop where the device is too
    small. No data is read. Raises simasgd.DataMissing for data given from Python.
    """
    learning, samples_per_epoch = scenario.learning, scenario.samples_per_epoch
    assert learning is not None
    assert samples_per_epoch is not None
    if isinstance(learning.data, OwnData):
        locate(learning.data.kind)  # raises DataMissing
    together = most_that_fit([scenario] * members, tape)
    with jax.enable_x64(learning.precision == "float64"):
        recipe = build_recipe(scenario, tape)
        stops = evaluation_points(tape, samples_per_epoch)[1]
        layout = lay_out(recipe, tape, sample_type(scenario), stops, members=together)
        needed = layout.bytes_needed(recipe, np.dtype(learning.number_format), tape.mini_batch, together)
    lines = [*layout.describe(tape, recipe), *_describe_momentum(recipe)]
    if learning.evaluate != EACH_EPOCH:
        lines.append(f"tests        {len(evaluation_points(tape, samples_per_epoch, learning.evaluate)[1]):,} on the test set")
    if together < members:
        lines.append(f"runs         {together} in one loop, because more do not fit in the memory that groups may use")
    if (devices := jax.device_count()) > 1:
        lines.append(f"devices      {devices}, which share the gradients that are computed at once")
    if missing := describe_missing_tf32(learning.precision):
        lines.append(f"precision    {missing.replace('were', 'are')}")
    lines.extend(_describe_data(learning.data))
    purposes = ", ".join(f"{format_bytes(size)} {purpose}" for purpose, size in needed.items() if size)
    memory, free = format_bytes(sum(needed.values())), format_bytes(available_bytes())
    lines.append(f"memory       {memory} besides data and layers' outputs ({purposes}); {free} are free")
    return lines


def _describe_momentum(recipe: Recipe) -> list[str]:
    optimizer, staleness = recipe.optimizer, recipe.setting.tape_staleness
    if not isinstance(optimizer, SGD) or not isinstance(optimizer.momentum, TotalMomentum):
        return []
    explicit, total = explicit_momentum(optimizer.momentum, staleness), optimizer.momentum.total
    return [f"momentum     {explicit:.4g} explicit, for {total:g} in total at a mean staleness of {staleness:.4g}"]


def _describe_data(data: AbstractData) -> list[str]:
    size = generated_bytes(data)
    return [f"data         {format_bytes(size)} while {data.kind} is made"] if size else []
