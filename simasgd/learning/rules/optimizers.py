"""The optimizers of a scenario, from optax."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules.part import RuleNumber, RulePart
from simasgd.learning.rules.trees import State, Updates
from simasgd.scenario.learning.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSProp, TotalMomentum


def scale_by_factor() -> optax.GradientTransformationExtraArgs:
    """Multiply by the extra argument `factor`, a scalar: the schedule's factor at this step."""

    def update(
        updates: Updates, state: State, params: Parameters = None, *, factor: jax.Array, **extra: PyTree
    ) -> tuple[Updates, State]:
        del params, extra
        return jax.tree.map(lambda u: u * factor.astype(u.dtype), updates), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


def scale_by_rates(rates: Callable[[Parameters], PyTree]) -> optax.GradientTransformation:
    """Multiply the update of each array of weights by its rate; `rates(params)` has a number for each."""

    def update(updates: Updates, state: State, params: Parameters) -> tuple[Updates, State]:
        return jax.tree.map(lambda u, rate: u * rate, updates, rates(params)), state

    return optax.GradientTransformation(optax.init_empty_state, update)


def add_decays(decays: Callable[[Parameters], PyTree]) -> optax.GradientTransformationExtraArgs:
    """Return g + decay·w′ for each array of the weights w′ that g was computed on; `decays(params)` has a number for each.

    A learner's gradient is then that of its loss plus ½·decay·‖w‖², as in Rudra's public Theano
    learner. Later transformations act on both. The extra argument `read` holds w′.
    """

    def update(
        updates: Updates, state: State, params: Parameters = None, *, read: Parameters, **extra: PyTree
    ) -> tuple[Updates, State]:
        del params, extra
        return jax.tree.map(lambda g, decay, w: g + decay * w, updates, decays(read), read), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


def add_decay(decay: RuleNumber) -> optax.GradientTransformationExtraArgs:
    """Return g + `decay`·w′ for all weights w′ that g was computed on, as `add_decays` does."""
    return add_decays(lambda params: jax.tree.map(lambda _: decay, params))


def regularized(chosen: Optimizer, decays: Callable[[Parameters], PyTree] | None = None) -> list[RulePart]:
    """Return the weight decays to add to each gradient: the scenario's if it is coupled, and the network's `decays`."""
    coupled = 0.0 if isinstance(chosen, AdamW) else chosen.weight_decay
    everywhere = [RulePart.of(add_decay, decay=coupled)] if coupled else []
    return [*everywhere, *([] if decays is None else [RulePart.of(add_decays, fixed={"decays": decays})])]


def explicit_momentum(momentum: float | TotalMomentum, staleness: float) -> float:
    """Return the optimizer's own momentum at a mean staleness ⟨σ⟩ of `staleness`.

    A number is the momentum itself. Of a total, asynchrony gives a part, and total − (1 − 1/(1 +
    ⟨σ⟩)) remains (arXiv:1605.09774; B1 row 17, B3.4), where 1 + ⟨σ⟩ is the number M of learners
    that are always busy.
    """
    return momentum.total - (1.0 - 1.0 / (1.0 + staleness)) if isinstance(momentum, TotalMomentum) else momentum


def local_step(
    *before: optax.GradientTransformationExtraArgs,
    learning_rate: RuleNumber,
    rates: Callable[[Parameters], PyTree] | None,
) -> Callable[[Updates, Parameters, jax.Array], Parameters]:
    """Return step(g, w, factor) = w − α·factor·g on a learner's own copy w; the stateless `before` transforms g first."""

    def step(gradient: Updates, weights: Parameters, factor: jax.Array) -> Parameters:
        for part in before:
            gradient, _ = part.update(gradient, part.init(weights), weights, read=weights)
        scaled = gradient if rates is None else jax.tree.map(lambda g, rate: g * rate, gradient, rates(weights))
        return jax.tree.map(lambda w, g: w - learning_rate * jnp.asarray(factor, w.dtype) * g, weights, scaled)

    return step


def clipped(chosen: Optimizer) -> list[RulePart]:
    """Return the limit of the norm of a step's mean gradient, if there is one."""
    return [] if chosen.clip is None else [RulePart.of(optax.clip_by_global_norm, max_norm=chosen.clip)]


def optimizer_of(chosen: Optimizer, staleness: float = 0.0) -> RulePart:
    """Return the scenario's optimizer for a tape with this mean staleness. Without momentum it keeps no velocity."""
    rate = chosen.learning_rate
    match chosen:
        case SGD():
            velocity = _momentum(explicit_momentum(chosen.momentum, staleness))
            return RulePart.of(optax.sgd, learning_rate=rate, **velocity, fixed={"nesterov": chosen.nesterov})
        case Adagrad():
            initial = chosen.initial_accumulator_value
            return RulePart.of(optax.adagrad, learning_rate=rate, initial_accumulator_value=initial, eps=chosen.eps)
        case Adam():
            return RulePart.of(optax.adam, learning_rate=rate, **_means(chosen), fixed={"nesterov": chosen.nesterov})
        case AdamW():
            decay = chosen.weight_decay
            fixed = {"nesterov": chosen.nesterov}
            return RulePart.of(optax.adamw, learning_rate=rate, **_means(chosen), weight_decay=decay, fixed=fixed)
        case RMSProp():
            return RulePart.of(
                optax.rmsprop,
                learning_rate=rate,
                decay=chosen.decay,
                eps=chosen.eps,
                initial_scale=chosen.initial_scale,
                **_momentum(chosen.momentum),
                fixed={"centered": chosen.centered, "nesterov": chosen.nesterov},
            )


def _momentum(momentum: float) -> dict[str, float]:
    return {"momentum": momentum} if momentum else {}


def _means(chosen: Adam | AdamW) -> dict[str, float]:
    return {"b1": chosen.b1, "b2": chosen.b2, "eps": chosen.eps}
