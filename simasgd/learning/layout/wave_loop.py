"""The parts that loops over waves share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Int, Int32, PyTree

from simasgd.learning.layout.abstract import AXIS
from simasgd.learning.layout.columns import Tree

IntScalar: TypeAlias = Int[Array, ""]
Carried = TypeVar("Carried", bound=PyTree)

IN_A_BLOCK = 16
"""Waves. A loop must be entered after whole blocks only, see `learning.players.entries`."""


def for_each_wave(first: IntScalar, last: IntScalar, wave: Callable[[IntScalar, Carried], Carried], carry: Carried) -> Carried:
    """Return the carry after the waves from `first` to before `last`.

    The waves of a block are a loop of known length, so an accelerator asks the host only after each
    block whether there are more. The rest are a loop of any length.
    """

    def block(number: IntScalar, carry: Carried) -> Carried:
        begin = first + IN_A_BLOCK * number
        made: Carried = jax.lax.fori_loop(0, IN_A_BLOCK, lambda k, carry: wave(begin + k, carry), carry)
        return made

    blocks = (last - first) // IN_A_BLOCK
    carry = jax.lax.fori_loop(0, blocks, block, carry)
    after: Carried = jax.lax.fori_loop(first + IN_A_BLOCK * blocks, last, wave, carry)
    return after


def spread(array: jax.Array, mesh: Mesh | None) -> jax.Array:
    """Spread the leading axis of an array over the devices, if it can be divided evenly."""
    if mesh is None or array.shape[0] % mesh.size:
        return array
    parted: jax.Array = jax.lax.with_sharding_constraint(array, NamedSharding(mesh, PartitionSpec(AXIS)))
    return parted


def either(is_first: Bool[Array, ""], first: Tree, second: Tree) -> Tree:
    """Return one of two trees."""
    chosen: Tree = jax.tree.map(lambda one, other: jnp.where(is_first, one, other), first, second)
    return chosen


def are_new(evaluations: Int32[Array, " width"]) -> Bool[Array, " width"]:
    """Return whether each evaluation differs from the one before: the last ones may be one and the same, repeated."""
    return jnp.concatenate([jnp.ones(1, bool), evaluations[1:] > evaluations[:-1]])


def full_product(left: Float[Array, "n k"], right: Float[Array, "k m"]) -> Float[Array, "n m"]:
    """Return the product of two matrices in full precision, also where the gradients' products have less."""
    result: jax.Array = jnp.matmul(left, right, precision=jax.lax.Precision.HIGHEST)
    return result
