"""How much memory a replay takes, before it is taken."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from simasgd.learning.loop import keeps_sent
from simasgd.learning.plan import Plan, rounded
from simasgd.learning.problem import Problem, Recipe
from simasgd.learning.space import refuse, said


def needs(plan: Plan, recipe: Recipe, dtype: Any, mini_batch: int, members: int = 1) -> dict[str, int]:
    """Bytes on the device by what they are for: for `members` runs at once, and without the data and what a gradient's own
    computation takes meanwhile."""
    start = jax.eval_shape(recipe.task.objective.init, jax.random.key(0))
    weights = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype), start)
    rule = recipe.rule
    number = np.dtype(dtype).itemsize
    states = jax.eval_shape(lambda w: (rule.update.init(w), rule.per_gradient.init(w)), weights)
    of_weights, of_states = tree_bytes(weights), tree_bytes(states)
    of_sent = of_weights if keeps_sent(plan, rule) else 0
    width = 1 if plan.waves is None else plan.waves.width
    evaluations, layers = rounded(plan.num_evaluations), plan.evaluations.timestamp.shape[1]
    samples = evaluations * plan.fused * mini_batch
    of_sample = 4 + (4 if recipe.task.augmentation is not None else 0)
    of_row = 8 + number + (4 * layers if plan.num_slots else 0) + (1 if plan.num_copies else 0)
    of_own_row = number if plan.num_copies else 0
    of_step = number + (4 if plan.num_slots else 0)
    of_member = of_sample * samples + of_own_row * evaluations + of_step * rounded(plan.num_steps)
    shared = number * samples if plan.evaluations.real is not None else 0
    return {
        # Of the first step, and before and after each call of the loop: a chunk in which weights overflow is played again.
        "weights and optimizer": members * 3 * (of_weights + of_states + of_sent),
        "versions in flight": members * 3 * plan.num_slots * of_weights,
        "learners' copies": members * 3 * plan.num_copies * of_weights,
        "gradients": members * 2 * width * of_weights,
        "mini-batches": members * of_member + shared + of_row * evaluations,
    }


def refuse_too_large(problem: Problem, plan: Plan, members: int) -> None:
    """Raise RunFailed where the device cannot hold what a replay needs."""
    needed = needs(plan, problem.recipe, problem.dtype, problem.tape.mini_batch, members)
    part, most = max(needed.items(), key=lambda item: item[1])
    versions = f"{plan.num_slots} versions of the weights of {said(tree_bytes(problem.start))} are alive together"
    refuse(sum(needed.values()), f"{said(most)} for {part}: {versions}")


def tree_bytes(tree: Any) -> int:
    """Bytes of all arrays."""
    return sum(math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(tree))
