"""What compression leaves of a gradient: what the server decodes from its message.

The encoders are transformations of whole gradients, all arrays together, one after the other in the order of their leaves:

    update = optax.chain(keep_largest(0.01), optax.sgd(0.05))

Two more put a memory for each learner around an encoder: `with_error_feedback`, and `summed_up` where a message is the sum of
several gradients. A learner's memory knows the gradients that are applied; a real learner also remembers those that get lost.
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
from simasgd.learning.rules.trees import State, Updates
from simasgd.scenario.learning.compression import entries_kept

_LEAST_NORMAL, _LEAST_HALF = 2.0**-14, 2.0**-24  # of half precision: from here on it has 11 digits, and its finest step


def round_to_half() -> optax.GradientTransformationExtraArgs:
    """Each value rounded to the nearest half-precision number, to even between two, as IEEE 754 does: beyond 65,504 infinite,
    and a multiple of 2⁻²⁴ where it is small. Compilers may leave a conversion there and back out; this they may not."""

    def half(g: jax.Array) -> jax.Array:
        small = jnp.round(g / _LEAST_HALF) * _LEAST_HALF
        return jnp.where(jnp.abs(g) < _LEAST_NORMAL, small, jax.lax.reduce_precision(g, exponent_bits=5, mantissa_bits=10))

    def update(updates: Updates, state: State, params: Parameters = None, **extra: PyTree) -> tuple[Updates, State]:
        del params, extra
        return jax.tree.map(half, updates), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


def keep_largest(fraction: float) -> optax.GradientTransformationExtraArgs:
    """top_k(g): the k = ⌈`fraction`·d⌉ of all d values that are largest in magnitude, of equal ones the first, and 0 for the
    others (Aji and Heafield 2017; Stich et al. 2018, arXiv:1809.07599, Definition 2.1; recalled).

    ‖g − top_k(g)‖² ≤ (1 − k/d)·‖g‖².
    """

    def top_k(g: jax.Array) -> jax.Array:
        kept = entries_kept(fraction, g.size)
        if kept == g.size:
            return g
        _, places = jax.lax.top_k(jnp.abs(g), kept)
        return jnp.zeros_like(g).at[places].set(g[places])

    return _of_whole_gradients(top_k)


def take_signs() -> optax.GradientTransformationExtraArgs:
    """sign(g), with sign(0) = 1, as a bit cannot say more: signSGD (Bernstein et al. 2018, arXiv:1802.04434; recalled)."""
    return _of_whole_gradients(_sign)


def take_scaled_signs() -> optax.GradientTransformationExtraArgs:
    """(‖g‖₁/d)·sign(g) of d values: the compressor of EF-signSGD (Karimireddy et al. 2019, arXiv:1901.09847; recalled), which
    is that with error feedback. Here too sign(0) = 1."""
    return _of_whole_gradients(lambda g: jnp.abs(g).mean() * _sign(g))


def _sign(g: jax.Array) -> jax.Array:
    return jnp.where(g >= 0.0, 1.0, jnp.where(g < 0.0, -1.0, g)).astype(g.dtype)  # what is no number stays none


def _of_whole_gradients(encoded: Callable[[jax.Array], jax.Array]) -> optax.GradientTransformationExtraArgs:
    """`encoded` gets all d values, shape (d,)."""

    def update(updates: Updates, state: State, params: Parameters = None, **extra: PyTree) -> tuple[Updates, State]:
        del params, extra
        values, arrays = ravel_pytree(updates)
        return arrays(encoded(values)), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


class Draws(NamedTuple):
    """Where random numbers come from: a key (the two words of a Threefry key), and how many messages have had some."""

    key: jax.Array
    messages: jax.Array


def quantize(levels: int, bucket: int | None = None) -> optax.GradientTransformationExtraArgs:
    """Q_s(g)_i = ‖g‖₂·sign(g_i)·ξ_i, where ξ_i is one of the two multiples of 1/s around |g_i|/‖g‖₂, drawn so that its mean is
    |g_i|/‖g‖₂: QSGD (Alistarh et al. 2017, arXiv:1610.02132, Section 3.1; recalled). s is `levels`.

    Every `bucket` values in a row are a vector g of their own (Section 4 there; the last one may be shorter); without a bucket
    all d are one. E Q_s(g) = g, and E‖Q_s(g) − g‖² ≤ min(d/s², √d/s)·‖g‖².

    The draws are a function of the initial weights' bits (so they follow the seed that made these; where all seeds begin with
    the same weights they have the same draws) and of how many messages were encoded before.
    """

    def quantized(g: jax.Array, key: jax.Array) -> jax.Array:
        size = g.size if bucket is None else bucket
        vectors = jnp.pad(g, (0, -g.size % size)).reshape(-1, size)
        norms = jnp.sqrt(jnp.square(vectors).sum(axis=1, keepdims=True))
        wanted = levels * jnp.abs(vectors) / jnp.where(norms > 0.0, norms, 1.0)
        drawn = jnp.floor(wanted + jax.random.uniform(key, vectors.shape, g.dtype))
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
    """One word made of all bits of some weights: the sum of their words modulo 2³²."""
    words = [jax.lax.bitcast_convert_type(leaf, jnp.uint32) for leaf in jax.tree.leaves(params)]
    return jnp.stack([word.sum(dtype=jnp.uint32) for word in words]).sum(dtype=jnp.uint32)


class Memories(NamedTuple):
    """What each learner has not sent yet: the structure of the weights, with a leading axis of learners on each leaf; and the
    encoder's own state."""

    memories: Updates
    encoder: State


def with_error_feedback(encoder: optax.GradientTransformationExtraArgs, learners: int) -> optax.GradientTransformationExtraArgs:
    """p = e_i + g; Q(p) is sent and e_i ← p − Q(p), for the gradient g of learner i and Q the `encoder`: memory (Stich et al.
    2018, arXiv:1809.07599, Algorithm 1) or error feedback (Karimireddy et al. 2019, arXiv:1901.09847, Algorithm 2; recalled).

    There e_i is of steps α·g, here of gradients, which is the same as long as α is. What was sent and e_i add up to all
    gradients. Extra arguments: `learner` i, of λ `learners`; `last` as in `summed_up`.
    """
    return _remembering(encoder, learners, lambda message, sent: jax.tree.map(jnp.subtract, message, sent))


def summed_up(encoder: optax.GradientTransformationExtraArgs, learners: int) -> optax.GradientTransformationExtraArgs:
    """Q(Σ g) in place of the last gradient g of each message, and 0 in place of those before, for Q the `encoder`.

    Extra arguments: `learner`, of λ `learners`; `last`, whether its message ends with this gradient (it does if absent).
    """
    return _remembering(encoder, learners, lambda message, sent: jax.tree.map(jnp.zeros_like, message))


def _remembering(
    encoder: optax.GradientTransformationExtraArgs, learners: int, left: Callable[[Updates, Updates], Updates]
) -> optax.GradientTransformationExtraArgs:
    """`left(message, sent)` stays with the learner when `sent` has taken the place of `message`."""

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
    """`inner` of whole messages: it sees a gradient only where the extra argument `last` says that its message ends with it;
    the others, which are 0, pass it by."""
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
