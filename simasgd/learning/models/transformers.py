"""A small decoder-only transformer on characters."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from simasgd.learning.models.network import NeuralNetwork, Parameters, apply, dense, numbered
from simasgd.scenario.learning.data import DataShape
from simasgd.scenario.learning.models import Transformer


def transformer(spec: Transformer, data: DataShape) -> NeuralNetwork:
    """Build blocks of causal self-attention (Vaswani et al. 2017) and GELU layers, as in GPT-2 (Radford et al. 2019).

    Each has its LayerNorm before it, and positions are learned. Weights are N(0, 0.02²), and N(0,
    0.02²/(2·layers)) where they write to the residual stream. Inputs are the numbers of characters,
    of which the network sees the last `context`. The logits are those of the next character.
    """
    width, heads, variance = spec.width, spec.heads, 0.02**2

    def init(key: jax.Array) -> Parameters:
        keys = iter(jax.random.split(key, 4 * spec.layers + 3))
        writing = variance / (2 * spec.layers)
        return {
            "characters": dense(next(keys), data.classes, width, variance)["w"],
            "positions": dense(next(keys), spec.context, width, variance)["w"],
            "blocks": [
                {
                    "before_attention": _normalization(width),
                    "attention": dense(next(keys), width, 3 * width, variance),
                    "from_attention": dense(next(keys), width, width, writing),
                    "before_wide": _normalization(width),
                    "wide": dense(next(keys), width, 4 * width, variance),
                    "from_wide": dense(next(keys), 4 * width, width, writing),
                }
                for _ in range(spec.layers)
            ],
            "last": _normalization(width),
            "top": dense(next(keys), width, data.classes, variance),
        }

    def logits(parameters: Parameters, inputs: jax.Array) -> jax.Array:
        codes = inputs[:, -spec.context :].astype(jnp.int32)
        stream = parameters["characters"][codes] + parameters["positions"]
        for block in parameters["blocks"]:
            queries_keys_values = apply(block["attention"], normalize(block["before_attention"], stream))
            stream = stream + apply(block["from_attention"], attend(queries_keys_values, heads))
            wide = jax.nn.gelu(apply(block["wide"], normalize(block["before_wide"], stream)))
            stream = stream + apply(block["from_wide"], wide)
        return apply(parameters["top"], normalize(parameters["last"], stream[:, -1]))

    def layers(parameters: Parameters) -> Parameters:
        embeddings, end = ("characters", "positions"), ("last", "top")
        groups = [{name: parameters[name] for name in names} for names in (embeddings, end)]
        first, *blocks, last = numbered([groups[0], *parameters["blocks"], groups[1]])
        return first | {"blocks": blocks} | last

    return NeuralNetwork(init, logits, layers=layers)


def _normalization(width: int) -> Parameters:
    return {"scale": jnp.ones(width, jnp.float32), "offset": jnp.zeros(width, jnp.float32)}


def normalize(layer: Parameters, stream: jax.Array) -> jax.Array:
    """Apply LayerNorm (Ba et al. 2016) over the last axis."""
    centred = stream - stream.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    result: jax.Array = centred * jax.lax.rsqrt(variance + 1e-5) * layer["scale"] + layer["offset"]
    return result


def attend(queries_keys_values: jax.Array, heads: int) -> jax.Array:
    """Apply causal self-attention, softmax(q·kᵀ/√d)·v in each head; (batch, context, 3·width) → (batch, context, width)."""
    batch, context, triple = queries_keys_values.shape
    size = triple // 3 // heads
    queries, keys, values = jnp.moveaxis(queries_keys_values.reshape(batch, context, 3, heads, size), 2, 0)
    scores = jnp.einsum("bqhd,bkhd->bhqk", queries, keys) / size**0.5
    scores = jnp.where(jnp.tri(context, dtype=bool), scores, -jnp.inf)
    mixed: jax.Array = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), values)
    return mixed.reshape(batch, context, heads * size)
