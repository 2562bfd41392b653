"""The network, and the objective, of each model of a scenario: pure functions on pytrees of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import jax
import jax.numpy as jnp

from simasgd.learning.models.convnets import cifar10_rudra, lenet5
from simasgd.learning.models.network import NeuralNetwork, Parameters, apply, apply_narrow, dense, narrow, numbered
from simasgd.learning.models.objective import Objective, classification, regression
from simasgd.learning.models.quadratic import quadratic
from simasgd.learning.models.resnets import resnet18, resnet20
from simasgd.learning.models.transformers import transformer
from simasgd.scenario.learning.data import DataShape
from simasgd.scenario.learning.models import (
    MLP,
    AbstractModel,
    Cifar10Rudra,
    LeNet5,
    Linear,
    Logistic,
    Quadratic,
    ResNet18,
    ResNet20,
    Softmax,
    Transformer,
)

__all__ = ["NeuralNetwork", "Parameters", "build", "objective"]


@singledispatch
def objective(spec: AbstractModel, data: DataShape) -> Objective:
    """Build the objective of a scenario's model on data of this shape."""
    network = build(spec, data)
    return regression(network) if data.label == "number" else classification(network)


@objective.register
def _(spec: Quadratic, data: DataShape) -> Objective:
    return quadratic(spec)


@singledispatch
def build(spec: AbstractModel, data: DataShape) -> NeuralNetwork:
    """Build the network of a scenario's model on data of this shape."""
    raise NotImplementedError(spec)


@build.register
def _(spec: Softmax, data: DataShape) -> NeuralNetwork:
    return _fully_connected([(data.features, data.classes)])


@build.register
def _(spec: MLP, data: DataShape) -> NeuralNetwork:
    return _fully_connected(list(spec.widths(data)))


@build.register
def _(spec: Linear, data: DataShape) -> NeuralNetwork:
    return _fully_connected([(data.features, 1)])


@build.register
def _(spec: Logistic, data: DataShape) -> NeuralNetwork:
    linear = _fully_connected([(data.features, 1)])

    def logits(parameters: Parameters, inputs: jax.Array) -> jax.Array:
        """Return logits that are 0 for class 0."""
        return jnp.pad(linear.logits(parameters, inputs), ((0, 0), (1, 0)))

    return linear._replace(logits=logits)


@build.register
def _(spec: LeNet5, data: DataShape) -> NeuralNetwork:
    return lenet5(data)


@build.register
def _(spec: Cifar10Rudra, data: DataShape) -> NeuralNetwork:
    return cifar10_rudra(data)


@build.register
def _(spec: ResNet18, data: DataShape) -> NeuralNetwork:
    return resnet18(spec, data)


@build.register
def _(spec: ResNet20, data: DataShape) -> NeuralNetwork:
    return resnet20(data)


@build.register
def _(spec: Transformer, data: DataShape) -> NeuralNetwork:
    return transformer(spec, data)


def _fully_connected(widths: Sequence[tuple[int, int]]) -> NeuralNetwork:
    """Build layers of x·w + b with ReLU between them.

    Weights are N(0, 2/inputs) below a ReLU (He et al. 2015) and N(0, 1/inputs) at the top, and
    biases are 0.
    """
    *hidden, top = widths

    def init(key: jax.Array) -> Parameters:
        *keys, last = jax.random.split(key, len(widths))
        layers = [dense(key, *shape, 2.0 / shape[0]) for key, shape in zip(keys, hidden, strict=True)]
        return [*layers, narrow(last, *top, 1.0 / top[0])]

    def logits(parameters: Parameters, inputs: jax.Array) -> jax.Array:
        for layer in parameters[:-1]:
            inputs = jax.nn.relu(apply(layer, inputs))
        return apply_narrow(parameters[-1], inputs)

    return NeuralNetwork(init, logits, layers=numbered)
