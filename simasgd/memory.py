"""The memory of this machine."""

from __future__ import annotations

from pathlib import Path

import psutil

_LIMIT, _USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def free_bytes() -> int:
    """Return the free memory of this machine in bytes, or of the container that this process is in."""
    free: int = psutil.virtual_memory().available
    if _LIMIT.is_file() and _USED.is_file() and (limit := _LIMIT.read_text().strip()) != "max":
        free = min(free, int(limit) - int(_USED.read_text()))
    return free


def format_bytes(number: float) -> str:
    """Return a number of bytes as text with three digits and a unit, such as `12.3 kB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f} B"
