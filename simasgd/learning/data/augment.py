"""Crops and flips: a training image changes each time it is drawn."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from simasgd import exact
from simasgd.scenario.learning.data import AbstractData, AbstractImages

Augmentation = Callable[[jax.Array, jax.Array], jax.Array]


def draws(spec: AbstractData, seed: int, learner: int, count: int, mini_batch: int) -> npt.NDArray[np.int32]:
    """Draw the augmentation of each sample of the first `count` mini-batches of a learner, as codes of shape (count, µ).

    A code is 2·(vertical·(2·crop + 1) + horizontal) + mirrored. The offsets of the window are from
    the upper left corner of the padded image, in pixels, and all codes are equally probable. The
    codes of mini-batch k are a function of (seed, learner, k) and µ only.
    """
    if not isinstance(spec, AbstractImages):
        return np.zeros((count, mini_batch), np.int32)
    windows, ways = (2 * spec.crop + 1) ** 2, 2 if spec.flip else 1
    bits = exact.stream(seed, exact.Purpose.AUGMENT, learner)
    drawn = np.floor(exact.uniforms(bits, count * mini_batch) * (windows * ways))
    drawn = np.minimum(drawn, windows * ways - 1)  # a uniform number may be 1
    codes = drawn.astype(np.int32).reshape(count, mini_batch)
    return codes if spec.flip else 2 * codes


def augmentation_key(spec: AbstractData) -> int | None:
    """Return the number that the function `augmentation` depends on, besides the shape of the data; None for no function."""
    return spec.crop if isinstance(spec, AbstractImages) and spec.is_augmented else None


def augmentation(spec: AbstractData) -> Augmentation | None:
    """Return a function of inputs, shape (B, features), and codes, shape (B,), that returns the augmented inputs.

    Return None if the data has no augmentation.
    """
    if not isinstance(spec, AbstractImages) or not spec.is_augmented:  # as `augmentation_key` says
        return None
    height, width, channels = spec.shape.image
    crop = spec.crop

    def augment(inputs: jax.Array, codes: jax.Array) -> jax.Array:
        # One gather of pixels, with zeros beyond the edge. In a loop on the CPU this is several
        # times faster than one slice of a padded image for each sample.
        vertical, horizontal, mirrored = codes // 2 // (2 * crop + 1), codes // 2 % (2 * crop + 1), codes % 2 == 1
        across = jnp.arange(width)
        rows = vertical[:, None] - crop + jnp.arange(height)
        columns = horizontal[:, None] - crop + jnp.where(mirrored[:, None], width - 1 - across, across)
        inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
        places = jnp.where(inside, rows[:, :, None] * width + columns[:, None, :], 0).reshape(len(codes), -1, 1)
        pixels = inputs.reshape(len(codes), height * width, channels)
        found = jnp.take_along_axis(pixels, places, axis=1, mode="promise_in_bounds")
        return jnp.where(inside.reshape(len(codes), -1, 1), found, 0).reshape(inputs.shape)

    return augment
