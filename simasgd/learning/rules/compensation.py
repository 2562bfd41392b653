"""Corrections of a gradient by how far the weights have moved since it was computed.

The extra argument `read` holds the weights that it was computed on, and `params` the current
weights, both with the structure of the gradient.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules.part import RuleNumber
from simasgd.learning.rules.trees import State, Updates

_EPSILON = 1e-7  # DC-ASGD's, below the root


def compensate_delay(strength: RuleNumber) -> optax.GradientTransformationExtraArgs:
    """Return g + λ₀·g⊙g⊙(w − w_read), element by element: DC-ASGD-c (arXiv:1609.08326; B1 row 5). λ₀ is `strength`.

    λ₀·g⊙g approximates the diagonal of the Hessian, so this is a Taylor expansion of the gradient
    about the weights read.
    """

    def update(
        updates: Updates, state: State, params: Parameters, *, read: Parameters, **extra: PyTree
    ) -> tuple[Updates, State]:
        del extra
        return jax.tree.map(lambda g, now, then: g + strength * g * g * (now - then), updates, params, read), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


class MeanSquare(NamedTuple):
    """The running mean of squared gradients, with the structure of the gradient."""

    mean_square: Updates


def compensate_delay_adaptively(strength: RuleNumber, decay: RuleNumber) -> optax.GradientTransformationExtraArgs:
    """Return g + λ·g⊙g⊙(w − w_read) with λ = λ₀/√(m + 10⁻⁷) for each parameter: DC-ASGD-a (arXiv:1609.08326; B1 row 5).

    m ← `decay`·m + (1 − `decay`)·g² over all gradients in the order in which they are applied,
    including this one.
    """

    def init(params: Parameters) -> MeanSquare:
        return MeanSquare(jax.tree.map(jnp.zeros_like, params))

    def update(
        updates: Updates, state: MeanSquare, params: Parameters, *, read: Parameters, **extra: PyTree
    ) -> tuple[Updates, MeanSquare]:
        del extra
        mean = jax.tree.map(lambda m, g: decay * m + (1.0 - decay) * g * g, state.mean_square, updates)

        def compensated(g: jax.Array, m: jax.Array, now: jax.Array, then: jax.Array) -> jax.Array:
            return g + strength / jnp.sqrt(m + _EPSILON) * g * g * (now - then)

        return jax.tree.map(compensated, updates, mean, params, read), MeanSquare(mean)

    return optax.GradientTransformationExtraArgs(init, update)


class StepSizes(NamedTuple):
    """The weights before step `step`, and a running sum of the size of each weight's moves.

    The coefficients of the running sum add up to `weight`.
    """

    step: jax.Array
    previous: Parameters
    moved: Updates
    weight: jax.Array


def scale_by_gap(decay: RuleNumber) -> optax.GradientTransformationExtraArgs:
    """Divide each element of a gradient by its gap 1 + |w − w_read|/C: Gap-Aware (arXiv:1909.10802; B1 row 6, recalled).

    C is the mean size of that weight's moves in an update. The n-th last update has the coefficient
    `decay`ⁿ. C is computed from the current weights; the extra argument `step`, the number of
    updates so far, shows when they are new. The gap of a weight that has never moved is 1.

    A public implementation of the paper has the root of a mean of squares as C
    (`simasgd.scenario.learning.modulation.GapAware`).
    """

    def init(params: Parameters) -> StepSizes:
        dtype = jnp.result_type(*jax.tree.leaves(params))
        return StepSizes(jnp.int32(0), params, jax.tree.map(jnp.zeros_like, params), jnp.zeros((), dtype))

    def update(
        updates: Updates, state: StepSizes, params: Parameters, *, read: Parameters, step: jax.Array, **extra: PyTree
    ) -> tuple[Updates, StepSizes]:
        del extra
        new = step != state.step
        moved = jax.tree.map(
            lambda m, now, before: jnp.where(new, decay * m + (1.0 - decay) * jnp.abs(now - before), m),
            state.moved,
            params,
            state.previous,
        )
        weight = jnp.where(new, decay * state.weight + (1.0 - decay), state.weight)

        def divided(g: jax.Array, m: jax.Array, now: jax.Array, then: jax.Array) -> jax.Array:
            steps = jnp.abs(now - then) * weight.astype(g.dtype) / jnp.where(m > 0.0, m, 1.0)
            return g / (1.0 + jnp.where(m > 0.0, steps, 0.0))

        scaled = jax.tree.map(divided, updates, moved, params, read)
        return scaled, StepSizes(jnp.asarray(step, jnp.int32), params, moved, weight)

    return optax.GradientTransformationExtraArgs(init, update)
