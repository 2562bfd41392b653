"""Small scenarios for tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from simasgd.cluster.clock.log import SpanLog
from simasgd.cluster.job import Job
from simasgd.cluster.result import ClockResult
from simasgd.cluster.simulation import run as run_cluster
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer, merge
from simasgd.tape.mixing import Mixing
from simasgd.tape.recorder import TapeRecorder
from simasgd.tape.tape import Tape

PROGRAM = [
    sys.executable,
    "-c",
    # Shells start what runs in the background with SIGINT ignored, and that is inherited.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\nfrom simasgd.__main__ import main; main()",
]
"""The command `simasgd`, which heeds Ctrl-C however the tests were started."""
IS_AT_LENGTH = os.environ.get("SIMASGD_TEST_KILLS") == "all"
AT_LENGTH = pytest.mark.skipif(not IS_AT_LENGTH, reason="make kills")
"""Marks tests that take long, and whose subject others test in part: `make kills` runs them."""


def thin(cases: Iterable[Any], every: int) -> list[Any]:
    """Return the cases of a long family: one in `every` always runs, the others with `make kills`."""
    return [
        case if number % every == 0 else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=AT_LENGTH)
        for number, case in enumerate(cases)
    ]


TIMING: dict[str, Any] = {
    "name": "test",
    "cluster": {"learners": 4, "profile": "ideal"},
    "workload": {"mini_batch": 4, "payload": "10 kB", "samples_per_epoch": 1000},
    "protocol": {"kind": "async"},
    "stop": {"gradients": 400},
}
LEARNING: dict[str, Any] = merge(
    TIMING,
    {
        "learning": {
            "data": "digits",
            "model": {"kind": "mlp", "hidden": [16]},
            "optimizer": {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.5},
        },
        "workload": {"payload": None, "samples_per_epoch": None},
    },
)
# Five weights in two leaves, and as many samples as the digits: what does not depend on the model is compiled in half the time.
LINEAR: dict[str, Any] = merge(
    LEARNING,
    {
        "learning": {
            "data": {"kind": "linear-regression", "features": 4, "samples": 1437, "test": 360},
            "model": {"kind": "linear"},
        }
    },
)


@contextmanager
def compiled_quickly() -> Iterator[None]:
    """Have XLA compile with little effort."""
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


def scenario(base: dict[str, Any], *changes: dict[str, Any]) -> Scenario:
    """Return a scenario from a base and changes, merged as a file's layers are."""
    for change in changes:
        base = merge(base, change)
    return Scenario.from_layer(Layer(base))


def same_tape(one: Tape, other: Tape) -> bool:
    """Whether all columns agree, bit for bit."""

    def agree(a: Any, b: Any) -> bool:
        if isinstance(a, Mixing) and isinstance(b, Mixing):
            return all(agree(getattr(a, field.name), getattr(b, field.name)) for field in fields(Mixing))
        return np.array_equal(a, b)

    return all(agree(getattr(one, field.name), getattr(other, field.name)) for field in fields(Tape))


def clock(chosen: Scenario, log: SpanLog | None = None) -> tuple[ClockResult, Tape]:
    """Run a scenario's cluster; what its clock and its tape say. With a `log` the clock has spans, too."""
    recorder = TapeRecorder()
    clocked = run_cluster(Job.of(chosen), recorder, log=log)
    return clocked, recorder.tape(Job.of(chosen).mini_batch)
