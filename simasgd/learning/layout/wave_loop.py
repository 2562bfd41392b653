"""The parts that loops over waves share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Int, PyTree

from simasgd.learning.layout.abstract import AXIS

Number: TypeAlias = Int[Array, ""]
Carried = TypeVar("Carried", bound=PyTree)

_IN_A_BLOCK = 16


def for_each_wave(first: Number, last: Number, wave: Callable[[Number, Carried], Carried], carry: Carried) -> Carried:
    """Return the carry after the waves from `first` to before `last`.

    The waves of a block are a loop of known length, so an accelerator asks the host only after each
    block whether there are more. The rest are a loop of any length.
    """

    def block(number: Number, carry: Carried) -> Carried:
        begin = first + _IN_A_BLOCK * number
        made: Carried = jax.lax.fori_loop(0, _IN_A_BLOCK, lambda k, carry: wave(begin + k, carry), carry)
        return made

    blocks = (last - first) // _IN_A_BLOCK
    carry = jax.lax.fori_loop(0, blocks, block, carry)
    after: Carried = jax.lax.fori_loop(first + _IN_A_BLOCK * blocks, last, wave, carry)
    return after


def spread(array: jax.Array, mesh: Mesh | None) -> jax.Array:
    """Spread the leading axis of an array over the devices, if it can be divided evenly."""
    if mesh is None or array.shape[0] % mesh.size:
        return array
    parted: jax.Array = jax.lax.with_sharding_constraint(array, NamedSharding(mesh, PartitionSpec(AXIS)))
    return parted
