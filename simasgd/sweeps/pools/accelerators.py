"""The accelerators of this machine, and the worker processes that learn on them: one each.

A process that learns on a GPU takes three quarters of its memory when it begins, and a second one beside it would find too
little. Two processes would take turns on it, too, whereas points that share a tape go through one loop.
"""

from __future__ import annotations

import os
import socket

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_OF_THE_USER = ("XLA_PYTHON_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_ALLOCATOR")
"""With one of these, the user decides how processes share the memory of a GPU."""
_PREALLOCATE, _NOT = "XLA_PYTHON_CLIENT_PREALLOCATE", ("false", "False", "0")
"""These words tell JAX not to take memory in advance. They count as such a decision, too."""


def share_accelerators(processes: int, count: int) -> tuple[int, tuple[str, ...]]:
    """Return how many of `processes` may learn at once on `count` accelerators, and the names of these.

    Without accelerators, or where the user shares their memory, these are all processes, and no accelerators.
    """
    if not count or os.environ.get(_PREALLOCATE) in _NOT or any(os.environ.get(name) for name in _OF_THE_USER):
        return processes, ()
    visible = os.environ.get(_VISIBLE)
    names = visible.split(",") if visible else [str(number) for number in range(count)]
    return min(processes, count), tuple(names[:count])


def claim(names: tuple[str, ...], driver: int) -> None:
    """Take one of several accelerators for this process, until it ends; no other process of the `driver` has it.

    A single one needs no choice. Several are CUDA's. Nothing of JAX must have been imported.
    """
    if len(names) < 2:
        return
    for name in names:
        held = socket.socket(socket.AF_UNIX)
        try:
            held.bind(f"\0simasgd-{driver}-{name}")  # a name without a file, which the system frees
        except OSError:
            held.close()
            continue
        held.detach()  # it stays bound until the process ends
        os.environ[_VISIBLE] = name
        return
