"""One engine for all tests of the test-bed that a process of pytest runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simasgd.testbed.engine.abstract import AbstractEngine


@pytest.fixture(scope="session")
def engine() -> Iterator[AbstractEngine]:
    """Start Ray on this machine, or skip the test where Ray is not installed.

    A start takes seconds, and the engine uses its processes again, so one serves all tests. With pytest-xdist each worker
    has its own. The processes compile with little effort, as `quickly_compiled` does; a test's own process does so only
    if the test asks for that fixture, too.
    """
    pytest.importorskip("ray", reason="Ray is not installed (pip install 'simasgd[ray]')")
    from simasgd.testbed.engine.ray_engine import RayEngine

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # Ray's processes inherit it at the start
        started = RayEngine()
    with started:
        yield started
