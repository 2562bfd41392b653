"""How many processes are worth their start: for how long clocks take, on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import final

import psutil

from simasgd.memory import free_bytes
from simasgd.scenario.schema import Scenario
from simasgd.timing import Timing

_OF_GRADIENT, _OF_LEARNER = 15e-6, 100e-6
"""Seconds of a clock for each gradient and each learner, before one was measured: on a machine of 2026, with a server."""
_WORTH = 3.0
"""Seconds of clocks for which a process is started. Its start takes about one, and two compete for the same caches."""
_BYTES_OF_PROCESS, _BYTES_OF_GRADIENT = 140e6, 400
"""Bytes of a process with the libraries of the clock, and of a gradient: on a tape in each process, and on the parts of it
that are sent."""
_USABLE = 0.5  # of the free memory
_MOST = 4
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@final
class Pace:
    """An estimate of the seconds that clocks take, from those that were simulated."""

    def __init__(self) -> None:
        self._seconds = self._gradients = 0.0
        self._clocks = 0

    def note(self, timing: Timing) -> None:
        """Take notice of a clock that was simulated."""
        self._seconds += timing.seconds
        self._gradients += timing.clock.gradients_applied
        self._clocks += 1

    def estimate(self, scenario: Scenario) -> float:
        """Return about the seconds of the clock of a scenario; those of a mean one if its length is not known."""
        gradients = count_gradients(scenario)
        if not gradients:
            return self._seconds / max(1, self._clocks)
        if not self._gradients:
            return _OF_GRADIENT * gradients + _OF_LEARNER * scenario.cluster.learners
        return self._seconds / self._gradients * gradients


def count_gradients(scenario: Scenario) -> float:
    """Return about the gradients until a scenario stops; 0 if only a time ends it."""
    stop, size = scenario.stop, scenario.workload.mini_batch
    samples = scenario.samples_to_stop
    mean = size if isinstance(size, int) else sum(size) / len(size) if isinstance(size, tuple) else size.mean
    limits = (stop.gradients, stop.updates, None if samples is None else samples / mean)
    return min((limit for limit in limits if limit is not None), default=0.0)


def count_helpers(scenarios: Sequence[Scenario], pace: Pace, cores: int | None = None, free: float | None = None) -> int:
    """Return how many processes the clocks of these scenarios are worth, besides this one.

    This one has one of the `cores` to itself, and half of the `free` bytes; None: what this machine has.
    """
    seconds = sum(map(pace.estimate, scenarios))
    if seconds < _WORTH:
        return 0
    spare = (count_cores() if cores is None else cores) - 1
    each = _BYTES_OF_PROCESS + _BYTES_OF_GRADIENT * max(map(count_gradients, scenarios))
    fitting = int(_USABLE * (free_bytes() if free is None else free) / each)
    return max(0, min(spare, _MOST, len(scenarios), int(seconds / _WORTH), fitting))


def count_cores() -> int:
    """Return the number of cores that this process may use, rounded up where a container limits its time."""
    cores = len(psutil.Process().cpu_affinity()) if sys.platform in ("linux", "win32") else os.cpu_count() or 1
    quota, _, period = _QUOTA.read_text().strip().partition(" ") if _QUOTA.is_file() else ("max", "", "")
    return cores if quota == "max" else max(1, min(cores, ceil(int(quota) / int(period))))
