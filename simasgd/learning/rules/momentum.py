"""Momentum kept for each learner, of its own gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules.trees import Updates


class Velocities(NamedTuple):
    """Each learner's momentum: the structure of the weights, with a leading axis of learners on each leaf."""

    velocities: Updates


def momentum_by_learner(decay: float, learners: int) -> optax.GradientTransformationExtraArgs:
    """v_i ← `decay`·v_i + g, and then v_i in place of the gradient g of learner i: heavy-ball momentum that each learner keeps,
    for a server that applies plain SGD.

    The extra argument `learner` is i, of λ `learners`. Only gradients that are applied count.
    """
    return _traced(decay, learners, lambda g, v: v)


def trace_by_learner(decay: float, learners: int) -> optax.GradientTransformationExtraArgs:
    """v_i ← `decay`·v_i + g, and then `decay`·v_i + g in place of the gradient g of learner i: DANA-Slim (arXiv:1907.11612; B1
    row 7), Nesterov's momentum kept by each learner, for a server that applies plain SGD.

    The extra argument `learner` is i, of λ `learners`. Only gradients that are applied count; the paper's learners also
    remember those that get lost.
    """
    return _traced(decay, learners, lambda g, v: decay * v + g)


def _traced(
    decay: float, learners: int, sent: Callable[[jax.Array, jax.Array], jax.Array]
) -> optax.GradientTransformationExtraArgs:
    """`sent(g, v)` is what takes the gradient's place."""

    def init(params: Parameters) -> Velocities:
        return Velocities(_at_rest(params, learners))

    def update(
        updates: Updates, state: Velocities, params: Parameters = None, *, learner: jax.Array, **extra: PyTree
    ) -> tuple[Updates, Velocities]:
        del params, extra
        own = jax.tree.map(lambda g, every: decay * every[learner] + g, updates, state.velocities)
        return jax.tree.map(sent, updates, own), Velocities(_with(state.velocities, learner, own))

    return optax.GradientTransformationExtraArgs(init, update)


class Ahead(NamedTuple):
    """Each learner's momentum v_j, as in `Velocities`; the share s_j (λ,) that its last gradient had in its step; and
    Σ s_j·v_j, kept up rather than summed anew."""

    velocities: Updates
    shares: jax.Array
    ahead: Updates


def trace_ahead(decay: float, learners: int) -> optax.GradientTransformationExtraArgs:
    """v_i ← `decay`·v_i + g, and then v_i in place of the gradient g of learner i: the server's part of DANA-Zero
    (arXiv:1907.11612; B1 row 7), which keeps Σ v_j for `look_ahead` besides.

    Extra arguments: `learner` i, of λ `learners`; `share`, the coefficient of this gradient in the mean of its step (1 if
    absent). The paper's steps have one gradient. Where they have more, a velocity moves the weights by its share of it, and so
    counts in the sum with the share that its learner's last gradient had.
    """

    def init(params: Parameters) -> Ahead:
        dtype = jnp.result_type(*jax.tree.leaves(params))
        return Ahead(_at_rest(params, learners), jnp.zeros(learners, dtype), jax.tree.map(jnp.zeros_like, params))

    def update(
        updates: Updates,
        state: Ahead,
        params: Parameters = None,
        *,
        learner: jax.Array,
        share: jax.Array | float = 1.0,
        **extra: PyTree,
    ) -> tuple[Updates, Ahead]:
        del params, extra
        before = jax.tree.map(lambda every: every[learner], state.velocities)
        own = jax.tree.map(lambda g, v: decay * v + g, updates, before)
        earlier, now = state.shares[learner], jnp.asarray(share).astype(state.shares.dtype)

        def moved(total: jax.Array, new: jax.Array, old: jax.Array) -> jax.Array:
            return total + (now.astype(new.dtype) * new - earlier.astype(old.dtype) * old)

        ahead = jax.tree.map(moved, state.ahead, own, before)
        return own, Ahead(_with(state.velocities, learner, own), state.shares.at[learner].set(now), ahead)

    return optax.GradientTransformationExtraArgs(init, update)


def look_ahead(
    learning_rate: float, decay: float, rates: Callable[[Parameters], PyTree] | None = None
) -> Callable[[Parameters, Ahead, jax.Array], Parameters]:
    """ŵ = w − α·`decay`·Σ s_j·v_j, what a learner is sent of the weights w: DANA-Zero (arXiv:1907.11612; B1 row 7).

    The sum is that of `trace_ahead`. α is `learning_rate` times `factor`, where the schedule was at the step that made w, times
    the array's own rate if `rates(params)` has a number for each. Before the first step the sum is 0, and ŵ = w. It foresees
    plain SGD; what else an optimizer does to a mean gradient it does not.
    """

    def look(weights: Parameters, state: Ahead, factor: jax.Array) -> Parameters:
        ahead = state.ahead if rates is None else jax.tree.map(lambda a, rate: a * rate, state.ahead, rates(weights))
        return jax.tree.map(lambda w, a: w - jnp.asarray(factor).astype(w.dtype) * (learning_rate * decay) * a, weights, ahead)

    return look


def _at_rest(params: Parameters, learners: int) -> Updates:
    return jax.tree.map(lambda leaf: jnp.zeros((learners, *leaf.shape), leaf.dtype), params)


def _with(velocities: Updates, learner: jax.Array, own: Updates) -> Updates:
    return jax.tree.map(lambda every, v: every.at[learner].set(v), velocities, own)
