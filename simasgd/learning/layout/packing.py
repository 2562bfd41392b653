"""Packing: a tree of weights or of an optimizer's state as one array, so that it fits into a slot.

A slot is read and written as a whole. With one array for each layer, that takes an operation of XLA
for each array. For small models these cost more than the arithmetic: a mean of two models of four
arrays took three times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PyTree, Shaped


class Packed(NamedTuple):
    """A packed tree."""

    numbers: Float[Array, ...] | None
    """All floating-point numbers of the tree in one vector.

    It is None if the tree has none. Slots add a leading axis.
    """
    others: tuple[jax.Array, ...]
    """The other leaves, such as counts."""


@final
class Packing:
    """A way to pack trees that have the structure, shapes and types of `like`."""

    def __init__(self, like: PyTree) -> None:
        leaves, self._structure = jax.tree.flatten(like)
        self._leaves: Sequence[jax.ShapeDtypeStruct] = leaves

    def pack(self, tree: PyTree) -> Packed:
        """Return the packed tree."""
        leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(tree)]
        floats = [leaf.ravel() for leaf in leaves if _is_float(leaf)]
        return Packed(jnp.concatenate(floats) if floats else None, tuple(leaf for leaf in leaves if not _is_float(leaf)))

    def unpack(self, packed: Packed) -> PyTree:
        """Return the tree, with floating-point numbers of the packed precision."""
        leaves, others, begin = [], iter(packed.others), 0
        for leaf in self._leaves:
            if not _is_float(leaf):
                leaves.append(next(others))
                continue
            assert packed.numbers is not None
            leaves.append(packed.numbers[begin : begin + leaf.size].reshape(leaf.shape))
            begin += leaf.size
        return jax.tree.unflatten(self._structure, leaves)

    def spread_out(self, values: PyTree, dtype: DTypeLike) -> Shaped[Array, " numbers"]:
        """Return a vector with the value of each array, repeated for all floating-point numbers of the array."""
        of_arrays = zip(jax.tree.leaves(values), self._leaves, strict=True)
        return jnp.concatenate([jnp.full(leaf.size, value, dtype) for value, leaf in of_arrays if _is_float(leaf)])


def _is_float(leaf: jax.Array | jax.ShapeDtypeStruct) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))
