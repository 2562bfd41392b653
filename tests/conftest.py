"""Fixtures and marks for the tests of all folders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.build import compiled_quickly


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `compiles` every test that asks for `quickly_compiled` or for `learned_studies`, itself or by another fixture."""
    for item in items:
        if {"quickly_compiled", "learned_studies"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("compiles")


@pytest.fixture
def quickly_compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compile with little effort, in the processes that the test starts, too.

    The tests' programs run a few times only and take most of their time to be compiled.
    """
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    with compiled_quickly():
        yield
