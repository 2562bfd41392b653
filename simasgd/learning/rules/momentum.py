"""Momentum of each learner's own gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules.part import RuleNumber
from simasgd.learning.rules.trees import Updates


class Velocities(NamedTuple):
    """Each learner's momentum: the structure of the weights, with a leading axis of learners on each leaf."""

    velocities: Updates


def momentum_by_learner(decay: RuleNumber, learners: int) -> optax.GradientTransformationExtraArgs:
    """Return v_i ← `decay`·v_i + g in place of the gradient g of learner i: heavy-ball momentum of each learner.

    The server then applies plain SGD.

    The extra argument `learner` is i, of λ `learners`. Only gradients that are applied count.
    """
    return _traced(decay, learners, lambda g, v: v)


def trace_by_learner(decay: RuleNumber, learners: int) -> optax.GradientTransformationExtraArgs:
    """Return `decay`·v_i + g with v_i ← `decay`·v_i + g in place of the gradient g of learner i: DANA-Slim.

    This is Nesterov's momentum of each learner (arXiv:1907.11612; B1 row 7). The server then
    applies plain SGD.

    The extra argument `learner` is i, of λ `learners`. Only gradients that are applied count; the
    paper's learners also remember those that get lost.
    """
    return _traced(decay, learners, lambda g, v: decay * v + g)


def _traced(
    decay: RuleNumber, learners: int, sent: Callable[[jax.Array, jax.Array], jax.Array]
) -> optax.GradientTransformationExtraArgs:
    """Build a momentum by learner that replaces a gradient g by `sent(g, v)`."""

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
    """The momentum v_j of each learner, the shares s_j, shape (λ,), of their last gradients, and the sum Σ s_j·v_j.

    A share is the coefficient of a gradient in the mean of its step. The sum is updated, not
    computed anew.
    """

    velocities: Updates
    shares: jax.Array
    ahead: Updates


def trace_ahead(decay: RuleNumber, learners: int) -> optax.GradientTransformationExtraArgs:
    """Return v_i ← `decay`·v_i + g in place of the gradient g of learner i, and keep Σ v_j for `look_ahead`.

    This is the server's part of DANA-Zero (arXiv:1907.11612; B1 row 7).

    Extra arguments: `learner` i, of λ `learners`; `share`, the coefficient of this gradient in the
    mean of its step (1 if absent). The paper's steps have one gradient. In a step with more, a
    momentum moves the weights by its share. So the sum counts it with the share of its learner's
    last gradient.
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
    """Return a function of the weights w that computes ŵ = w − α·`decay`·Σ s_j·v_j, which learners are sent: DANA-Zero.

    As in arXiv:1907.11612 (B1 row 7), with the sum of `trace_ahead`. α is `learning_rate` times the
    schedule's `factor` at the step that made w, times the array's rate if `rates(params)` has one.
    Before the first step the sum is 0, and ŵ = w. It assumes plain SGD and ignores any other effect
    of an optimizer.
    """
    return look_by(learning_rate * decay, rates)


def look_by(
    step: RuleNumber, rates: Callable[[Parameters], PyTree] | None = None
) -> Callable[[Parameters, Ahead, jax.Array], Parameters]:
    """Return the function of `look_ahead` for α₀·decay = `step`."""

    def look(weights: Parameters, state: Ahead, factor: jax.Array) -> Parameters:
        ahead = state.ahead if rates is None else jax.tree.map(lambda a, rate: a * rate, state.ahead, rates(weights))
        return jax.tree.map(lambda w, a: w - jnp.asarray(factor).astype(w.dtype) * step * a, weights, ahead)

    return look


def _at_rest(params: Parameters, learners: int) -> Updates:
    return jax.tree.map(lambda leaf: jnp.zeros((learners, *leaf.shape), leaf.dtype), params)


def _with(velocities: Updates, learner: jax.Array, own: Updates) -> Updates:
    return jax.tree.map(lambda every, v: every.at[learner].set(v), velocities, own)
