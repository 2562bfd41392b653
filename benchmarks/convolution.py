"""Rudra's CIFAR-10 network with XLA's own convolutions and windows, outside any loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.nn import relu

from simasgd.learning.models.convnets import cifar10_rudra
from simasgd.learning.models.network import apply
from simasgd.learning.models.objective import Objective, classification, loss
from simasgd.learning.problem.problem import Problem
from simasgd.scenario.learning.data import DataShape

Images = jax.Array


def _convolve(layer: Any, images: Images) -> Images:
    return (
        lax.conv_general_dilated(images, layer["w"], (1, 1), ((2, 2), (2, 2)), dimension_numbers=("NHWC", "HWIO", "NHWC"))
        + layer["b"]
    )


def _reduce_windows(
    images: Images, nothing: float, operation: Callable[..., Any], step: int, padding: tuple[int, int]
) -> Images:
    return lax.reduce_window(images, nothing, operation, (1, 3, 3, 1), (1, step, step, 1), ((0, 0), padding, padding, (0, 0)))


def _max_pool(images: Images) -> Images:
    return _reduce_windows(images, -jnp.inf, lax.max, 2, (0, 1))


def _mean_pool(images: Images) -> Images:
    return _reduce_windows(images, 0.0, lax.add, 2, (0, 1)) / _reduce_windows(
        jnp.ones_like(images[:1]), 0.0, lax.add, 2, (0, 1)
    )


def _normalize(images: Images) -> Images:
    return images * (1.0 + (5e-5 / 9.0) * _reduce_windows(images * images, 0.0, lax.add, 1, (1, 1))) ** -0.75


def _make_logits(shape: DataShape) -> Callable[[Any, jax.Array], jax.Array]:
    def logits(parameters: Any, inputs: jax.Array) -> jax.Array:
        first, second, third, top = parameters
        images = 255.0 * (inputs.reshape(-1, *shape.image) - jnp.asarray(shape.mean, inputs.dtype))
        images = _normalize(relu(_max_pool(_convolve(first, images))))
        images = _normalize(_mean_pool(relu(_convolve(second, images))))
        images = _mean_pool(relu(_convolve(third, images)))
        return apply(top, images.reshape(len(images), -1))

    return logits


def xla_objective(shape: DataShape) -> Objective:
    """Return the objective of the network with XLA's own convolutions and windows."""
    return classification(cifar10_rudra(shape)._replace(logits=_make_logits(shape)))


def compute_outside_loop(problem: Problem, shape: DataShape) -> Callable[[], None]:
    """Return a function that computes the mini-batches' gradients on the initial weights.

    Each mini-batch is one call. Raises AssertionError if a gradient differs from the problem's own.
    """
    own, written = problem.recipe.task.objective, xla_objective(shape)
    gradient = jax.jit(jax.grad(lambda w, x, y: loss(written, w, x, y)))
    batches = [problem.train.batch(rows) for rows in problem.batches]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5),
        gradient(problem.start, *batches[0]),
        jax.grad(lambda w: loss(own, w, *batches[0]))(problem.start),
    )

    def go() -> None:
        for inputs, labels in batches:
            jax.block_until_ready(gradient(problem.start, inputs, labels))

    return go
