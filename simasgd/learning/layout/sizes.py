"""The memory that one copy of each value of a run takes."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from simasgd.learning.problem.memory import tree_bytes
from simasgd.learning.problem.recipe import Recipe
from simasgd.tape.tape import Tape


def describe_mini_batch(tape: Tape) -> str:
    """Return the number of samples of a mini-batch in words."""
    if tape.mini_batches is None:
        return f"{tape.mini_batch}"
    return f"{int(tape.mini_batches.min())} to {tape.mini_batch}"


class ByteSizes(NamedTuple):
    """Sizes in bytes."""

    number: int
    """One floating-point number."""
    weights: int
    """The weights of one model."""
    state: int
    """The optimizer's state for one model."""
    memory: int
    """The state of the per-gradient transformation."""
    sample: int
    """The index of one sample and its augmentation code, if there is any."""

    @classmethod
    def of(cls, recipe: Recipe, dtype: np.dtype[np.floating]) -> ByteSizes:
        """Return the sizes for a recipe with weights of type `dtype`; nothing is computed."""
        start = jax.eval_shape(recipe.task.objective.init, jax.random.key(0))
        weights = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype), start)
        rule = recipe.rule
        state, memory = jax.eval_shape(lambda w: (rule.update.init(w), rule.per_gradient.init(w)), weights)
        sample = 4 if recipe.task.augmentation is None else 8
        return cls(np.dtype(dtype).itemsize, tree_bytes(weights), tree_bytes(state), tree_bytes(memory), sample)
