"""Memory: how much there is, how much arrays take, and the refusal of a replay that needs more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
import psutil
from jaxtyping import PyTree

from simasgd.errors import RunFailed

_LIMIT, _USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def available_bytes() -> int:
    """Return the free memory of the device in bytes, or of this machine where both share it."""
    statistics: Mapping[str, int] | None = jax.devices()[0].memory_stats()
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)
    free: int = psutil.virtual_memory().available
    if _LIMIT.is_file() and _USED.is_file() and (limit := _LIMIT.read_text().strip()) != "max":  # a container's own
        free = min(free, int(limit) - int(_USED.read_text()))
    return free


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


def format_bytes(number: float) -> str:
    """Return a number of bytes as text with three digits and a unit, such as `12.3 kB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f} B"
