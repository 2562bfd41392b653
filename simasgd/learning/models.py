"""Models as pairs of pure functions on pytrees of parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from simasgd.scenario.data import DataShape
from simasgd.scenario.models import MLP, AbstractModel, Softmax

Parameters = Any
"""A pytree of arrays."""


class Network(NamedTuple):
    """init(key) -> parameters; logits(parameters, inputs of shape (batch, features)) -> shape (batch, classes)."""

    init: Callable[[jax.Array], Parameters]
    logits: Callable[[Parameters, jax.Array], jax.Array]


@singledispatch
def build(spec: AbstractModel, data: DataShape) -> Network:
    """The network that a scenario's model describes, on data of this shape."""
    raise NotImplementedError(spec)


@build.register
def _(spec: Softmax, data: DataShape) -> Network:
    return _fully_connected([(data.features, data.classes)])


@build.register
def _(spec: MLP, data: DataShape) -> Network:
    return _fully_connected(list(spec.widths(data)))


def _fully_connected(widths: Sequence[tuple[int, int]]) -> Network:
    """Layers of x·w + b with ReLU between them; weights N(0, 2/inputs) below a ReLU (He et al. 2015), N(0, 1/inputs) at the
    top, biases 0."""
    top = len(widths) - 1

    def init(key: jax.Array) -> Parameters:
        keys = jax.random.split(key, len(widths))
        return [
            {
                "w": jax.random.normal(keys[i], shape, jnp.float32) * ((1.0 if i == top else 2.0) / shape[0]) ** 0.5,
                "b": jnp.zeros(shape[1], jnp.float32),
            }
            for i, shape in enumerate(widths)
        ]

    def logits(parameters: Parameters, inputs: jax.Array) -> jax.Array:
        for layer in parameters[:-1]:
            inputs = jax.nn.relu(inputs @ layer["w"] + layer["b"])
        top_layer: jax.Array = inputs @ parameters[-1]["w"] + parameters[-1]["b"]
        return top_layer

    return Network(init, logits)
