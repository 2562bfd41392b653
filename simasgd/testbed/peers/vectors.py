"""Trees of arrays as vectors, which a collective operation adds up."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from simasgd.testbed.peers.ring import Vector


@final
class VectorCodec:
    """Turns the numbers of trees of one form into vectors of `size` bytes, or as many as they need, and back.

    Leaves other than floats, such as counts, are not part of a vector. Zeros follow the numbers.
    """

    def __init__(self, template: PyTree, size: float) -> None:
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(template) if _is_float(leaf)]
        self._dtype: Any = leaves[0].dtype if leaves else np.dtype(np.float32)
        self._bounds: list[int] = [0, *accumulate(leaf.size for leaf in leaves)]
        self.length = max(self._bounds[-1], -(-int(size) // self._dtype.itemsize))

    def vector(self, tree: PyTree, share: float) -> Vector:
        """Return `share` times the numbers of a tree, shape (length,)."""
        vector = np.zeros(self.length, self._dtype)
        leaves = [leaf for leaf in jax.tree.leaves(tree) if _is_float(leaf)]
        for leaf, begin, end in zip(leaves, self._bounds, self._bounds[1:], strict=False):
            vector[begin:end] = np.asarray(leaf).reshape(-1)
        vector *= self._dtype.type(share)
        return vector

    def tree(self, vector: Vector, like: PyTree) -> PyTree:
        """Return a tree with the numbers of a vector; its other leaves are those of `like`."""
        leaves, structure = jax.tree.flatten(like)
        places = iter(zip(self._bounds, self._bounds[1:], strict=False))

        def leaf_of(leaf: Any) -> Any:
            if not _is_float(leaf):
                return leaf
            begin, end = next(places)
            return vector[begin:end].reshape(np.shape(leaf)).astype(leaf.dtype, copy=False)

        return jax.tree.unflatten(structure, [leaf_of(leaf) for leaf in leaves])


def _is_float(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))
