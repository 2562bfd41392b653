"""Names for the pytrees that update rules work on."""

from __future__ import annotations

from typing import TypeAlias

from jaxtyping import PyTree

Updates: TypeAlias = PyTree
"""Gradients, or changes of the weights: a pytree of arrays with the structure of the weights."""
State: TypeAlias = PyTree
"""The state of an optax transformation."""
