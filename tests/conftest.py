"""Fixtures and marks for the tests of all folders."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.build import compiled_quickly

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Programs that XLA has compiled once are loaded from here: in this session, in the processes that tests start, and in the next.
_COMPILED = {
    "JAX_COMPILATION_CACHE_DIR": str(Path(__file__).parents[1] / ".pytest_cache" / "xla"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


# XLA takes a third of the time to compile for the CPU without its newest code generator and in one piece. It ends a process
# that sets a flag which it does not know, so other versions are left alone.
_KNOWN = "0.10."
_QUICKLY = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"


def pytest_configure() -> None:
    """Keep compiled programs and modules for later processes, and have XLA compile quickly, before anything imports JAX.

    Images often forbid Python to keep compiled modules. The tests start hundreds of processes, which would each compile
    for seconds what they import.
    """
    settings.register_profile("tests", deadline=None)  # speed is not asserted, and other tests run at the same time
    settings.load_profile("tests")
    os.environ.update(_COMPILED)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    flags = os.environ.get("XLA_FLAGS", "")
    if version("jaxlib").startswith(_KNOWN) and _QUICKLY not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_QUICKLY}".strip()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector away from what stays: half a million objects of modules and tests.

    It went through them again and again, which took a fifth of the time of finding the tests, and 3 % of running them.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores: the test-bed's tests wait for paced processes most of the time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what compiles, and begin with what takes longest: begun last, it would leave the other cores idle.

    A test compiles if it asks for `quickly_compiled`, for `learned_studies` or for `engine`, itself or by another fixture.
    Tests that ask for `engine` stand together at the beginning, so that hardly more than one worker starts Ray.
    """
    for item in items:
        if {"quickly_compiled", "learned_studies", "engine"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("compiles")
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    if "engine" in getattr(item, "fixturenames", ()):
        return 0
    return 2 if item.get_closest_marker("kills") is None else 1


@pytest.fixture
def quickly_compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compile with little effort, in the processes that the test starts, too.

    The tests' programs run a few times only and take most of their time to be compiled.
    """
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    with compiled_quickly():
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a headless browser, which each page is opened in with a profile of its own."""
    from tests.browser import started

    with started() as browser:
        yield browser


@pytest.fixture
def compiled_anew() -> None:
    """Forget what this process has compiled, for tests that compare it with other processes bit for bit.

    Another test may have compiled the same programs with more or less effort, which changes the last bits.
    """
    import jax

    jax.clear_caches()
