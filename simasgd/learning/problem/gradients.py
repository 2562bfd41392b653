"""The gradient of a recipe's task, as every player computes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from simasgd.learning.models.build import Parameters
from simasgd.learning.models.objective import loss
from simasgd.learning.problem.problem import Recipe

GradientOf = Callable[..., Parameters]
"""gradient_of(weights, inputs, labels, codes, share=None): of samples that are augmented by these codes (None: not), with these
shares in the mean (None: equal)."""


def gradient_function(recipe: Recipe) -> GradientOf:
    """The gradient of the mean loss on a mini-batch."""
    objective, augment = recipe.task.objective, recipe.task.augmentation

    def gradient_of(
        weights: Parameters, inputs: jax.Array, labels: jax.Array, codes: Any, share: jax.Array | None = None
    ) -> Parameters:
        seen = inputs if augment is None else augment(inputs, codes)
        return jax.grad(lambda w: loss(objective, w, seen, labels, share))(weights)

    return gradient_of
