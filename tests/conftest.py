"""What tests of all folders may ask for."""

from __future__ import annotations

import pytest


@pytest.fixture
def quickly_compiled():
    """Programs that run a few times only take most of their time to be compiled: XLA is told not to try hard."""
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
