"""Columns on the device: padding them to shapes that many tapes share, and reading their rows."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Int, Int32, Shaped

from simasgd.tape.arrays import Ints

Values: TypeAlias = npt.NDArray[np.generic]
Index: TypeAlias = Int[Array, "..."] | int
Tree = TypeVar("Tree")
Scalar = TypeVar("Scalar", bound=np.generic)

IN_BOUNDS = "promise_in_bounds"
"""JAX's mode of indexing without a check.

All indices come from a plan, which keeps them in bounds.
"""


LEAST_ROWS = 8192
"""The least length of a column. Padding costs kilobytes, and a program takes seconds to compile."""


def round_up(rows: int) -> int:
    """Return the least number of at least `rows` and LEAST_ROWS that is 1, 1.25, 1.5 or 1.75 times a power of two.

    All short tapes, and longer ones of similar length, then have columns of equal length and share a
    compiled program.
    """
    unit = 1 << max(0, rows.bit_length() - 3)
    return max(LEAST_ROWS, -(-rows // unit) * unit)


class Lengths(NamedTuple):
    """The lengths of the columns of a layout, padding included."""

    evaluations: int
    """Length of columns with a row for each evaluation."""
    steps: int
    """Length of columns with a row for each step."""
    bounds: int
    """Length of the column with the bounds of waves."""

    @classmethod
    def of(cls, evaluations: float, steps: float, bounds: float) -> Lengths:
        """Return the lengths for so many evaluations, steps and bounds of waves."""
        return cls(*(round_up(round(rows)) for rows in (evaluations, steps, bounds)))


def pad(values: Shaped[Values, "rows ..."], size: int, dtype: type[Scalar]) -> Shaped[npt.NDArray[Scalar], "size ..."]:
    """Return the values followed by rows of zeros, `size` rows in all."""
    result = np.zeros((size, *values.shape[1:]), dtype)
    result[: len(values)] = values
    return result


def column(values: Shaped[Values, "rows ..."], size: int, dtype: npt.DTypeLike) -> Shaped[Array, "size ..."]:
    """Return the padded values (see `pad`) on the device."""
    return jnp.asarray(pad(values, size, np.dtype(dtype).type))


def bounds_column(bounds: Shaped[Ints, " rows"], size: int) -> Int32[Array, " size"]:
    """Return the bounds of stretches on the device.

    The last one is repeated, so that padding makes empty stretches.
    """
    return jnp.asarray(np.concatenate([bounds, np.full(size - len(bounds), bounds[-1])]).astype(np.int32))


def take(tree: Tree, index: Index) -> Tree:
    """Return the rows at `index` of all arrays of a tree."""
    taken: Tree = jax.tree.map(lambda leaf: leaf.at[index].get(mode=IN_BOUNDS), tree)
    return taken


def put(tree: Tree, index: Index, rows: Tree) -> Tree:
    """Return the tree with `rows` in place of the rows at `index` of its arrays."""
    changed: Tree = jax.tree.map(lambda leaf, new: leaf.at[index].set(new, mode=IN_BOUNDS), tree, rows)
    return changed


def first_rows(tree: Tree, rows: int) -> Tree:
    """Return the first rows of all arrays of a tree."""
    taken: Tree = jax.tree.map(lambda leaf: leaf[:rows], tree)
    return taken


def in_slots(tree: Tree, slots: int, slot: int) -> Tree:
    """Return arrays of `slots` slots, on a leading axis: `slot` holds the tree, the others 0."""
    filled: Tree = jax.tree.map(lambda leaf: jnp.zeros((slots, *jnp.shape(leaf)), leaf.dtype).at[slot].set(leaf), tree)
    return filled
