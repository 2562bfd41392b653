"""How much memory a replay takes, before it is taken."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

from simasgd.learning.chain.loop import keeps_sent
from simasgd.learning.chain.plan import Plan, rounded
from simasgd.learning.mixing.plan import MixingPlan
from simasgd.learning.problem.memory import format_bytes, require_bytes, tree_bytes
from simasgd.learning.problem.problem import Problem
from simasgd.learning.problem.recipe import Recipe


class _Sizes(NamedTuple):
    """Bytes of a number, the weights, an optimizer's state for them, and what goes from gradient to gradient."""

    number: int
    weights: int
    state: int
    memory: int


def needs(plan: Plan | MixingPlan, recipe: Recipe, dtype: Any, mini_batch: int, members: int = 1) -> dict[str, int]:
    """Bytes on the device by what they are for: for `members` runs at once, and without the data and what a gradient's own
    computation takes meanwhile."""
    sizes = _sizes(recipe, dtype)
    if isinstance(plan, MixingPlan):
        return _of_models(plan, recipe, sizes, mini_batch, members)
    return _of_chain(plan, recipe, sizes, mini_batch, members)


def _sizes(recipe: Recipe, dtype: Any) -> _Sizes:
    start = jax.eval_shape(recipe.task.objective.init, jax.random.key(0))
    weights = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype), start)
    rule = recipe.rule
    states = jax.eval_shape(lambda w: (rule.update.init(w), rule.per_gradient.init(w)), weights)
    return _Sizes(np.dtype(dtype).itemsize, tree_bytes(weights), *map(tree_bytes, states))


def _of_models(plan: MixingPlan, recipe: Recipe, sizes: _Sizes, mini_batch: int, members: int) -> dict[str, int]:
    evaluations, rows = rounded(plan.num_evaluations), rounded(plan.num_steps)
    of_sample = 4 + (4 if recipe.task.augmentation is not None else 0)
    of_row = 2 * sizes.number + 4 * (5 + plan.mixes_states) + 4
    return {
        "models": members * 3 * plan.num_slots * sizes.weights,
        "optimizers": members * 3 * (plan.num_state_slots * sizes.state + sizes.memory),
        "gradients": members * 4 * sizes.weights,
        "mini-batches": members * (of_sample * mini_batch + sizes.number) * evaluations + 16 * evaluations + of_row * rows,
    }


def _of_chain(plan: Plan, recipe: Recipe, sizes: _Sizes, mini_batch: int, members: int) -> dict[str, int]:
    number, of_weights, rule = sizes.number, sizes.weights, recipe.rule
    of_states = sizes.state + sizes.memory
    of_sent = of_weights if keeps_sent(plan, rule) else 0
    width = 1 if plan.waves is None else plan.waves.width
    evaluations, layers = rounded(plan.num_evaluations), plan.evaluations.timestamp.shape[1]
    samples = evaluations * plan.fused * mini_batch
    of_sample = 4 + (4 if recipe.task.augmentation is not None else 0)
    flags = (1 if plan.num_copies else 0) + (1 if recipe.setting.sums else 0)
    of_row = 8 + number + (4 * layers if plan.num_slots else 0) + flags
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


def refuse_too_large(problem: Problem, plan: Plan | MixingPlan, members: int) -> None:
    """Raise RunFailed where the device cannot hold what a replay needs."""
    needed = needs(plan, problem.recipe, problem.dtype, problem.tape.mini_batch, members)
    part, most = max(needed.items(), key=lambda item: item[1])
    what = "versions of the weights" if isinstance(plan, Plan) else "models"
    versions = f"{plan.num_slots} {what} of {format_bytes(tree_bytes(problem.start))} are alive together"
    require_bytes(sum(needed.values()), f"{format_bytes(most)} for {part}: {versions}")
