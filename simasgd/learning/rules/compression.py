"""Compression of gradients: the values that the server decodes from a message.

The encoders transform whole gradients, all arrays concatenated in the order of the leaves:

    update = optax.chain(keep_largest(0.01), optax.sgd(0.05))

Two more add a memory for each learner to an encoder: `with_error_feedback`, and `summed_up` where a
message is the sum of several gradients. The memory knows the gradients that are applied. A real
learner also remembers gradients that get lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import PyTree

from simasgd.learning.models.network import Parameters
from simasgd.learning.rules.part import RuleNumber
from simasgd.learning.rules.trees import State, Updates
from simasgd.scenario.learning.compression import entries_kept

_LEAST_NORMAL, _LEAST_HALF = 2.0**-14, 2.0**-24  # of half precision: the least number with 11 digits, and the least of all


def round_to_half() -> optax.GradientTransformationExtraArgs:
    """Round each value to the nearest half-precision number, ties to even, as IEEE 754 does.

    Values beyond 65,504 become infinite, and small ones a multiple of 2⁻²⁴. A compiler may remove a
    conversion to half precision and back, but not this rounding.
    """

    def half(g: jax.Array) -> jax.Array:
        small = jnp.round(g / _LEAST_HALF) * _LEAST_HALF
        return jnp.where(jnp.abs(g) < _LEAST_NORMAL, small, jax.lax.reduce_precision(g, exponent_bits=5, mantissa_bits=10))

    def update(updates: Updates, state: State, params: Parameters = None, **extra: PyTree) -> tuple[Updates, State]:
        del params, extra
        return jax.tree.map(half, updates), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


def keep_largest(fraction: float) -> optax.GradientTransformationExtraArgs:
    """Keep the k = ⌈`fraction`·d⌉ of all d values that are largest in magnitude, and replace the others by 0.

    Of equal values the first is kept (Aji and Heafield 2017; Stich et al. 2018, arXiv:1809.07599,
    Definition 2.1; recalled). ‖g − top_k(g)‖² ≤ (1 − k/d)·‖g‖².
    """

    def top_k(g: jax.Array) -> jax.Array:
        kept = entries_kept(fraction, g.size)
        if kept == g.size:
            return g
        _, places = jax.lax.top_k(jnp.abs(g), kept)
        return jnp.zeros_like(g).at[places].set(g[places])

    return _of_whole_gradients(top_k)


def take_signs() -> optax.GradientTransformationExtraArgs:
    """Return sign(g) in one bit, so sign(0) = 1: signSGD (Bernstein et al. 2018, arXiv:1802.04434; recalled)."""
    return _of_whole_gradients(_sign)


def take_scaled_signs() -> optax.GradientTransformationExtraArgs:
    """Return (‖g‖₁/d)·sign(g) of d values, with sign(0) = 1.

    With error feedback this is EF-signSGD (Karimireddy et al. 2019, arXiv:1901.09847; recalled).
    """
    return _of_whole_gradients(lambda g: jnp.abs(g).mean() * _sign(g))


def _sign(g: jax.Array) -> jax.Array:
    return jnp.where(g >= 0.0, 1.0, jnp.where(g < 0.0, -1.0, g)).astype(g.dtype)  # NaN stays NaN


def _of_whole_gradients(encoded: Callable[[jax.Array], jax.Array]) -> optax.GradientTransformationExtraArgs:
    """Apply `encoded` to all d values, shape (d,)."""

    def update(updates: Updates, state: State, params: Parameters = None, **extra: PyTree) -> tuple[Updates, State]:
        del params, extra
        values, arrays = ravel_pytree(updates)
        return arrays(encoded(values)), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


class Draws(NamedTuple):
    """The source of random numbers: a Threefry key (two words), and the number of messages encoded so far."""

    key: jax.Array
    messages: jax.Array


def quantize(levels: RuleNumber, bucket: int | None = None) -> optax.GradientTransformationExtraArgs:
    """Return Q_s(g)_i = ‖g‖₂·sign(g_i)·ξ_i: QSGD (Alistarh et al. 2017, arXiv:1610.02132, Section 3.1; recalled).

    s is `levels`, and ξ_i is one of the two multiples of 1/s around |g_i|/‖g‖₂, drawn with the mean
    |g_i|/‖g‖₂. Every `bucket` consecutive values are a vector g (Section 4 there; the last may be
    shorter); without a bucket all d values are one. E Q_s(g) = g, and E‖Q_s(g) − g‖² ≤ min(d/s²,
    √d/s)·‖g‖².

    The draws are a function of the bits of the initial weights, and so of the seed that made them,
    and of the number of messages encoded before. Seeds with the same initial weights have the same
    draws.
    """

    def quantized(g: jax.Array, key: jax.Array) -> jax.Array:
        size = g.size if bucket is None else bucket
        vectors = jnp.pad(g, (0, -g.size % size)).reshape(-1, size)
        norms = jnp.sqrt(jnp.square(vectors).sum(axis=1, keepdims=True))
        scaled = levels * jnp.abs(vectors) / jnp.where(norms > 0.0, norms, 1.0)
        drawn = jnp.floor(scaled + jax.random.uniform(key, vectors.shape, g.dtype))
        xi = jnp.minimum(drawn, levels) / levels  # a lone value's norm may be rounded to less than its magnitude
        return (norms * jnp.sign(vectors) * xi).ravel()[: g.size]

    def init(params: Parameters) -> Draws:
        return Draws(jax.random.key_data(jax.random.fold_in(jax.random.key(0), _bits(params))), jnp.int32(0))

    def update(updates: Updates, state: Draws, params: Parameters = None, **extra: PyTree) -> tuple[Updates, Draws]:
        del params, extra
        values, arrays = ravel_pytree(updates)
        key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.messages)
        return arrays(quantized(values, key)), state._replace(messages=state.messages + 1)

    return optax.GradientTransformationExtraArgs(init, update)


def _bits(params: Parameters) -> jax.Array:
    """Return one word made of all bits of the weights: the sum of their words modulo 2³²."""
    words = [jax.lax.bitcast_convert_type(leaf, jnp.uint32) for leaf in jax.tree.leaves(params)]
    return jnp.stack([word.sum(dtype=jnp.uint32) for word in words]).sum(dtype=jnp.uint32)


class Memories(NamedTuple):
    """The unsent part of each learner's gradients, and the state of the encoder.

    `memories` has the structure of the weights, with a leading axis of learners on each leaf.
    """

    memories: Updates
    encoder: State


def with_error_feedback(encoder: optax.GradientTransformationExtraArgs, learners: int) -> optax.GradientTransformationExtraArgs:
    """Send Q(p) with p = e_i + g and set e_i ← p − Q(p), for the gradient g of learner i and the `encoder` Q.

    This is memory (Stich et al. 2018, arXiv:1809.07599, Algorithm 1) or error feedback (Karimireddy
    et al. 2019, arXiv:1901.09847, Algorithm 2; recalled). There e_i is of steps α·g, here of
    gradients, which is equivalent while α is constant. The sent values and e_i add up to all
    gradients. Extra arguments: `learner` i, of λ `learners`; `last` as in `summed_up`.
    """
    return _remembering(encoder, learners, lambda message, sent: jax.tree.map(jnp.subtract, message, sent))


def summed_up(encoder: optax.GradientTransformationExtraArgs, learners: int) -> optax.GradientTransformationExtraArgs:
    """Return Q(Σ g) in place of the last gradient of each message, and 0 for the others, with the `encoder` Q.

    Extra arguments: `learner`, of λ `learners`; `last`, whether its message ends with this gradient
    (it does if absent).
    """
    return _remembering(encoder, learners, lambda message, sent: jax.tree.map(jnp.zeros_like, message))


def _remembering(
    encoder: optax.GradientTransformationExtraArgs, learners: int, left: Callable[[Updates, Updates], Updates]
) -> optax.GradientTransformationExtraArgs:
    """Build an encoder with a memory; `left(message, sent)` is the part of a message that stays with the learner."""

    def init(params: Parameters) -> Memories:
        nothing = jax.tree.map(lambda leaf: jnp.zeros((learners, *leaf.shape), leaf.dtype), params)
        return Memories(nothing, encoder.init(params))

    def update(
        updates: Updates,
        state: Memories,
        params: Parameters = None,
        *,
        learner: jax.Array,
        last: jax.Array | bool = True,
        **extra: PyTree,
    ) -> tuple[Updates, Memories]:
        def send(message: Updates) -> tuple[Updates, Updates, State]:
            sent, after = encoder.update(message, state.encoder, params, **extra)
            return sent, left(message, sent), after

        def wait(message: Updates) -> tuple[Updates, Updates, State]:
            return jax.tree.map(jnp.zeros_like, message), message, state.encoder

        message = jax.tree.map(lambda every, g: every[learner] + g, state.memories, updates)
        sent, kept, after = send(message) if last is True else jax.lax.cond(last, send, wait, message)
        memories = jax.tree.map(lambda every, own: every.at[learner].set(own), state.memories, kept)
        return sent, Memories(memories, after)

    return optax.GradientTransformationExtraArgs(init, update)


def of_messages(inner: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """Apply `inner` to whole messages only.

    It transforms a gradient if the extra argument `last` says that its message ends with it. The
    others are 0 and stay unchanged.
    """
    wrapped = optax.with_extra_args_support(inner)

    def update(
        updates: Updates, state: State, params: Parameters = None, *, last: jax.Array | bool = True, **extra: PyTree
    ) -> tuple[Updates, State]:
        def whole(gradient: Updates) -> tuple[Updates, State]:
            seen: tuple[Updates, State] = wrapped.update(gradient, state, params, **extra)
            return seen

        def part(gradient: Updates) -> tuple[Updates, State]:
            return gradient, state

        result: tuple[Updates, State] = jax.lax.cond(last, whole, part, updates)
        return result

    return optax.GradientTransformationExtraArgs(inner.init, update)
