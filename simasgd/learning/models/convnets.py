"""Plain convolutional networks: LeNet-5 and Rudra's network for CIFAR-10."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.nn import relu

from simasgd.learning.models.images import convolve, convolve_max_pool_2, he_normal, max_pool_3, mean_pool_3, normalize_locally
from simasgd.learning.models.network import NeuralNetwork, Parameters, apply, dense, in_portions, numbered
from simasgd.scenario.learning.data import DataShape
from simasgd.scenario.learning.models import pooled_size


def lenet5(data: DataShape) -> NeuralNetwork:
    """Build C1 to F6 of LeNet-5 (LeCun et al. 1998): 6 maps, pooling, 16 maps, pooling, 120, 84.

    As usual today, ReLU replaces tanh, max-pooling replaces trained means, C3 has all connections,
    and a softmax is on top. The paper puts images of 28 pixels on a background of 32; here C1 pads
    by 2, with the same result. Weights are N(0, 2/inputs) below a ReLU and N(0, 1/inputs) at the
    top.
    """
    height, width, channels = data.image
    pixels = ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)

    def init(key: jax.Array) -> Parameters:
        keys = jax.random.split(key, 5)
        shapes = [(5, 5, channels, 6), (5, 5, 6, 16)]
        convolutions = [
            {"w": he_normal(k, shape), "b": jnp.zeros(shape[-1], jnp.float32)} for k, shape in zip(keys, shapes, strict=False)
        ]
        widths = [(16 * pixels, 120, 2.0), (120, 84, 2.0), (84, data.classes, 1.0)]
        return convolutions + [dense(k, n, m, gain / n) for k, (n, m, gain) in zip(keys[2:], widths, strict=True)]

    def logits(parameters: Parameters, inputs: jax.Array) -> jax.Array:
        first, second, *connected, top = parameters
        images = inputs.reshape(-1, height, width, channels)
        images = relu(convolve_max_pool_2(images, first["w"], padding=2) + first["b"])
        images = relu(convolve_max_pool_2(images, second["w"]) + second["b"])
        hidden = images.reshape(len(images), -1)
        for layer in connected:
            hidden = relu(apply(layer, hidden))
        return apply(top, hidden)

    return NeuralNetwork(init, in_portions(logits), layers=numbered)


def cifar10_rudra(data: DataShape) -> NeuralNetwork:
    """Build Rudra's network for CIFAR-10 (examples/cifar10_full.cnn; Gupta et al. 2016), a port of Caffe's cifar10_full.

    Its weights and rates are for pixels from 0 to 255 minus the training set's mean. Here this is
    the mean of each channel. If the data has `subtract_mean` it is the mean of each pixel, as in
    the original. Weight decay is 0.004 in convolutions and 1 at the top (Caffe's 0.004 with
    decay_mult 250). Biases have none, and learn at twice the rate.
    """
    height, width, channels = data.image
    pixels = math.prod(pooled_size(pooled_size(pooled_size(side))) for side in (height, width))
    shapes = [(5, 5, channels, 32), (5, 5, 32, 32), (5, 5, 32, 64), (64 * pixels, data.classes)]

    def init(key: jax.Array) -> Parameters:
        deviations = (1e-4, 0.01, 0.01, 0.01)
        return [
            {"w": jax.random.normal(k, shape, jnp.float32) * deviation, "b": jnp.zeros(shape[-1], jnp.float32)}
            for k, shape, deviation in zip(jax.random.split(key, 4), shapes, deviations, strict=True)
        ]

    def convolution(layer: Parameters, images: jax.Array) -> jax.Array:
        result: jax.Array = convolve(images, layer["w"], padding=2) + layer["b"]
        return result

    def respond(images: jax.Array) -> jax.Array:
        return normalize_locally(images, alpha=5e-5, beta=0.75)

    def logits(parameters: Parameters, inputs: jax.Array) -> jax.Array:
        first, second, third, top = parameters
        images = inputs.reshape(-1, height, width, channels)
        images = 255.0 * (images - jnp.asarray(data.mean, images.dtype))
        images = respond(relu(max_pool_3(convolution(first, images))))
        images = respond(mean_pool_3(relu(convolution(second, images))))
        images = mean_pool_3(relu(convolution(third, images)))
        return apply(top, images.reshape(len(images), -1))

    return NeuralNetwork(init, in_portions(logits), _rudras_rates, _rudras_decays, numbered)


# Not made anew for each network: programs whose rules have equal functions are one program.
def _rudras_rates(parameters: Parameters) -> Parameters:
    return [{"w": 1.0, "b": 2.0} for _ in parameters]


def _rudras_decays(parameters: Parameters) -> Parameters:
    return [{"w": decay, "b": 0.0} for decay in (0.004, 0.004, 0.004, 1.0)]
