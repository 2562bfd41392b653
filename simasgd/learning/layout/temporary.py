"""The memory of intermediate values, counted without compiling."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.extend.core import Jaxpr, Literal, Var

from simasgd.learning.problem.gradients import gradient_function
from simasgd.learning.problem.recipe import Recipe
from simasgd.learning.problem.task import SampleType


def gradient_bytes(recipe: Recipe, sample: SampleType, mini_batch: int, number: int) -> int:
    """Return the bytes that a batched call for `number` gradients, each of different weights, takes for its values.

    Layers' outputs are most of them. They are counted in the order in which JAX computes them, from
    shapes alone. XLA's own order takes about as much.
    """
    objective, augmentation = recipe.task.objective, recipe.task.augmentation
    dtype = sample.inputs.dtype

    def shaped(shape: tuple[int, ...], kind: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((number, *shape), kind)

    start = jax.eval_shape(objective.init, jax.random.key(0))
    weights = jax.tree.map(lambda leaf: shaped(leaf.shape, leaf.dtype), start)
    samples = (shaped((mini_batch, *part.shape), part.dtype) for part in sample)
    codes = None if augmentation is None else shaped((mini_batch,), np.int32)
    share = shaped((mini_batch,), dtype)
    return live_bytes(jax.vmap(gradient_function(recipe.frame)), weights, *samples, codes, share)


def live_bytes(function: Callable[..., Any], *arguments: Any) -> int:
    """Return the most bytes that a function's values take together; its arguments are left out.

    A value lives from the operation that makes it to the last one that reads it. The result lives to
    the end. `arguments` may be shapes and types only.
    """
    return _peak(jax.make_jaxpr(function)(*arguments).jaxpr)


def _peak(program: Jaxpr) -> int:
    last = {v: number for number, line in enumerate(program.eqns) for v in line.invars if not isinstance(v, Literal)}
    results = {v for v in program.outvars if not isinstance(v, Literal)}
    alive = most = 0
    made: set[Var] = set()
    for number, line in enumerate(program.eqns):
        written = sum(map(_bytes_of, line.outvars))
        inside = max(map(_peak, _inner_programs(line.params)), default=0)
        most = max(most, alive + max(written, inside))
        alive += written
        made.update(line.outvars)
        used = {v for v in (*line.invars, *line.outvars) if not isinstance(v, Literal)}
        alive -= sum(_bytes_of(v) for v in used & made - results if last.get(v, number) == number)
    return most


def _inner_programs(parameters: dict[str, Any]) -> Iterator[Jaxpr]:
    """Yield the programs that an operation calls."""
    for value in parameters.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            if isinstance(inner := getattr(part, "jaxpr", part), Jaxpr):
                yield inner


def _bytes_of(value: Var) -> int:
    shape, dtype = getattr(value.aval, "shape", ()), getattr(value.aval, "dtype", None)
    is_plain = dtype is not None and not jax.numpy.issubdtype(dtype, jax.dtypes.extended)
    return math.prod(shape) * np.dtype(dtype).itemsize if is_plain else 0
