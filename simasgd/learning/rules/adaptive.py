"""Step sizes that theory allows at a given delay, as factors of the learning rate α₀."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules.part import RuleNumber
from simasgd.learning.rules.staleness import scale_by_staleness
from simasgd.learning.rules.trees import Updates

_SLACK = 1e-5  # so that n times 1/n fits into 1 with any rounding


class StepsTaken(NamedTuple):
    """Number of the last step (−1: none yet), and the factors of the steps up to it; step t is at t modulo the window."""

    step: jax.Array
    recent: jax.Array


def scale_within_budget_1(fraction: RuleNumber, window: int) -> optax.GradientTransformationExtraArgs:
    """Multiply by f_k = `fraction`·max(1 − Σ f_t, 0): Adaptive 1 of Wu et al. (arXiv:2202.08550; B1 row 14, recalled).

    The sum is over the τ steps t = k − τ … k − 1 since the weights were read, and α₀ = γ′ = h/L.

    Extra arguments: `staleness` τ, less than `window`; `step` k, the number of updates so far;
    `share`, the coefficient of this gradient in the mean of its step (1 if absent). The f_k of a
    step with several gradients is their mean.
    """
    return _within_budget(lambda staleness, left: fraction * jnp.maximum(left, 0.0), window)


def scale_within_budget_2(window: int) -> optax.GradientTransformationExtraArgs:
    """Multiply by f_k = 1/(τ + 1) if that is at most 1 − Σ f_t, else by 0: Adaptive 2 of Wu et al.

    As in arXiv:2202.08550 (B1 row 14, recalled). The sum and the extra arguments are those of
    `scale_within_budget_1`.
    """

    def factor(staleness: jax.Array, left: jax.Array) -> jax.Array:
        largest = 1.0 / (staleness + 1.0)
        return jnp.where(largest <= left + _SLACK, largest, 0.0)

    return _within_budget(factor, window)


def _within_budget(factor: Callable[[jax.Array, jax.Array], jax.Array], window: int) -> optax.GradientTransformationExtraArgs:
    """Build a rule whose `factor` gets τ and 1 minus the factors of the steps since the weights were read."""

    def init(params: Parameters) -> StepsTaken:
        return StepsTaken(jnp.int32(-1), jnp.zeros(window, jnp.result_type(*jax.tree.leaves(params))))

    def update(
        updates: Updates,
        state: StepsTaken,
        params: Parameters = None,
        *,
        staleness: jax.Array,
        step: jax.Array,
        share: jax.Array | float = 1.0,
        **extra: PyTree,
    ) -> tuple[Updates, StepsTaken]:
        del params, extra
        recent, number = state.recent, jnp.asarray(step, jnp.int32)
        ago = jnp.arange(window)
        since = jnp.where(ago < staleness, recent[(number - 1 - ago) % window], 0.0)
        chosen = factor(jnp.asarray(staleness).astype(recent.dtype), 1.0 - since.sum())
        place = number % window
        earlier = jnp.where(number == state.step, recent[place], 0.0)  # from earlier gradients of this step
        taken = recent.at[place].set(earlier + jnp.asarray(share).astype(recent.dtype) * chosen)
        return jax.tree.map(lambda g: g * chosen.astype(g.dtype), updates), StepsTaken(number, taken)

    return optax.GradientTransformationExtraArgs(init, update)


def scale_by_mishchenko(learning_rate: float, smoothness: float, learners: int) -> optax.GradientTransformationExtraArgs:
    """Multiply by min{1, 1/(2Lα₀(τ + 1)), 1/(2Lα₀λ)}, for steps of min{α₀, 1/(2L(τ + 1)), 1/(2λL)}.

    As in Mishchenko et al. 2022 (arXiv:2206.07638; B1 row 15), whose τ is 1 for a lone learner. α₀
    is `learning_rate` and L is `smoothness`. α₀ replaces the paper's third term, √(D/(KLσ²)).
    """
    return scale_up_to(**mishchenko(learning_rate, smoothness, learners))


def mishchenko(learning_rate: float, smoothness: float, learners: int) -> dict[str, float]:
    """Return the numbers of `scale_up_to` with which it is `scale_by_mishchenko`."""
    largest = 1.0 / (2.0 * smoothness * learning_rate)
    return {"most": min(1.0, largest / learners), "largest": largest}


def scale_up_to(most: RuleNumber, largest: RuleNumber) -> optax.GradientTransformationExtraArgs:
    """Multiply by min{`most`, `largest`/(τ + 1)}."""
    return scale_by_staleness(lambda staleness: jnp.minimum(most, largest / (staleness + 1.0)))


def scale_by_koloskova(learning_rate: float, smoothness: float, threshold: float) -> optax.GradientTransformationExtraArgs:
    """Multiply by 1 where τ ≤ `threshold`, else by min{1, 1/(4Lα₀τ)}.

    As in Koloskova et al. 2022 (arXiv:2206.08307; B1 row 16). The threshold is the concurrency τ_C,
    α₀ is `learning_rate` and L is `smoothness`. The paper's Theorem 8 (verified) allows any smaller
    step; 0 drops the gradient.
    """
    return scale_beyond(**koloskova(learning_rate, smoothness, threshold))


def koloskova(learning_rate: float, smoothness: float, threshold: float) -> dict[str, float]:
    """Return the numbers of `scale_beyond` with which it is `scale_by_koloskova`."""
    return {"threshold": threshold, "largest": 1.0 / (4.0 * smoothness * learning_rate)}


def scale_beyond(threshold: RuleNumber, largest: RuleNumber) -> optax.GradientTransformationExtraArgs:
    """Multiply by 1 where τ ≤ `threshold`, else by min{1, `largest`/τ}."""

    def factor(staleness: jax.Array) -> jax.Array:
        return jnp.where(staleness <= threshold, 1.0, jnp.minimum(1.0, largest / jnp.maximum(staleness, 1.0)))

    return scale_by_staleness(factor)
