"""Evaluation of weights: their loss and error on a test set, and whether they are finite."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp

from simasgd.learning.data.examples import Examples
from simasgd.learning.models.network import Parameters
from simasgd.learning.problem.task import MOST_PROGRAMS, Frame


def evaluate(frame: Frame, weights: Parameters, test: Examples) -> tuple[float, float | None]:
    """Return the mean loss and the error on a test set.

    The error is a fraction, or None for a task whose outputs cannot be wrong.
    """
    evaluator = _evaluator(frame)
    # JAX compiles anew for arrays that are bound to a device, as those of a compiled loop are. So all are.
    weights = jax.tree.map(_bound, weights)
    sums = [[float(number) for number in evaluator(weights, *portion)] for portion in test.portions()]
    loss, error = (sum(numbers) / len(test) for numbers in zip(*sums, strict=True))
    return loss, None if frame.objective.wrong is None else error


def _bound(leaf: jax.Array) -> jax.Array:
    """Return an array bound to the devices that it is on."""
    array = jnp.asarray(leaf)
    bound: jax.Array = jax.device_put(array, array.sharding)
    return bound


@lru_cache(MOST_PROGRAMS)
def _evaluator(frame: Frame) -> Callable[[Parameters, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    objective = frame.objective

    @jax.jit
    def sum_up(weights: Parameters, inputs: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the sum of the losses and the number of wrong outputs."""
        losses = objective.losses(weights, inputs, labels)
        wrong = jnp.zeros(()) if objective.wrong is None else objective.wrong(weights, inputs, labels).sum()
        return losses.sum(), wrong

    return sum_up


@jax.jit
def all_finite(weights: Parameters) -> jax.Array:
    """Return whether no weight is infinite or NaN."""
    return jnp.all(jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(weights)]))
