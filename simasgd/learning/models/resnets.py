"""Residual networks (He et al. 2015) with GroupNorm in place of batch normalization.

The statistics of batch normalization would have to travel beside the weights, and asynchronous
updates share no batch. GroupNorm (Wu and He 2018) needs no statistics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import relu

from simasgd.learning.models.images import convolve, he_normal, max_pool_3, normalize_groups
from simasgd.learning.models.network import NeuralNetwork, Parameters, apply, dense, in_portions, numbered
from simasgd.scenario.learning.data import DataShape
from simasgd.scenario.learning.models import ResNet18

Keys = Iterator[Any]


def resnet20(data: DataShape) -> NeuralNetwork:
    """Build the network of section 4.2 with n = 3: three stages of 16, 32 and 64 channels.

    A shortcut that changes its shape takes every second pixel and new channels of zeros (option A).
    GroupNorm has 8 groups.
    """

    def stem(parameters: Parameters, images: jax.Array) -> jax.Array:
        return relu(_normalized(parameters, images, 1, 8))

    def init(keys: Keys) -> Parameters:
        stages = [_stage(keys, *widths, blocks=3) for widths in ((16, 16), (16, 32), (32, 64))]
        return {"stem": _convolution(keys, 3, data.image[2], 16), "stages": stages}

    return _residual(data, 64, 8, init, stem)


def resnet18(spec: ResNet18, data: DataShape) -> NeuralNetwork:
    """Build the network of table 1: four stages of 64, 128, 256 and 512 channels.

    A shortcut that changes its shape is a 1 × 1 convolution (option B). GroupNorm has 32 groups.
    For small images one 3 × 3 convolution replaces the 7 × 7 convolution and the pooling.
    """
    small_stem = spec.has_small_stem(data)

    def stem(parameters: Parameters, images: jax.Array) -> jax.Array:
        if small_stem:
            return relu(_normalized(parameters, images, 1, 32))
        images = relu(_normalized(parameters, images, 2, 32))
        # After a ReLU zeros around the image do not change a maximum.
        return max_pool_3(jnp.pad(images, ((0, 0), (1, 0), (1, 0), (0, 0))))

    def init(keys: Keys) -> Parameters:
        widths = ((64, 64), (64, 128), (128, 256), (256, 512))
        stages = [_stage(keys, *pair, blocks=2) for pair in widths]
        for stage, pair in zip(stages[1:], widths[1:], strict=True):
            stage[0]["projection"] = _convolution(keys, 1, *pair)
        return {"stem": _convolution(keys, 3 if small_stem else 7, data.image[2], 64), "stages": stages}

    return _residual(data, 512, 32, init, stem)


def _residual(data: DataShape, width: int, groups: int, body: Any, stem: Any) -> NeuralNetwork:
    """Build a stem, stages of residual blocks, the mean over all pixels and a fully connected layer on `width` channels.

    Weights are N(0, 2/inputs) in convolutions and N(0, 1/inputs) at the top.
    """

    def init(key: jax.Array) -> Parameters:
        keys = iter(jax.random.split(key, 64))
        return body(keys) | {"top": dense(next(keys), width, data.classes, 1.0 / width)}

    def logits(parameters: Parameters, inputs: jax.Array) -> jax.Array:
        images = stem(parameters["stem"], inputs.reshape(-1, *data.image))
        for i, stage in enumerate(parameters["stages"]):
            for j, block in enumerate(stage):
                images = _block(block, images, 2 if i and not j else 1, groups)
        return apply(parameters["top"], images.mean(axis=(1, 2)))

    def layers(parameters: Parameters) -> Parameters:
        blocks = [block for stage in parameters["stages"] for block in stage]
        stem, *inner, top = numbered([parameters["stem"], *blocks, parameters["top"]])
        numbers = iter(inner)
        return {"stem": stem, "stages": [[next(numbers) for _ in stage] for stage in parameters["stages"]], "top": top}

    return NeuralNetwork(init, in_portions(logits), layers=layers)


def _convolution(keys: Keys, size: int, inputs: int, outputs: int) -> Parameters:
    """Draw a convolution and the GroupNorm after it, which makes biases superfluous."""
    return {
        "w": he_normal(next(keys), (size, size, inputs, outputs)),
        "scale": jnp.ones(outputs, jnp.float32),
        "offset": jnp.zeros(outputs, jnp.float32),
    }


def _stage(keys: Keys, inputs: int, outputs: int, blocks: int) -> list[Parameters]:
    widths = [(inputs, outputs)] + [(outputs, outputs)] * (blocks - 1)
    return [{"first": _convolution(keys, 3, *pair), "second": _convolution(keys, 3, outputs, outputs)} for pair in widths]


def _normalized(layer: Parameters, images: jax.Array, stride: int, groups: int) -> jax.Array:
    images = convolve(images, layer["w"], stride, padding=layer["w"].shape[0] // 2)
    return normalize_groups(images, groups, layer["scale"], layer["offset"])


def _block(block: Parameters, images: jax.Array, stride: int, groups: int) -> jax.Array:
    """Apply two convolutions beside a shortcut; returns shape (batch, ⌈h/stride⌉, ⌈w/stride⌉, outputs)."""
    inner = relu(_normalized(block["first"], images, stride, groups))
    inner = _normalized(block["second"], inner, 1, groups)
    if "projection" in block:
        return relu(inner + _normalized(block["projection"], images, stride, groups))
    new_channels = inner.shape[-1] - images.shape[-1]
    return relu(inner + jnp.pad(images[:, ::stride, ::stride], ((0, 0), (0, 0), (0, 0), (0, new_channels))))
