"""What an update does to the weights: optax transformations with extra arguments, for anybody's own loop too.

A step has two stages: a transformation of each gradient, which may depend on that gradient's staleness, and then one
optimizer update with their weighted mean:

    per_gradient = scale_by_inverse_staleness()
    update = optax.chain(optax.sgd(0.05, momentum=0.9), scale_by_factor())
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from simasgd.scenario.modulation import InverseMeanStaleness, InverseStaleness, Modulation, NoModulation, SqrtBatch
from simasgd.scenario.optimizers import SGD


def scale_by_inverse_staleness() -> optax.GradientTransformationExtraArgs:
    """Multiplies a gradient by 1/max(1, τ): the per-gradient rule α(τ) = α₀/τ, α(0) = α₀ (arXiv:1511.05950; A2.2).

    The extra argument `staleness` is τ, a scalar. Applied before the momentum sees the gradient.
    """

    def update(updates: Any, state: Any, params: Any = None, *, staleness: jax.Array, **extra: Any) -> tuple[Any, Any]:
        del params, extra
        return jax.tree.map(lambda g: g / jnp.maximum(staleness, 1).astype(g.dtype), updates), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


def scale_by_inverse_mean_staleness(mean: float) -> optax.GradientTransformation:
    """Multiplies by 1/max(1, ⟨σ⟩), one number for a run (arXiv:1509.04210; A1.4)."""
    return optax.scale(1.0 / max(1.0, mean))


def scale_by_sqrt_batch(samples: int, reference: int) -> optax.GradientTransformation:
    """Multiplies by √(samples/reference), with λµ samples and the best mini-batch B of a single learner as reference
    (arXiv:1509.04210; A1.4, recalled)."""
    return optax.scale((samples / reference) ** 0.5)


def scale_by_factor() -> optax.GradientTransformationExtraArgs:
    """Multiplies by the extra argument `factor`, a scalar: where in its schedule the learning rate is at this step."""

    def update(updates: Any, state: Any, params: Any = None, *, factor: jax.Array, **extra: Any) -> tuple[Any, Any]:
        del params, extra
        return jax.tree.map(lambda u: u * factor.astype(u.dtype), updates), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


class Rule(NamedTuple):
    """The two stages of a step. `per_gradient` is applied to each gradient with `staleness`; `update` to their weighted mean
    with `factor`."""

    per_gradient: optax.GradientTransformationExtraArgs
    update: optax.GradientTransformationExtraArgs


def rule(optimizer: SGD, modulation: Modulation, mean_staleness: float, samples_per_round: int) -> Rule:
    """The rule of a scenario, for a run of mean staleness ⟨σ⟩ and λµ samples in a round of all learners."""
    sgd = optax.sgd(optimizer.learning_rate, momentum=optimizer.momentum or None)
    return Rule(
        optax.with_extra_args_support(_per_gradient(modulation, mean_staleness, samples_per_round)),
        optax.chain(sgd, scale_by_factor()),
    )


def _per_gradient(modulation: Modulation, mean_staleness: float, samples_per_round: int) -> optax.GradientTransformation:
    match modulation:
        case NoModulation():
            return optax.identity()
        case InverseStaleness():
            return scale_by_inverse_staleness()
        case InverseMeanStaleness():
            return scale_by_inverse_mean_staleness(mean_staleness)
        case SqrtBatch(reference=reference):
            return scale_by_sqrt_batch(samples_per_round, reference)
