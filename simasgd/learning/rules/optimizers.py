"""The optimizers of a scenario, which are optax's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules.trees import State, Updates
from simasgd.scenario.learning.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSProp, TotalMomentum


def scale_by_factor() -> optax.GradientTransformationExtraArgs:
    """Multiplies by the extra argument `factor`, a scalar: where in its schedule the learning rate is at this step."""

    def update(
        updates: Updates, state: State, params: Parameters = None, *, factor: jax.Array, **extra: PyTree
    ) -> tuple[Updates, State]:
        del params, extra
        return jax.tree.map(lambda u: u * factor.astype(u.dtype), updates), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


def scale_by_rates(rates: Callable[[Parameters], PyTree]) -> optax.GradientTransformation:
    """Multiplies the update of each array of weights by its rate; `rates(params)` has a number for each."""

    def update(updates: Updates, state: State, params: Parameters) -> tuple[Updates, State]:
        return jax.tree.map(lambda u, rate: u * rate, updates, rates(params)), state

    return optax.GradientTransformation(optax.init_empty_state, update)


def add_decays(decays: Callable[[Parameters], PyTree]) -> optax.GradientTransformationExtraArgs:
    """g + decay·w′ for each array of the weights w′ that g was computed on; `decays(params)` has a number for each.

    So a learner's gradient is that of its loss plus ½·decay·‖w‖², as in Rudra's public Theano learner, and whatever becomes of
    a gradient becomes of its decay. The extra argument `read` holds w′.
    """

    def update(
        updates: Updates, state: State, params: Parameters = None, *, read: Parameters, **extra: PyTree
    ) -> tuple[Updates, State]:
        del params, extra
        return jax.tree.map(lambda g, decay, w: g + decay * w, updates, decays(read), read), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


def regularized(
    chosen: Optimizer, decays: Callable[[Parameters], PyTree] | None = None
) -> list[optax.GradientTransformationExtraArgs]:
    """What is added to each gradient: the scenario's weight decay if it is coupled, and the network's own `decays`."""
    coupled = 0.0 if isinstance(chosen, AdamW) else chosen.weight_decay
    everywhere = [add_decays(lambda params: jax.tree.map(lambda _: coupled, params))] if coupled else []
    return [*everywhere, *([] if decays is None else [add_decays(decays)])]


def explicit_momentum(momentum: float | TotalMomentum, staleness: float) -> float:
    """What the optimizer adds where gradients are ⟨σ⟩ `staleness` updates late in the mean: all of a plain number, of a total
    what asynchrony does not, total − (1 − 1/(1 + ⟨σ⟩)) (arXiv:1605.09774; B1 row 17, B3.4), with 1 + ⟨σ⟩ for the number M of
    learners that are always busy."""
    return momentum.total - (1.0 - 1.0 / (1.0 + staleness)) if isinstance(momentum, TotalMomentum) else momentum


def local_step(
    learning_rate: float,
    before: Sequence[optax.GradientTransformationExtraArgs],
    rates: Callable[[Parameters], PyTree] | None,
) -> Callable[[Updates, Parameters, jax.Array], Parameters]:
    """w − α·factor·g of a learner's own copy w of the weights, as step(g, w, factor); g goes through the stateless `before`."""

    def step(gradient: Updates, weights: Parameters, factor: jax.Array) -> Parameters:
        for part in before:
            gradient, _ = part.update(gradient, part.init(weights), weights, read=weights)
        scaled = gradient if rates is None else jax.tree.map(lambda g, rate: g * rate, gradient, rates(weights))
        return jax.tree.map(lambda w, g: w - learning_rate * jnp.asarray(factor, w.dtype) * g, weights, scaled)

    return step


def optimizer_of(chosen: Optimizer, staleness: float = 0.0) -> optax.GradientTransformation:
    """The transformation of optax that a scenario names, on a tape with this mean staleness."""
    rate = chosen.learning_rate
    match chosen:
        case SGD():
            momentum = explicit_momentum(chosen.momentum, staleness)
            return optax.sgd(rate, momentum=momentum or None, nesterov=chosen.nesterov)
        case Adagrad():
            return optax.adagrad(rate, initial_accumulator_value=chosen.initial_accumulator_value, eps=chosen.eps)
        case Adam():
            return optax.adam(rate, chosen.b1, chosen.b2, chosen.eps, nesterov=chosen.nesterov)
        case AdamW():
            decay = chosen.weight_decay
            return optax.adamw(rate, chosen.b1, chosen.b2, chosen.eps, weight_decay=decay, nesterov=chosen.nesterov)
        case RMSProp():
            return optax.rmsprop(
                rate,
                decay=chosen.decay,
                eps=chosen.eps,
                initial_scale=chosen.initial_scale,
                centered=chosen.centered,
                momentum=chosen.momentum or None,
                nesterov=chosen.nesterov,
            )
