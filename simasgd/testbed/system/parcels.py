"""Messages: weights or a gradient as bytes, filled up to the size that the scenario says."""

from __future__ import annotations

from itertools import accumulate
from typing import final

import jax
import numpy as np
import numpy.typing as npt
from jaxtyping import PyTree

Parcel = npt.NDArray[np.uint8]


@final
class Codec:
    """Turns trees of arrays of one form into parcels of `size` bytes, and back.

    `template` has the shapes and types of the tree's arrays; None for messages without a content. The parcel begins with
    the values, and zeros follow.
    """

    def __init__(self, template: PyTree, size: int) -> None:
        leaves, self._structure = jax.tree.flatten(template)
        self._forms = [(leaf.shape, np.dtype(leaf.dtype)) for leaf in leaves]
        lengths = [int(np.prod(shape, dtype=np.int64)) * dtype.itemsize for shape, dtype in self._forms]
        self._bounds: list[int] = [0, *accumulate(lengths)]
        self.size = size

    @property
    def content(self) -> int:
        """The number of bytes of the values."""
        return self._bounds[-1]

    def pack(self, tree: PyTree) -> Parcel:
        """Return the parcel of a tree."""
        parcel = np.zeros(self.size, np.uint8)
        for leaf, start, end in zip(jax.tree.leaves(tree), self._bounds, self._bounds[1:], strict=False):
            parcel[start:end] = np.asarray(leaf).reshape(-1).view(np.uint8)
        return parcel

    def unpack(self, parcel: Parcel) -> PyTree:
        """Return the tree of a parcel; its arrays may be views of the parcel."""
        parts = zip(self._forms, self._bounds, self._bounds[1:], strict=False)
        leaves = [parcel[start:end].view(dtype).reshape(shape) for (shape, dtype), start, end in parts]
        return jax.tree.unflatten(self._structure, leaves)
