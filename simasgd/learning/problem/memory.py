"""Memory: how much there is, how much arrays take, and the refusal of a replay that needs more."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import jax
import numpy as np
from jaxtyping import PyTree

from simasgd.errors import RunFailed
from simasgd.memory import format_bytes, free_bytes
from simasgd.scenario.alike import CPU_CAPACITY, Capacity


def available_bytes() -> int:
    """Return the free memory of the device in bytes, or of this machine where both share it."""
    statistics: Mapping[str, int] | None = jax.devices()[0].memory_stats()
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)
    return free_bytes()


def group_bytes() -> float:
    """Return the bytes that several runs in one loop may use on the device; infinity if there is no limit."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return CPU_CAPACITY.memory
    statistics: Mapping[str, int] | None = device.memory_stats()
    return Capacity.of_accelerator((statistics or {}).get("bytes_limit")).memory


def require_bytes(needed: int, purpose: str) -> None:
    """Raise RunFailed if fewer than `needed` bytes are free; `purpose` goes into the message."""
    free = available_bytes()
    if needed > free:
        raise RunFailed(
            f"the replay needs {format_bytes(needed)} of memory ({purpose}), and {format_bytes(free)} are free: "
            "fewer learners (or less staleness), a smaller model, fewer gradients or precision float32 need less"
        )


def tree_bytes(tree: PyTree) -> int:
    """Return the bytes of all arrays of a tree. Its leaves may be shapes and types only."""
    return sum(math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(tree))


@contextmanager
def device_errors_translated() -> Iterator[None]:
    """Raise RunFailed if the device's memory does not suffice, and ignore warnings of overflow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            yield
        except jax.errors.JaxRuntimeError as error:
            # XLA reports it as RESOURCE_EXHAUSTED or, where it notices later, as INTERNAL.
            if "out of memory" not in str(error).lower():
                raise
            raise RunFailed(f"the device's memory does not suffice for this run: {str(error).splitlines()[0]}") from None
