"""Compiled programs are given back after each file: hundreds of them together take gigabytes."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import pytest

from simasgd.learning.chain import reference
from simasgd.learning.players import machine
from simasgd.learning.problem import evaluation


@pytest.fixture(scope="module", autouse=True)
def programs_given_back() -> Iterator[None]:
    yield
    for cached in (machine._compiled, reference._functions, evaluation._evaluator):
        cached.cache_clear()
    jax.clear_caches()
