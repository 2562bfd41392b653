"""Networks as pure functions on a pytree of parameters, and the layers that they share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

Parameters: TypeAlias = PyTree
"""A pytree of arrays."""


def one_layer(parameters: Parameters) -> Parameters:
    """Assign all arrays to layer 0."""
    return jax.tree.map(lambda _: 0, parameters)


class NeuralNetwork(NamedTuple):
    """A network: init(key) → parameters; logits(parameters, inputs), shapes (batch, features) → (batch, classes).

    rates(parameters) and decays(parameters) are for papers that train layers differently. Each
    returns a pytree of floats with the structure of the parameters. The rates multiply the learning
    rate of each array. The decays are coefficients of weight decay: a learner's gradient becomes
    g + decay·w with the weights that it read, so that modulation, momentum and the array's rate act
    on both. None means rates of 1 and no decay.

    layers(parameters) is the number of the layer that each array belongs to, with the structure of
    the parameters: 0 at the input, in the order of the scenario model's `layer_names`.
    """

    init: Callable[[jax.Array], Parameters]
    logits: Callable[[Parameters, jax.Array], jax.Array]
    rates: Callable[[Parameters], Parameters] | None = None
    decays: Callable[[Parameters], Parameters] | None = None
    layers: Callable[[Parameters], Parameters] = one_layer


def numbered(layers: Iterable[Parameters], first: int = 0) -> list[Parameters]:
    """Return for every array of these layers the number of its layer."""
    return [jax.tree.map(lambda _, number=number: number, layer) for number, layer in enumerate(layers, first)]


def dense(key: jax.Array, inputs: int, outputs: int, variance: float) -> Parameters:
    """Draw a fully connected layer: weights N(0, variance), shape (inputs, outputs), and biases 0."""
    return {
        "w": jax.random.normal(key, (inputs, outputs), jnp.float32) * math.sqrt(variance),
        "b": jnp.zeros(outputs, jnp.float32),
    }


def narrow(key: jax.Array, inputs: int, outputs: int, variance: float) -> Parameters:
    """Draw a fully connected layer of few outputs: `dense` with weights of shape (outputs, inputs).

    Their gradient is then a product with long rows, which takes half the time on a CPU with 784
    inputs and 10 outputs.
    """
    layer = dense(key, inputs, outputs, variance)
    return {**layer, "w": layer["w"].T}


def apply_narrow(layer: Parameters, inputs: jax.Array) -> jax.Array:
    """Return x·wᵀ + b."""
    result: jax.Array = inputs @ layer["w"].T + layer["b"]
    return result


def apply(layer: Parameters, inputs: jax.Array) -> jax.Array:
    """Return x·w + b."""
    result: jax.Array = inputs @ layer["w"] + layer["b"]
    return result


_PORTION, _PORTION_OF_ACCELERATOR = 250, 2000


def in_portions(logits: Callable[[Parameters, jax.Array], jax.Array], portion: int | None = None) -> Callable[..., jax.Array]:
    """Wrap `logits` to process a `portion` of the samples at a time; if None, one that keeps the device busy.

    The patches of all images of a test set would fill the memory.
    """

    def portioned(parameters: Parameters, inputs: jax.Array) -> jax.Array:
        count, features = inputs.shape
        size = portion or (_PORTION if jax.default_backend() == "cpu" else _PORTION_OF_ACCELERATOR)
        if count <= size:
            return logits(parameters, inputs)
        portions = -(-count // size)
        padded = jnp.pad(inputs, ((0, portions * size - count), (0, 0))).reshape(portions, size, features)
        every: jax.Array = jax.lax.map(lambda portion: logits(parameters, portion), padded)
        return every.reshape(portions * size, -1)[:count]

    return portioned
