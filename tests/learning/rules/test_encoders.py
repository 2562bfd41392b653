"""The encoders of compressed gradients, by hand and by their laws."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simasgd.learning import rules
from tests.learning.agreement import flatten

pytestmark = pytest.mark.usefixtures("quickly_compiled")

GRADIENT = {"a": jnp.array([3.0, -5.0]), "b": jnp.array([[1.0, 5.0], [0.0, -4.0]])}


def send(encoder, gradient):
    """Return the first message that the encoder makes of the gradient."""
    return jax.jit(lambda g: encoder.update(g, encoder.init(g))[0])(gradient)


def test_half_precision_is_ieees():
    """Rounded to even between two, down to 2⁻²⁴ = 6e-8, and infinite beyond 65,504."""
    values = np.array(
        [1.0, 1 + 2**-11, 1 + 3 * 2**-11, 0.1, -65504, 65519.9, 2**-14, 3e-5, 1.5 * 2**-24, 2**-25, 0], np.float32
    )
    expected = [1.0, 1.0, 1 + 2**-9, 0.0999755859375, -65504, 65504, 2**-14, values[7].astype(np.float16), 2**-23, 0, 0]
    half = rules.round_to_half()
    assert send(half, jnp.array(values)).tolist() == [float(number) for number in expected]
    random = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.random.default_rng(1).uniform(-9, 4, 1000)
    for dtype in (np.float32, np.float64):
        with jax.enable_x64(dtype is np.float64):
            found = send(half, jnp.array(random.astype(dtype)))
        assert np.array_equal(found, random.astype(dtype).astype(np.float16).astype(dtype))
    assert send(half, jnp.array([65520.0, -1e9])).tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0.01, [0, -5, 0, 0, 0, 0]),  # of equal ones the first
        (0.2, [0, -5, 0, 5, 0, 0]),  # 1.2 of 6 are 2
        (0.5, [0, -5, 0, 5, 0, -4]),
        (1.0, [3, -5, 1, 5, 0, -4]),
    ],
)
def test_the_largest_of_all_arrays_together(fraction, expected):
    assert flatten(send(rules.keep_largest(fraction), GRADIENT)).tolist() == expected


def test_signs():
    assert flatten(send(rules.take_signs(), GRADIENT)).tolist() == [1, -1, 1, 1, 1, -1]
    assert flatten(send(rules.take_scaled_signs(), GRADIENT)).tolist() == [3, -3, 3, 3, 3, -3]  # 18/6
    assert np.isnan(send(rules.take_signs(), jnp.array([jnp.nan, 1.0]))).tolist() == [True, False]


def test_quantized_values_that_are_on_the_grid_stay():
    """‖(3, −4)‖ = 5, so with s = 5 the levels are 3 and −4; with s = 1 and a bucket for each value every one is its norm."""
    assert send(rules.quantize(5), jnp.array([3.0, -4.0, 0.0])) == pytest.approx([3, -4, 0], rel=1e-6)
    assert flatten(send(rules.quantize(1, bucket=1), GRADIENT)) == pytest.approx(flatten(GRADIENT), rel=1e-6)
    assert flatten(send(rules.quantize(4), jax.tree.map(jnp.zeros_like, GRADIENT))).tolist() == [0] * 6


@pytest.mark.parametrize(("levels", "bucket"), [(1, None), (3, 8), (20, 7)])
def test_quantized_values_are_the_two_on_the_grid_beside_them(levels, bucket):
    values = np.random.default_rng(2).normal(size=30)
    with jax.enable_x64(True):
        found = np.array(send(rules.quantize(levels, bucket), jnp.array(values)))
    size = 30 if bucket is None else bucket
    norms = np.repeat([np.linalg.norm(values[i : i + size]) for i in range(0, 30, size)], size)[:30]
    steps, wanted = found * levels / norms, values * levels / norms
    assert steps == pytest.approx(np.round(steps), abs=1e-9)
    assert (np.abs(steps - wanted) < 1).all()
    assert (found * values >= 0).all()


@pytest.mark.parametrize("levels", [1, 4, 20])
def test_quantization_is_unbiased_and_varies_no_more_than_its_bound(levels):
    """E‖Q − v‖² ≤ min(d/s², √d/s)·‖v‖², and so the mean of N draws is 1/N of that off."""
    draws, size = 4000, 24
    quantize = rules.quantize(levels)
    values = jnp.array(np.random.default_rng(3).normal(size=size), jnp.float32)
    starts = np.arange(draws * size, dtype=np.float32).reshape(draws, size)
    found = np.array(jax.jit(jax.vmap(lambda start: quantize.update(values, quantize.init(start))[0]))(starts), float)
    bound = min(size / levels**2, size**0.5 / levels) * float(values @ values)
    assert np.square(found - values).sum(axis=1).mean() <= bound
    assert np.square(found.mean(axis=0) - values).sum() <= 2 * bound / draws


def test_draws_follow_the_initial_weights_and_the_number_of_the_message():
    quantize, values = rules.quantize(1), jnp.linspace(-1, 1, 50)

    @jax.jit
    def messages(start):
        first, state = quantize.update(values, quantize.init(start))
        return first, quantize.update(values, state)[0]

    start = np.zeros(50, np.float32)
    first, second = map(np.array, messages(start))
    assert np.array_equal(messages(start), (first, second))
    assert not np.array_equal(first, second)
    start[7] = 1e-8
    assert not np.array_equal(messages(start)[0], first)
    assert jax.eval_shape(quantize.init, jax.ShapeDtypeStruct((50,), jnp.float32)).key.dtype == jnp.uint32


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.999])
def test_what_top_k_leaves_out_is_at_most_the_share_of_the_places(fraction):
    """‖v − top_k(v)‖² ≤ (1 − k/d)·‖v‖²."""
    vectors = np.random.default_rng(6).standard_cauchy((20, 100)).astype(np.float32)
    top_k, kept = rules.keep_largest(fraction), max(1, np.ceil(fraction * 100))
    left = vectors - np.array(jax.jit(jax.vmap(lambda v: top_k.update(v, top_k.init(v))[0]))(vectors))
    squares, squares_left = (np.square(each, dtype=float).sum(axis=1) for each in (vectors, left))
    assert (squares_left <= (1 - kept / 100) * squares * (1 + 1e-6)).all()
