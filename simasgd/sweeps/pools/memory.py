"""The memory that points take, and how many of them fit into this machine at once."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import final

from simasgd.memory import format_bytes, free_bytes
from simasgd.scenario.learning.data import ImageNet
from simasgd.scenario.schema import Scenario

_OF_CLOCK, _OF_LEARNING = 140e6, 450e6
"""Bytes of a worker process with the libraries of the clock, and with those of learning, too: measured on Linux."""
_OF_GRADIENT = 300
"""Bytes of a gradient on the tape and in the tables of a run."""
_USABLE = 0.9  # of the memory that is free at the beginning


def estimate_bytes(scenario: Scenario) -> float:
    """Estimate the memory of the process that computes a point, before one has been measured.

    It counts the libraries, the data set, a version of the weights for each learner, and the tape.
    """
    samples = scenario.samples_to_stop or 0
    gradients = max(scenario.stop.gradients or 0, samples / _least_batch(scenario))
    learning = scenario.learning
    if learning is None:
        return _OF_CLOCK + (0.0 if scenario.record.kind == "summary" else _OF_GRADIENT * gradients)
    data, shape = 0.0, learning.data.shape
    if not isinstance(learning.data, ImageNet):  # whose images are read as they are needed
        data = 4.0 * (shape.train + shape.test) * math.prod(shape.sample)
    weights = 4.0 * learning.num_parameters * (scenario.cluster.learners + 4)
    return _OF_LEARNING + 2.0 * data + weights + _OF_GRADIENT * gradients


def _least_batch(scenario: Scenario) -> float:
    sizes = scenario.workload.mini_batch
    if isinstance(sizes, int):
        return sizes
    return min(sizes) if isinstance(sizes, tuple) else sizes.mean


def measure_peak() -> int:
    """Return the most memory that this process has had, in bytes; 0 where the system does not tell it."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


@final
class Room:
    """How many points are computed at once on this machine, by the memory that is free now.

    The memory of a point is estimated until one has been measured; the largest counts.
    """

    def __init__(self, scenarios: Iterable[Scenario]) -> None:
        self._free = free_bytes()
        self._estimated = max(map(estimate_bytes, scenarios), default=_OF_CLOCK)
        self._measured = 0

    def note(self, peak: int) -> None:
        """Take notice of the most memory that a process has had."""
        self._measured = max(self._measured, peak)

    @property
    def most(self) -> int:
        """The number of points that fit at once; at least one."""
        return max(1, int(_USABLE * self._free / (self._measured or self._estimated)))

    def describe(self) -> str:
        """Return the memory of a point, and what is free, in words."""
        needed, how = (self._measured, "measured") if self._measured else (self._estimated, "estimated")
        return f"a process takes {format_bytes(needed)} of memory ({how}), and {format_bytes(self._free)} were free"
