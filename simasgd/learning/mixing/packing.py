"""Many arrays as one: a tree of weights or of an optimizer's state packed for a slot.

A slot is read and written as a whole. With an array for each layer that costs an operation of XLA's each, which for small
models is more than the arithmetic: a mean of two models of four arrays took three times as long.
"""

from __future__ import annotations

from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp


class Packed(NamedTuple):
    """All real numbers of a tree in one vector (None where there are none), and its other leaves, counts say, as they are."""

    numbers: jax.Array | None
    others: tuple[jax.Array, ...]


@final
class Packing:
    """Packs trees that are like one of these shapes, and unpacks them."""

    def __init__(self, like: Any) -> None:
        self._leaves, self._structure = jax.tree.flatten(like)

    def pack(self, tree: Any) -> Packed:
        leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(tree)]
        real = [leaf.ravel() for leaf in leaves if _is_real(leaf)]
        return Packed(jnp.concatenate(real) if real else None, tuple(leaf for leaf in leaves if not _is_real(leaf)))

    def unpack(self, packed: Packed) -> Any:
        """The tree, with the packed numbers' own precision."""
        found, others, begin = [], iter(packed.others), 0
        for leaf in self._leaves:
            if not _is_real(leaf):
                found.append(next(others))
                continue
            assert packed.numbers is not None
            found.append(packed.numbers[begin : begin + leaf.size].reshape(leaf.shape))
            begin += leaf.size
        return jax.tree.unflatten(self._structure, found)


def _is_real(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))
