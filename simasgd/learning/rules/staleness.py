"""Factors of a gradient that depend on its staleness, or on numbers of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules.part import RuleNumber
from simasgd.learning.rules.trees import State, Updates


def scale_by_staleness(factor: Callable[[jax.Array], jax.Array]) -> optax.GradientTransformationExtraArgs:
    """Multiply a gradient by `factor(τ)`.

    The extra argument `staleness` is τ, a scalar; `factor` gets it in the gradient's type.
    """

    def update(
        updates: Updates, state: State, params: Parameters = None, *, staleness: jax.Array, **extra: PyTree
    ) -> tuple[Updates, State]:
        del params, extra
        return jax.tree.map(lambda g: g * factor(jnp.asarray(staleness).astype(g.dtype)).astype(g.dtype), updates), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


def scale_by_inverse_staleness() -> optax.GradientTransformationExtraArgs:
    """Multiply a gradient by 1/max(1, τ): the per-gradient rule α(τ) = α₀/τ, α(0) = α₀ (arXiv:1511.05950; A2.2).

    The extra argument `staleness` is τ, a scalar. Applied before the momentum sees the gradient.
    """

    def update(
        updates: Updates, state: State, params: Parameters = None, *, staleness: jax.Array, **extra: PyTree
    ) -> tuple[Updates, State]:
        del params, extra
        return jax.tree.map(lambda g: g / jnp.maximum(staleness, 1).astype(g.dtype), updates), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


def scale_by_polynomial_staleness(power: RuleNumber) -> optax.GradientTransformationExtraArgs:
    """Multiply a gradient by 1/(1 + τ)^power; FedBuff's power is ½ (arXiv:2106.06639; B1 row 12, recalled)."""
    return scale_by_staleness(lambda staleness: (1.0 + staleness) ** -power)


def scale_by_exponential_staleness(rate: RuleNumber) -> optax.GradientTransformationExtraArgs:
    """Multiply a gradient by exp(−rate·τ): the exponential penalty of Chan and Lane 2014 (A2.1)."""
    return scale_by_staleness(lambda staleness: jnp.exp(-rate * staleness))


def scale_by_staleness_table(factors: Sequence[float] | jax.Array) -> optax.GradientTransformationExtraArgs:
    """Multiply a gradient by `factors[τ]`, and by the last factor at any greater τ."""

    def look_up(staleness: jax.Array) -> jax.Array:
        place = jnp.minimum(staleness, len(factors) - 1).astype(jnp.int32)
        return jnp.asarray(factors, staleness.dtype)[place]

    return scale_by_staleness(look_up)


def scale_by_inverse_mean_staleness(mean: float) -> optax.GradientTransformation:
    """Multiply by 1/max(1, ⟨σ⟩), one number for a run (arXiv:1509.04210; A1.4).

    Under n-softsync ⟨σ⟩ is n, as in the paper's formula, also where ⌊λ/n⌋ gives another mean.
    """
    return optax.scale(inverse_mean_staleness(mean))


def inverse_mean_staleness(mean: float) -> float:
    """Return 1/max(1, ⟨σ⟩)."""
    return 1.0 / max(1.0, mean)


def scale_by_sqrt_batch(samples: int, reference: int) -> optax.GradientTransformation:
    """Multiply by √(samples/reference) (arXiv:1509.04210; A1.4, recalled).

    There are λµ samples, and the reference is B, the best mini-batch of a single learner.
    """
    return optax.scale(sqrt_batch(samples, reference))


def sqrt_batch(samples: int, reference: int) -> float:
    """Return √(samples/reference)."""
    factor: float = (samples / reference) ** 0.5
    return factor
