"""Momentum that a learner keeps of its own gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class Velocities(NamedTuple):
    """Each learner's momentum: the structure of the weights, with a leading axis of learners on each leaf."""

    velocities: Any


def trace_by_learner(decay: float, learners: int) -> optax.GradientTransformationExtraArgs:
    """v_i ← `decay`·v_i + g, and then `decay`·v_i + g in place of the gradient g of learner i: DANA-Slim (arXiv:1907.11612; B1
    row 7), Nesterov's momentum kept by each learner, for a server that applies plain SGD.

    The extra argument `learner` is i, of λ `learners`. Only gradients that are applied count; the paper's learners also
    remember those that get lost.
    """

    def init(params: Any) -> Velocities:
        return Velocities(jax.tree.map(lambda leaf: jnp.zeros((learners, *leaf.shape), leaf.dtype), params))

    def update(
        updates: Any, state: Velocities, params: Any = None, *, learner: jax.Array, **extra: Any
    ) -> tuple[Any, Velocities]:
        del params, extra
        own = jax.tree.map(lambda g, every: decay * every[learner] + g, updates, state.velocities)
        sent = jax.tree.map(lambda g, v: decay * v + g, updates, own)
        return sent, Velocities(jax.tree.map(lambda every, v: every.at[learner].set(v), state.velocities, own))

    return optax.GradientTransformationExtraArgs(init, update)
