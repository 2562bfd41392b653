"""JAX does not survive a fork, so a fork is told what to do instead."""

from __future__ import annotations

import multiprocessing

import pytest

from simasgd import UsageError
from simasgd.learning.devices import require_devices


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning", "ignore:This process:DeprecationWarning")
def test_a_fork_says_spawn():
    """JAX's threads do not go into a fork. What is compiled there would wait for them for ever."""
    require_devices()
    with multiprocessing.get_context("fork").Pool(1) as pool, pytest.raises(UsageError, match="spawn"):
        pool.apply_async(require_devices).get(timeout=60)
