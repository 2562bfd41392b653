"""How much memory a replay takes, before it is taken."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import psutil

from simasgd.errors import RunFailed
from simasgd.learning.plan import Plan, rounded
from simasgd.learning.problem import Problem, Recipe


def needs(plan: Plan, recipe: Recipe, dtype: Any, mini_batch: int, members: int = 1) -> dict[str, int]:
    """Bytes on the device by what they are for: for `members` runs at once, and without the data and what a gradient's own
    computation takes meanwhile."""
    start = jax.eval_shape(recipe.task.objective.init, jax.random.key(0))
    weights = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype), start)
    rule = recipe.rule
    states = jax.eval_shape(lambda w: (rule.update.init(w), rule.per_gradient.init(w)), weights)
    of_weights, of_states = tree_bytes(weights), tree_bytes(states)
    width = 1 if plan.waves is None else plan.waves.width
    samples = rounded(plan.num_evaluations) * plan.fused * mini_batch
    layers = plan.evaluations.timestamp.shape[1]
    return {
        # Before and after each call of the loop, since a chunk in which weights overflow is played again.
        "weights and optimizer": members * 2 * (of_weights + of_states),
        "versions in flight": members * 2 * plan.num_slots * of_weights,
        "gradients": members * 2 * width * of_weights,
        "mini-batches": members * 4 * samples + rounded(plan.num_evaluations) * (12 + 4 * layers),
    }


def refuse_too_large(problem: Problem, plan: Plan, members: int) -> None:
    """Raise RunFailed where the device cannot hold what a replay needs."""
    needed = needs(plan, problem.recipe, problem.dtype, problem.tape.mini_batch, members)
    total, there = sum(needed.values()), available()
    if total > there:
        part, most = max(needed.items(), key=lambda item: item[1])
        raise RunFailed(
            f"the replay needs {said(total)} of memory ({said(most)} for {part}: {plan.num_slots} versions of the weights of "
            f"{said(tree_bytes(problem.start))} are alive together), and {said(there)} are there: fewer learners (or less "
            f"staleness), a smaller model or precision float32 need less"
        )


def available() -> int:
    """Bytes that the device (or, where it shares it, this machine) has left."""
    statistics: Mapping[str, int] | None = jax.devices()[0].memory_stats()
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)
    free: int = psutil.virtual_memory().available
    return free


def said(number: float) -> str:
    """Bytes for people."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f} B"


def tree_bytes(tree: Any) -> int:
    """Bytes of all arrays."""
    return sum(math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(tree))
