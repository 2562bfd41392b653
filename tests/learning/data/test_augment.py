"""Crops and flips: by hand, and at random."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simasgd.learning.data.augment import augmentation, draws
from simasgd.scenario.learning.data import AbstractData, Characters, Cifar10, Digits, ImageNet

TINY = ImageNet(resolution=2, crop=1, flip=True)


def augmented(spec: AbstractData, inputs: np.ndarray, codes: list[int]) -> np.ndarray:
    function = augmentation(spec)
    assert function is not None
    return np.asarray(jax.jit(function)(jnp.asarray(inputs), jnp.asarray(codes, jnp.int32)))


def tiny(*pixels: int) -> list[float]:
    """Return an image of 2 × 2 pixels whose channels are the pixel's number, ten times and a hundred times that."""
    return [float(pixel * channel) for pixel in pixels for channel in (1, 10, 100)]


@pytest.mark.parametrize(
    ("vertical", "horizontal", "mirrored", "seen"),
    [
        (1, 1, 0, (1, 2, 3, 4)),
        (1, 1, 1, (2, 1, 4, 3)),
        (0, 1, 0, (0, 0, 1, 2)),  # the window is up, so the image is down
        (2, 1, 0, (3, 4, 0, 0)),
        (1, 0, 0, (0, 1, 0, 3)),
        (1, 2, 0, (2, 0, 4, 0)),
        (0, 0, 0, (0, 0, 0, 1)),
        (2, 2, 0, (4, 0, 0, 0)),
        (2, 2, 1, (0, 4, 0, 0)),  # cut out first, then mirrored
        (1, 0, 1, (1, 0, 3, 0)),
    ],
)
def test_windows_by_hand(vertical: int, horizontal: int, mirrored: int, seen: tuple[int, ...]) -> None:
    code = 2 * (vertical * 3 + horizontal) + mirrored
    image = np.array([tiny(1, 2, 3, 4)], np.float32)
    assert augmented(TINY, image, [code]).tolist() == [tiny(*seen)]


def test_each_image_has_its_own_window_and_a_grey_one_too() -> None:
    images = np.arange(3 * 64, dtype=np.float32).reshape(3, 64) + 1
    found = augmented(Digits(crop=2, flip=True), images, [2 * (2 * 5 + 2), 2 * (2 * 5 + 2) + 1, 2 * (0 * 5 + 4)]).reshape(
        3, 8, 8
    )
    pictures = images.reshape(3, 8, 8)
    assert np.array_equal(found[0], pictures[0])
    assert np.array_equal(found[1], pictures[1, :, ::-1])
    padded = np.pad(pictures[2], 2)
    assert np.array_equal(found[2], padded[0:8, 4:12])


def test_all_codes_of_a_set_are_windows_of_the_padded_image() -> None:
    spec = Cifar10(crop=2, flip=True)
    image = np.random.default_rng(0).random((32, 32, 3), np.float32)
    codes = list(range(50))
    found = augmented(spec, np.tile(image.reshape(1, -1), (50, 1)), codes).reshape(50, 32, 32, 3)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
    for code in codes:
        place, mirrored = divmod(code, 2)
        up, left = divmod(place, 5)
        window = padded[up : up + 32, left : left + 32]
        assert np.array_equal(found[code], window[:, ::-1] if mirrored else window)


def test_the_precision_stays() -> None:
    with jax.enable_x64(True):
        function = augmentation(TINY)
        assert function is not None
        assert function(jnp.ones((1, 12), jnp.float64), jnp.zeros(1, jnp.int32)).dtype == jnp.float64


@pytest.mark.parametrize("spec", [Digits(), Cifar10(subtract_mean=True), Characters()], ids=str)
def test_where_nothing_is_done_to_samples_there_is_no_function(spec: AbstractData) -> None:
    assert augmentation(spec) is None
    assert not draws(spec, 0, 0, 3, 4).any()


def test_codes_are_of_what_is_chosen() -> None:
    crop, flip, both = (draws(spec, 0, 0, 500, 8) for spec in (Digits(crop=1), Digits(flip=True), Digits(crop=1, flip=True)))
    assert crop.shape == (500, 8)
    assert crop.dtype == np.int32
    assert set(crop.ravel().tolist()) == set(range(0, 18, 2))
    assert set(flip.ravel().tolist()) == {0, 1}
    counts = np.bincount(both.ravel(), minlength=18)
    assert len(counts) == 18
    assert ((counts - 4000 / 18) ** 2 / (4000 / 18)).sum() < 40.8  # chi-square with 17 degrees of freedom: p = 0.001


def test_a_mini_batchs_codes_do_not_depend_on_how_many_are_drawn() -> None:
    few, many = (draws(Cifar10(crop=4, flip=True), 3, 7, count, 16) for count in (5, 50))
    assert np.array_equal(few, many[:5])
    assert few[0, :8].tolist() == draws(Cifar10(crop=4, flip=True), 3, 7, 1, 16)[0, :8].tolist()


def test_codes_are_fixed_and_differ_between_learners_and_seeds() -> None:
    spec = Cifar10(crop=4, flip=True)
    drawn = [draws(spec, seed, learner, 10, 16) for seed in (0, 1) for learner in (0, 1)]
    assert drawn[0][0, :8].tolist() == [70, 98, 125, 78, 81, 105, 88, 130]
    for i, one in enumerate(drawn):
        for other in drawn[:i]:
            assert np.mean(one == other) < 0.05
