"""The work of a recipe's gradients."""

from __future__ import annotations

from functools import lru_cache

import jax

from simasgd.learning.layout.costs import Work
from simasgd.learning.models.objective import loss
from simasgd.learning.problem.memory import tree_bytes
from simasgd.learning.problem.recipe import Recipe
from simasgd.learning.problem.task import MOST_PROGRAMS, Frame, SampleType


def count_work(recipe: Recipe, sample: SampleType) -> Work:
    """Return the work of a gradient on one sample."""
    return _counted(recipe.frame, sample)


@lru_cache(MOST_PROGRAMS)
def _counted(frame: Frame, sample: SampleType) -> Work:
    """Return the work of a gradient, with the floating-point operations that XLA counts for one sample."""
    objective = frame.objective
    weights = jax.eval_shape(objective.init, jax.random.key(0))
    gradient = jax.jit(jax.grad(lambda w, x, y: loss(objective, w, x, y)))
    with jax.default_device(_counting_device()):
        lowered = gradient.lower(weights, *(jax.ShapeDtypeStruct((1, *part.shape), part.dtype) for part in sample))
        counted = lowered.cost_analysis() or lowered.compile().cost_analysis()
    return Work(tree_bytes(weights), max(1.0, float((counted or {}).get("flops", 0.0))))


def _counting_device() -> jax.Device:
    """Return this machine's processor if JAX may use it: XLA counts without compiling there, and not for plug-ins."""
    try:
        return jax.devices("cpu")[0]
    except RuntimeError:  # JAX_PLATFORMS leaves it out
        return jax.devices()[0]
