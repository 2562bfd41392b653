"""Layers for images: each equals an independent implementation, its value and its gradient, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from simasgd.learning.models import images as layers
from simasgd.scenario.learning.models import pooled_size

pytestmark = pytest.mark.usefixtures("quickly_compiled")


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def normal(seed: int, *shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), shape, jnp.float64)


def assert_same(ours: Callable[..., jax.Array], other: Callable[..., jax.Array], *arguments: jax.Array) -> None:
    """Check for the same values, and the same gradients of a sum with random weights."""
    weights = normal(99, *jax.eval_shape(other, *arguments).shape)

    def summed(layer: Callable[..., jax.Array], *arguments: jax.Array) -> tuple[jax.Array, jax.Array]:
        value = layer(*arguments)
        return (value * weights).sum(), value

    # One program for each: by itself every operation on a new shape is a program, too.
    of_all = {"argnums": tuple(range(1, 1 + len(arguments))), "has_aux": True}
    gradients, values = zip(
        *(jax.jit(jax.grad(summed, **of_all), static_argnums=0)(layer, *arguments) for layer in (ours, other)), strict=True
    )
    assert np.allclose(*values, rtol=0, atol=1e-10)
    assert all(np.abs(gradient).max() > 0.01 for gradient in gradients[1])
    assert all(np.allclose(left, right, rtol=0, atol=1e-10) for left, right in zip(*gradients, strict=True))


@pytest.mark.parametrize(
    ("size", "stride", "padding", "height", "width"),
    [(5, 1, 2, 8, 9), (5, 1, 0, 7, 6), (3, 1, 1, 5, 4), (3, 2, 1, 8, 7), (7, 2, 3, 9, 8), (1, 2, 0, 6, 5), (1, 1, 0, 3, 3)],
)
def test_convolution(size: int, stride: int, padding: int, height: int, width: int) -> None:
    def xla(images: jax.Array, kernel: jax.Array) -> jax.Array:
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(images, kernel, (stride, stride), [(padding, padding)] * 2, dimension_numbers=numbers)

    def ours(images: jax.Array, kernel: jax.Array) -> jax.Array:
        return layers.convolve(images, kernel, stride, padding)

    assert_same(ours, xla, normal(0, 2, height, width, 3), normal(1, size, size, 3, 4))


@pytest.mark.parametrize(("size", "padding", "height", "width"), [(5, 2, 8, 9), (3, 0, 5, 4)])
def test_convolution_of_rows(size: int, padding: int, height: int, width: int) -> None:
    """It is what accelerators compute."""

    def whole(images: jax.Array, kernel: jax.Array) -> jax.Array:
        return layers.convolve(images, kernel, padding=padding)

    def rows(images: jax.Array, kernel: jax.Array) -> jax.Array:
        return layers.convolve_rows(images, kernel, padding)

    assert_same(rows, whole, normal(0, 2, height, width, 3), normal(1, size, size, 3, 4))


@pytest.mark.parametrize(
    ("size", "padding", "height", "width"), [(5, 0, 8, 8), (5, 2, 8, 9), (3, 1, 7, 6), (4, 0, 8, 7), (2, 0, 5, 5), (1, 0, 4, 5)]
)
def test_convolution_and_pooling_at_once(size: int, padding: int, height: int, width: int) -> None:
    def ours(images: jax.Array, kernel: jax.Array) -> jax.Array:
        return layers.convolve_max_pool_2(images, kernel, padding)

    def apart(images: jax.Array, kernel: jax.Array) -> jax.Array:
        return layers.max_pool_2(layers.convolve(images, kernel, padding=padding))

    assert_same(ours, apart, normal(0, 2, height, width, 3), normal(1, size, size, 3, 4))
    # Small whole numbers, so that many of four numbers are equal and share the gradient.
    assert_same(ours, apart, jnp.round(normal(2, 2, height, width, 3)), jnp.round(normal(3, size, size, 3, 4)))


def windows(images: jax.Array, start: float, combine: Callable[..., jax.Array], size: int) -> jax.Array:
    """XLA's windows at every second pixel; those of 3 hang over the far edge where that is needed to see every pixel."""
    reach = [max(0, 2 * (pooled_size(side) - 1) + 3 - side) if size == 3 else 0 for side in images.shape[1:3]]
    padding = ((0, 0), (0, reach[0]), (0, reach[1]), (0, 0))
    return lax.reduce_window(images, start, combine, (1, size, size, 1), (1, 2, 2, 1), padding)


SIDES = [(8, 8), (9, 8), (7, 10), (2, 3), (4, 5)]


@pytest.mark.parametrize(("height", "width"), SIDES)
def test_max_pooling_3(height: int, width: int) -> None:
    assert_same(layers.max_pool_3, lambda x: windows(x, -jnp.inf, lax.max, 3), normal(0, 2, height, width, 3))


@pytest.mark.parametrize(("height", "width"), SIDES)
def test_mean_pooling_3(height: int, width: int) -> None:
    def mean(images: jax.Array) -> jax.Array:
        return windows(images, 0.0, lax.add, 3) / windows(jnp.ones_like(images), 0.0, lax.add, 3)

    assert_same(layers.mean_pool_3, mean, normal(0, 2, height, width, 3))


@pytest.mark.parametrize(("height", "width"), SIDES)
def test_max_pooling_2(height: int, width: int) -> None:
    assert_same(layers.max_pool_2, lambda x: windows(x, -jnp.inf, lax.max, 2), normal(0, 2, height, width, 3))


def test_pooling_by_hand() -> None:
    """A row of 4 pixels has windows 0 to 2 and 2 to 3, as in Caffe, and so has a column."""
    image = jnp.arange(16.0).reshape(1, 4, 4, 1)
    assert layers.max_pool_3(image).ravel().tolist() == [10, 11, 14, 15]
    assert layers.mean_pool_3(image).ravel().tolist() == [5, 6.5, 11, 12.5]
    assert layers.max_pool_2(image).ravel().tolist() == [5, 7, 13, 15]
    assert [pooled_size(side) for side in (2, 3, 4, 5, 7, 8, 16, 32)] == [1, 1, 2, 2, 3, 4, 8, 16]


def test_a_gradient_that_is_no_number_stays_one() -> None:
    images, kernel = normal(0, 1, 4, 4, 1), normal(1, 1, 1, 1, 1)
    gradient = jax.grad(lambda k: jnp.nan * layers.convolve_max_pool_2(images * jnp.inf, k).sum())(kernel)
    assert jnp.isnan(gradient).all()


def test_local_response_normalization() -> None:
    alpha, beta = 0.7, 0.75
    images = np.asarray(normal(0, 2, 5, 4, 3))
    expected = np.empty_like(images)
    for n, row, column, channel in np.ndindex(*images.shape):
        around = images[n, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2, channel]
        mean = (around**2).sum() / 9
        expected[n, row, column, channel] = images[n, row, column, channel] / (1 + alpha * mean) ** beta
    assert np.allclose(layers.normalize_locally(jnp.asarray(images), alpha, beta), expected, rtol=0, atol=1e-12)

    def by_windows(x: jax.Array) -> jax.Array:
        sums = lax.reduce_window(x * x, 0.0, lax.add, (1, 3, 3, 1), (1, 1, 1, 1), "SAME")
        return x * jnp.exp(-beta * jnp.log1p(alpha * sums / 9))

    assert_same(lambda x: layers.normalize_locally(x, alpha, beta), by_windows, jnp.asarray(images))


def test_group_norm() -> None:
    images, scale, offset = normal(0, 2, 3, 5, 6) * 4 + 1, normal(1, 6), normal(2, 6)
    expected = np.empty(images.shape)
    for n in range(2):
        for group in ([0, 1], [2, 3], [4, 5]):
            members = np.asarray(images[n][:, :, group])
            expected[n][:, :, group] = (members - members.mean()) / np.sqrt(members.var() + 1e-5)
    expected = expected * np.asarray(scale) + np.asarray(offset)
    assert np.allclose(layers.normalize_groups(images, 3, scale, offset), expected, rtol=0, atol=1e-12)

    def standardized(images: jax.Array, scale: jax.Array, offset: jax.Array) -> jax.Array:
        parts = [jax.nn.standardize(part, axis=(1, 2, 3), epsilon=1e-5) for part in jnp.split(images, 3, axis=-1)]
        return jnp.concatenate(parts, axis=-1) * scale + offset

    assert_same(lambda *a: layers.normalize_groups(a[0], 3, *a[1:]), standardized, images, scale, offset)
