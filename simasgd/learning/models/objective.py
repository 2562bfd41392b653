"""Objectives: the functions to be minimized, as pure functions on a pytree of parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from simasgd.learning.models.network import NeuralNetwork, Parameters, one_layer

PerSample = Callable[[Parameters, jax.Array, jax.Array], jax.Array]
"""A function of (parameters, inputs, labels), the last two with a leading axis of samples; one
value a sample."""


class Objective(NamedTuple):
    """The functions to minimize and to evaluate.

    init(key) → parameters. losses(parameters, inputs, labels) → one loss a sample, whose mean is
    minimized. wrong(parameters, inputs, labels) → whether the model is wrong about each sample;
    None if it cannot be wrong. `rates`, `decays` and `layers` are as in
    `simasgd.learning.models.network.Network`.
    """

    init: Callable[[jax.Array], Parameters]
    losses: PerSample
    wrong: PerSample | None = None
    rates: Callable[[Parameters], Parameters] | None = None
    decays: Callable[[Parameters], Parameters] | None = None
    layers: Callable[[Parameters], Parameters] = one_layer


def classification(network: NeuralNetwork) -> Objective:
    """Build the cross-entropy of a softmax over the outputs; a label is wrong if it is not the likeliest."""

    def losses(parameters: Parameters, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        result: jax.Array = optax.softmax_cross_entropy_with_integer_labels(network.logits(parameters, inputs), labels)
        return result

    def wrong(parameters: Parameters, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        return network.logits(parameters, inputs).argmax(axis=-1) != labels

    return Objective(network.init, losses, wrong, network.rates, network.decays, network.layers)


def regression(network: NeuralNetwork) -> Objective:
    """Build half the squared error of the network's only output."""

    def losses(parameters: Parameters, inputs: jax.Array, labels: jax.Array) -> jax.Array:
        return 0.5 * jnp.square(network.logits(parameters, inputs)[:, 0] - labels)

    return Objective(network.init, losses, None, network.rates, network.decays, network.layers)


def loss(
    objective: Objective, parameters: Parameters, inputs: jax.Array, labels: jax.Array, share: jax.Array | None = None
) -> jax.Array:
    """Return the mean loss of a mini-batch; with `share`, the losses weighted by each sample's share, which add to 1."""
    losses = objective.losses(parameters, inputs, labels)
    return losses.mean() if share is None else (losses * share).sum()
