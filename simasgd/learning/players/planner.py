"""The plan of a recipe on a tape: what the planner knows of the device and of the model."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from simasgd.learning.chain.plan import ACCELERATOR, CPU, Device, Plan, plan
from simasgd.learning.mixing.plan import MixingPlan, mixing_plan
from simasgd.learning.models.objective import loss
from simasgd.learning.problem.memory import tree_bytes
from simasgd.learning.problem.recipe import Recipe
from simasgd.learning.problem.task import SampleType
from simasgd.tape import Tape


def this_device() -> Device:
    """What pays on the device that JAX computes on."""
    return CPU if jax.default_backend() == "cpu" else ACCELERATOR


def planned(
    recipe: Recipe, tape: Tape, sample: SampleType, stops: Sequence[int], device: Device | None = None
) -> Plan | MixingPlan:
    """The plan for this device, unless told what pays."""
    if tape.mixing is not None:
        return mixing_plan(tape)
    chosen = this_device() if device is None else device

    def overhead() -> float:
        weights = jax.eval_shape(recipe.task.objective.init, jax.random.key(0))
        return chosen.overhead(tree_bytes(weights), operations(recipe, sample))

    return plan(tape, chosen, overhead, recipe.rule.linear, stops)


def operations(recipe: Recipe, sample: SampleType) -> float:
    """Floating-point operations of the gradient of one sample, by XLA's own count before it compiles."""
    objective = recipe.task.objective
    weights = jax.eval_shape(objective.init, jax.random.key(0))
    gradient = jax.jit(jax.grad(lambda w, x, y: loss(objective, w, x, y)))
    counted = gradient.lower(weights, *(jax.ShapeDtypeStruct((1, *part.shape), part.dtype) for part in sample)).cost_analysis()
    return max(1.0, float((counted or {}).get("flops", 0.0)))
