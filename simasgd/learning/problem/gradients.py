"""The gradient of a task, as every player computes it."""

from __future__ import annotations

from typing import Protocol

import jax
from jaxtyping import Array, Int, Num, Shaped

from simasgd.learning.models.network import Parameters
from simasgd.learning.models.objective import loss
from simasgd.learning.problem.precision import products_in
from simasgd.learning.problem.task import Frame


class GradientFunction(Protocol):
    """A function that computes the gradient of the loss on one mini-batch of B samples.

    `codes` are augmentation codes, None without augmentation. `share` holds the sample's
    coefficients in the mean, None where they are equal.
    """

    def __call__(
        self,
        weights: Parameters,
        inputs: Shaped[Array, "B features"],
        labels: Shaped[Array, " B"],
        codes: Int[Array, " B"] | None,
        share: Num[Array, " B"] | None = None,
    ) -> Parameters: ...


def gradient_function(frame: Frame) -> GradientFunction:
    """Return the function that computes a frame's gradients."""
    objective, augment = frame.objective, frame.augmentation

    def gradient(
        weights: Parameters,
        inputs: jax.Array,
        labels: jax.Array,
        codes: jax.Array | None,
        share: jax.Array | None = None,
    ) -> Parameters:
        if augment is not None:
            assert codes is not None
            inputs = augment(inputs, codes)
        with products_in(frame.precision):
            return jax.grad(lambda w: loss(objective, w, inputs, labels, share))(weights)

    return gradient
