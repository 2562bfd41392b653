"""How many runs of one tape fit into one loop on a device."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np

from simasgd.learning.layout.abstract import AbstractLayout
from simasgd.learning.layout.costs import DeviceCosts
from simasgd.learning.layout.temporary import gradient_bytes
from simasgd.learning.players.planner import lay_out
from simasgd.learning.problem.memory import group_bytes
from simasgd.learning.problem.points import evaluation_points
from simasgd.learning.problem.recipe import Recipe, build_recipe
from simasgd.learning.problem.task import AbstractTask, sample_type
from simasgd.scenario.schema import Scenario
from simasgd.tape.tape import Tape


def bytes_of_group(layout: AbstractLayout, recipe: Recipe, scenario: Scenario, mini_batch: int, members: int) -> int:
    """Return the bytes that `members` runs in one loop need, layers' outputs included and the data left out."""
    assert scenario.learning is not None
    needed = layout.bytes_needed(recipe, np.dtype(scenario.learning.number_format), mini_batch, members)
    width = 1 if layout.waves is None else layout.waves.shape.width
    outputs = gradient_bytes(recipe, sample_type(scenario), layout.fused * mini_batch, members * width)
    return sum(needed.values()) + outputs


def most_that_fit(
    scenarios: Sequence[Scenario],
    tape: Tape,
    task: AbstractTask | None = None,
    memory: float | None = None,
    costs: DeviceCosts | None = None,
) -> int:
    """Return how many of the runs of a tape may go through one loop: all, or a half of them, or a half of that.

    It depends on the plan and on the device's kind, and not on what else uses the device. `memory`
    is in bytes, and that of the device if None. A run alone always may.
    """
    first, members = scenarios[0], len(scenarios)
    limit = group_bytes() if memory is None else memory
    if members == 1 or np.isinf(limit):
        return members
    assert first.learning is not None
    assert first.samples_per_epoch is not None
    with jax.enable_x64(first.learning.precision == "float64"):
        recipe = build_recipe(first, tape, task)
        stops = evaluation_points(tape, first.samples_per_epoch)[1]
        while members > 1:
            layout = lay_out(recipe, tape, sample_type(first), stops, costs, members)
            if bytes_of_group(layout, recipe, first, tape.mini_batch, members) <= limit:
                break
            members = -(-members // 2)
    return members
