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
    shape = learning.data.shape
    features: int = math.prod(shape.sample)
    if isinstance(learning.data, ImageNet):  # whose images are read as they are needed
        data = sum(min(ImageNet.kept_bytes, samples * features) for samples in (shape.train, shape.test)) / 2.0
    else:
        data = 4.0 * (shape.train + shape.test) * features
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
class TaskLimit:
    """How many tasks are carried out at once on this machine, by the memory that is free at the beginning.

    The memory of a task is estimated. A measured one shows how far estimates can be trusted: a task of no greater estimate
    takes as much as was measured, and a greater estimate is raised by the ratio of the two.
    """

    def __init__(self, tasks: Iterable[Iterable[Scenario]]) -> None:
        self._free = free_bytes()
        self._estimated = [max(map(estimate_bytes, scenarios), default=_OF_CLOCK) for scenarios in tasks]
        self._measured = 0
        self._largest_done = 0.0

    def note(self, task: int, peak: int) -> None:
        """Take notice of the most memory that the process of a task has had, by the task's number."""
        if peak:
            self._measured = max(self._measured, peak)
            self._largest_done = max(self._largest_done, self._estimated[task])

    def find_most(self, tasks: Iterable[int]) -> int:
        """Return the number of tasks that fit at once, of those with these numbers; at least one."""
        return max(1, int(_USABLE * self._free / self._find_need(tasks)[0]))

    def describe(self, tasks: Iterable[int]) -> str:
        """Return the memory of the largest of these tasks and the free memory, in words."""
        needed, how = self._find_need(tasks)
        return f"a process takes {format_bytes(needed)} of memory ({how}), and {format_bytes(self._free)} were free"

    def _find_need(self, tasks: Iterable[int]) -> tuple[float, str]:
        """Return the memory of the largest task, and how it is known. A process may keep what it has had."""
        estimated = max((self._estimated[task] for task in tasks), default=0.0)
        if estimated <= self._largest_done:
            return self._measured, "measured"
        ratio = max(1.0, self._measured / self._largest_done) if self._measured else 1.0
        return max(ratio * estimated, self._measured), "estimated"
