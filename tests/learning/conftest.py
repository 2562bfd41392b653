"""Marks of the rooms, and a fixture that frees compiled programs after each file: hundreds of them together take gigabytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

_COMPILING = [Path(__file__).parent / room for room in ("models", "players", "rules")]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `compiles` all tests of the rooms where nearly every test compiles."""
    for item in items:
        if any(room in item.path.parents for room in _COMPILING):
            item.add_marker("compiles")


@pytest.fixture(scope="module", autouse=True)
def programs_given_back() -> Iterator[None]:
    yield
    # Imported before tests/conftest.py sets its variables, JAX would not keep compiled programs.
    import jax

    from simasgd.learning.chain import reference as chain_reference
    from simasgd.learning.mixing import reference as mixing_reference
    from simasgd.learning.players import machine
    from simasgd.learning.problem import evaluation

    functions = chain_reference.compiled_functions, mixing_reference.compiled_functions
    for cached in (machine._compiled, *functions, evaluation._evaluator):
        cached.cache_clear()
    jax.clear_caches()
