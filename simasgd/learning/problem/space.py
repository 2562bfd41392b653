"""What memory there is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jax
import psutil

from simasgd.errors import RunFailed

_LIMIT, _USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def available() -> int:
    """Bytes that the device (or, where it shares it, this machine) has left."""
    statistics: Mapping[str, int] | None = jax.devices()[0].memory_stats()
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)
    free: int = psutil.virtual_memory().available
    if _LIMIT.is_file() and _USED.is_file() and (limit := _LIMIT.read_text().strip()) != "max":  # a container's own
        free = min(free, int(limit) - int(_USED.read_text()))
    return free


def refuse(needed: int, why: str) -> None:
    """Raise RunFailed where so many bytes are not there; `why` says what for."""
    there = available()
    if needed > there:
        raise RunFailed(
            f"the replay needs {said(needed)} of memory ({why}), and {said(there)} are there: "
            "fewer learners (or less staleness), a smaller model, fewer gradients or precision float32 need less"
        )


def said(number: float) -> str:
    """Bytes for people."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f} B"
