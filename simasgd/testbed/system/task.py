"""The learning of a run as its processes need it, before there is a tape."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import jax.numpy as jnp

from simasgd.cluster.clock.sizes import mini_batch_sizes
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.problem import initial_weights
from simasgd.learning.problem.recipe import Recipe, build_recipe
from simasgd.learning.problem.task import AbstractTask, ScenarioTask
from simasgd.scenario.schema import Scenario
from simasgd.tape.recorder import TapeRecorder
from simasgd.tape.tape import Tape

_WINDOW = 4096  # updates; no gradient is staler


class RealTask(NamedTuple):
    """The task of a scenario with learning, its recipe, and the weights with which it begins."""

    task: AbstractTask
    recipe: Recipe
    start: Parameters


def build_task(scenario: Scenario) -> RealTask:
    """Build the task of a scenario. Its rule must not need numbers of the whole tape, but a window of staleness."""
    learning = scenario.learning
    assert learning is not None
    task = ScenarioTask(learning.model, learning.data)
    recipe = build_recipe(scenario, _beginning(scenario), task)
    if "window" in scenario.modulation.needs:
        recipe = recipe._replace(setting=recipe.setting._replace(window=_WINDOW))
    return RealTask(task, recipe, initial_weights(task, jnp.dtype(learning.number_format), scenario.learning_seed))


def _beginning(scenario: Scenario) -> Tape:
    """Return the tape of a scenario before its first row."""
    empty = TapeRecorder().tape(mini_batch_sizes(scenario.workload, scenario.cluster.learners, scenario.cluster_seed))
    return replace(empty, ahead=empty.learner) if scenario.protocol.steps_copies else empty
