"""Layers for images of shape (batch, height, width, channels), written so that they are fast inside a loop on the CPU.

On the CPU XLA's own convolution is 10 to 30 times slower inside a loop than outside (JAX issue
12868), and the gradient of its pooling almost as much. So a convolution here is a matrix of patches
times a matrix, and a window is a few shifted images.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from simasgd.scenario.learning.models import pooled_size


def convolve(images: jax.Array, kernel: jax.Array, stride: int = 1, padding: int = 0) -> jax.Array:
    """Return the cross-correlation, with zeros around the images.

    (batch, h, w, c) and a kernel of shape (k, k, c, outputs) → (batch, ⌊(h + 2·padding −
    k)/stride⌋ + 1, likewise, outputs).
    """
    size, _, channels, outputs = kernel.shape
    if jax.default_backend() != "cpu" and stride == 1 and outputs < (size - 1) * channels:
        return convolve_rows(images, kernel, padding)
    flat = kernel.reshape(size * size * channels, outputs)
    if padding:
        images = jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    # First along a row, then along a column: the second step copies whole runs of k·c numbers.
    for axis in (2, 1):
        images = jnp.concatenate(_shifted(images, axis, size, stride), axis=-1)
    return _multiply(images, flat)


def convolve_rows(images: jax.Array, kernel: jax.Array, padding: int = 0) -> jax.Array:
    """Return convolve(images, kernel, padding=padding) with k times smaller patches, for accelerators.

    Patches have the pixels of one row of the window. Their product with all rows of the kernel
    gives k parts for each pixel, whose sum over the window's rows is the result. So the patches and
    the parts together have k·(c + outputs) numbers a pixel, where whole patches have k²·c. Moving
    them takes most of an accelerator's time.
    """
    size, _, channels, outputs = kernel.shape
    images = jnp.pad(images, ((0, 0), (0, 0), (padding, padding), (0, 0)))
    patches = jnp.concatenate(_shifted(images, 2, size, 1), axis=-1)
    parts = _multiply(patches, kernel.transpose(1, 2, 0, 3).reshape(size * channels, size * outputs))
    parts = jnp.pad(parts, ((0, 0), (padding, padding), (0, 0), (0, 0)))
    of_rows = _shifted(parts, 1, size, 1)
    return sum(
        (rows[..., outputs * i : outputs * (i + 1)] for i, rows in enumerate(of_rows)), start=jnp.zeros((), images.dtype)
    )


def _multiply(patches: jax.Array, flat: jax.Array) -> jax.Array:
    """Return patches @ flat as a product of two matrices.

    The gradient with respect to `flat` of a product with several leading axes costs a transposed copy
    of all results on a CPU.
    """
    *leading, numbers = patches.shape
    result: jax.Array = (patches.reshape(-1, numbers) @ flat).reshape(*leading, flat.shape[1])
    return result


def _shifted(images: jax.Array, axis: int, size: int, stride: int) -> list[jax.Array]:
    """Return the images shifted to the first, second, … pixel of every whole window along an axis."""
    reach = images.shape[axis] - size + 1
    return [jax.lax.slice_in_dim(images, i, i + reach, stride, axis) for i in range(size)]


def max_pool_3(images: jax.Array) -> jax.Array:
    """Return the maximum over windows of 3 × 3 at every second pixel; the last may extend beyond the far edge (as in Caffe)."""
    for axis in (2, 1):
        first, second, third = _thirds(images, axis, -jnp.inf)
        images = jnp.maximum(jnp.maximum(first, second), third)
    return images


def mean_pool_3(images: jax.Array) -> jax.Array:
    """Return the mean over the pixels of `max_pool_3`'s windows inside the image (Caffe's AVE pooling without padding)."""
    for axis in (2, 1):
        size = images.shape[axis]
        starts = 2 * np.arange(pooled_size(size))
        share = jnp.asarray(1.0 / np.minimum(3, size - starts), images.dtype)
        images = sum(_thirds(images, axis, 0.0)) * jnp.expand_dims(share, tuple(range(1, images.ndim - axis)))
    return images


def _thirds(images: jax.Array, axis: int, outside: float) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return the first, second and third pixel of each window of 3 at every second pixel along an axis."""
    windows, size = pooled_size(images.shape[axis]), images.shape[axis]
    padding = [(0, 0)] * images.ndim
    padding[axis] = (0, 2 * (windows + 1) - size)
    # In pairs, because XLA turns steps of 2 into slow loops.
    pairs = jnp.pad(images, padding, constant_values=outside)
    pairs = pairs.reshape(*images.shape[:axis], windows + 1, 2, *images.shape[axis + 1 :])
    even, odd = (jax.lax.index_in_dim(pairs, i, axis + 1, keepdims=False) for i in range(2))
    first, third = (jax.lax.slice_in_dim(even, i, i + windows, axis=axis) for i in range(2))
    return first, jax.lax.slice_in_dim(odd, 0, windows, axis=axis), third


def max_pool_2(images: jax.Array) -> jax.Array:
    """Return the maximum over disjoint windows of 2 × 2; an odd row or column at the far edge is left out."""
    for axis in (2, 1):
        half = images.shape[axis] // 2
        pairs = jax.lax.slice_in_dim(images, 0, 2 * half, axis=axis)
        pairs = pairs.reshape(*images.shape[:axis], half, 2, *images.shape[axis + 1 :])
        images = jnp.maximum(*(jax.lax.index_in_dim(pairs, i, axis + 1, keepdims=False) for i in range(2)))
    return images


def convolve_max_pool_2(images: jax.Array, kernel: jax.Array, padding: int = 0) -> jax.Array:
    """Return max_pool_2(convolve(images, kernel, padding=padding)) in less time.

    A pooled pixel depends on (k + 1) × (k + 1) pixels, which are multiplied with the kernel in its
    four places. So there are a quarter as many patches, hardly larger, and four times as many
    columns. A matrix product with few columns is slow.

    (batch, h, w, c) and a kernel of shape (k, k, c, outputs) → (batch, ⌊(h + 2·padding − k + 1)/2⌋,
    likewise, outputs).
    """
    size, _, channels, outputs = kernel.shape
    images = jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    for axis in (2, 1):
        images = jnp.concatenate(_seen_from_every_second(images, axis, size + 1), axis=-1)
    places = [jnp.pad(kernel, ((down, 1 - down), (right, 1 - right), (0, 0), (0, 0))) for down in (0, 1) for right in (0, 1)]
    flat = jnp.stack(places, axis=-2).reshape((size + 1) ** 2 * channels, 4 * outputs)
    batch, height, width, _ = images.shape
    found = _multiply(images, flat).reshape(batch * height * width, 4, outputs)
    return _greatest(found).reshape(batch, height, width, outputs)


@jax.custom_vjp
def _greatest(found: jax.Array) -> jax.Array:
    """Return the greatest of four numbers, two pairs: (n, 4, outputs) → (n, outputs).

    The gradient goes to the greatest number. Equal pairs get half of it each, and so do equal numbers
    of a pair. JAX's own gradient of three maxima gives the same numbers, but takes a division for each.
    """
    first, second = _of_pairs(found)
    return jnp.maximum(first, second)


def _greatest_forward(found: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    greatest = _greatest(found)
    return greatest, (found, greatest)


def _greatest_backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array]:
    found, greatest = saved
    first, second = _of_pairs(found)
    of_pair = jnp.where(first == second, 0.5 * gradient, gradient)
    shares = [jnp.where(found[:, i] == found[:, i + 1], 0.5 * of_pair, of_pair) for i in (0, 2)]
    of_numbers = jnp.stack([shares[0], shares[0], shares[1], shares[1]], axis=1)
    return (jnp.where(found == greatest[:, None], of_numbers, 0.0 * gradient[:, None]),)  # NaN stays NaN


_greatest.defvjp(_greatest_forward, _greatest_backward)


def _of_pairs(found: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the maximum of the first pair and that of the second."""
    return jnp.maximum(found[:, 0], found[:, 1]), jnp.maximum(found[:, 2], found[:, 3])


def _seen_from_every_second(images: jax.Array, axis: int, size: int) -> list[jax.Array]:
    """Return the images shifted to the first, second, … pixel of every whole window at every second pixel along an axis.

    `size` is the size of a window, even or odd.
    """
    windows = (images.shape[axis] - size) // 2 + 1
    padding = [(0, 0)] * images.ndim
    padding[axis] = (0, images.shape[axis] % 2)
    pairs = jnp.pad(images, padding)  # in pairs, because XLA turns steps of 2 into slow loops
    pairs = pairs.reshape(*images.shape[:axis], -1, 2, *images.shape[axis + 1 :])
    halves = [jax.lax.index_in_dim(pairs, i, axis + 1, keepdims=False) for i in range(2)]
    return [jax.lax.slice_in_dim(halves[i % 2], i // 2, i // 2 + windows, axis=axis) for i in range(size)]


def normalize_locally(images: jax.Array, alpha: float, beta: float) -> jax.Array:
    """Apply local response normalization within channels: x·(1 + α·m)^(−β).

    m is the mean of x² over the surrounding 3 × 3 pixels, with zeros outside the image
    (Krizhevsky's cuda-convnet; Caffe's LRN layer with WITHIN_CHANNEL).
    """
    squares = images * images
    for axis in (2, 1):
        padding = [(0, 0)] * images.ndim
        padding[axis] = (1, 1)
        squares = sum(_shifted(jnp.pad(squares, padding), axis, 3, 1), start=jnp.zeros((), images.dtype))
    return images * (1.0 + (alpha / 9.0) * squares) ** (-beta)


def normalize_groups(images: jax.Array, groups: int, scale: jax.Array, offset: jax.Array) -> jax.Array:
    """Apply GroupNorm (Wu and He 2018), then scale and offset, shape (channels,).

    Each group of channels of each image gets mean 0 and variance 1 over its pixels and channels.
    """
    batch, height, width, channels = images.shape
    grouped = images.reshape(batch, height * width, groups, channels // groups)
    centred = grouped - grouped.mean(axis=(1, 3), keepdims=True)
    variance = (centred * centred).mean(axis=(1, 3), keepdims=True)
    normal: jax.Array = (centred * jax.lax.rsqrt(variance + 1e-5)).reshape(images.shape)
    return normal * scale + offset


def he_normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Draw weights N(0, 2/inputs) for a layer below a ReLU (He et al. 2015); all axes but the last are inputs."""
    weights: jax.Array = jax.random.normal(key, shape, jnp.float32) * (2.0 / np.prod(shape[:-1])) ** 0.5
    return weights
