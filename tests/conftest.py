"""What tests of all folders may ask for."""

from __future__ import annotations

import pytest

from tests.build import compiled_quickly


@pytest.fixture
def quickly_compiled(monkeypatch):
    """Programs that run a few times only take most of their time to be compiled: XLA is told not to try hard, in the processes
    that a test starts, too."""
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    with compiled_quickly():
        yield
